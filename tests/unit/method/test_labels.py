"""Labels out of M's own samples, and whom to believe."""

import pytest

from w2s.method.labels.majority import check_labels, label_problems
from w2s.method.labels.prompt import consistency_under
from w2s.method.labels.trust import Evidence, evidence_of, trusted
from w2s.method.outcomes import LABEL_OUTCOMES
from w2s.recipe import Answers, Labels
from w2s.records import Completion, Problem

ANSWERS = Answers()
LONG = ("6", "length")
ALL = Labels()


def completion(answer: str | tuple[str, str], sample: int, problem_id: str = "p") -> Completion:
    text, reason = answer if isinstance(answer, tuple) else (answer, "stop")
    whole = f"so {sample}\n#### {text}" if text else f"so {sample}"
    return Completion(problem_id, sample, "m", whole, reason, 1, 1, 0)  # type: ignore[arg-type]


def label(samples, weak="", greedy="", rule=ALL, evidence=None, shown=(), answers=ANSWERS):
    return label_problems(
        [Problem("p", "q")],
        [completion(answer, number) for number, answer in enumerate(samples)],
        [completion(greedy, 0)] if greedy else [],
        [completion(weak, 0)] if weak else [],
        shown,
        rule,
        answers,
        evidence,
    )


HALF = Labels(min_share=0.5)
BELIEVED = Evidence(reliability=0.5, agreement=0.5, consistency=0.7)
DOUBTED = Evidence(reliability=0.3, agreement=0.5, consistency=0.7)
RULES = [
    # samples, weak, greedy, rule, evidence, outcome, majority, learned
    (["5", "5", "6"], "", "", HALF, None, "kept", "5", 1),
    (["5", "5.0", "6"], "", "", HALF, None, "kept", "5", 1),
    (["5", "5", "6", "7", "8"], "", "", HALF, None, "low_share", "5", 0),
    (["5", "5", "6", "7", "8"], "", "", Labels(), None, "kept", "5", 1),
    (["5", "5", "6", "7", "8"], "5", "", HALF, None, "low_share", "5", 0),
    (["5", "5", "6", "7", "8"], "5", "", HALF, BELIEVED, "kept_weak_agrees", "5", 1),
    (["5", "5", "6", "7", "8"], "5", "", HALF, DOUBTED, "low_share", "5", 0),
    (["5", "5", "6", "7", "8"], "6", "", HALF, BELIEVED, "low_share", "5", 0),
    (["5", "5", "5", "6"], "6", "", HALF, BELIEVED, "kept", "5", 1),
    (["5", "6"], "5", "", HALF, BELIEVED, "tie", "5", 0),
    (["5", "6"], "", "5", HALF, None, "kept", "5", 1),
    (["5", "6", "6"], "", "5", HALF, None, "tie", "5", 0),
    (["", "", ""], "5", "", HALF, BELIEVED, "unreadable", "", 0),
    (["5", LONG, LONG], "5", "", HALF, None, "low_share", "5", 0),
    ([], "5", "", HALF, BELIEVED, "samples_missing", "", 0),
    (["5", "5", "5"], "", "", Labels(per_problem=2), None, "kept", "5", 2),
]


@pytest.mark.parametrize(("samples", "weak", "greedy", "rule", "evidence", "outcome", "majority", "learned"), RULES)
def test_rule(samples, weak, greedy, rule, evidence, outcome, majority, learned):
    found = label(samples, weak, greedy, rule, evidence)
    (row,) = found.selection
    assert (row.outcome, row.icl_answer, len(found.examples)) == (outcome, majority, learned)
    assert row.outcome in LABEL_OUTCOMES
    assert all(f"#### {majority}" in example.completion for example in found.examples)
    assert len({example.completion for example in found.examples}) == learned


def test_a_demonstration_s_own_problem_is_left_out():
    assert label(["5", "5"], shown=["p"]).selection[0].outcome == "demonstration"


def test_equal_texts_are_learned_once():
    again = [Completion("p", n, "m", "so\n#### 5", "stop", 1, 1, 0) for n in range(3)]
    found = label_problems([Problem("p", "q")], again, [], [], (), Labels(per_problem=3), ANSWERS, None)
    assert len(found.examples) == 1


def test_the_order_of_rows_changes_nothing():
    rows = [completion(a, n, p) for p in ("a", "b") for n, a in enumerate(["5", "5", "6"])]
    problems = [Problem("b", "q"), Problem("a", "q")]
    found = [
        label_problems(ps, cs, [], [], (), Labels(), ANSWERS, None)
        for ps, cs in ((problems, rows), (problems[::-1], rows[::-1]))
    ]
    assert found[0] == found[1] and [row.problem_id for row in found[0].selection] == ["a", "b"]


def test_paper_mode_lets_the_empty_answer_vote():
    found = label(["", "", "5"], answers=Answers(equality="paper"))
    assert found.selection[0].outcome == "unreadable" and not found.examples


EVIDENCE = [
    # reliability, agreement, consistency; bound, believed
    (0.54, 0.55, 0.90, 0.54 / 0.55, True),  # as in the quickstart: nearly all agreement can be right
    (0.34, 0.47, 0.75, 0.34 / 0.47, False),  # a hasty weak model agrees where it is wrong
    (0.29, 0.37, 0.85, 0.29 / 0.37, False),
    (0.29, 0.37, 0.60, 0.29 / 0.37, True),  # M is less sure than agreement can be right
    (0.80, 0.60, 0.99, 1.0, True),  # they agree less often than the weak model is right
    (0.50, 0.0, 0.50, 0.0, False),  # no agreement is no evidence
    (0.0, 0.5, 0.50, 0.0, False),
]


@pytest.mark.parametrize(("reliability", "agreement", "consistency", "bound", "believed"), EVIDENCE)
def test_how_often_agreement_can_be_right(reliability, agreement, consistency, bound, believed):
    evidence = Evidence(reliability, agreement, consistency)
    assert evidence.bound == pytest.approx(bound) and evidence.believes_agreement == believed


@pytest.mark.parametrize(
    ("share", "agrees", "min_share", "evidence", "reason"),
    [
        (0.6, False, 0.5, None, "vote"),
        (0.6, False, 0.5, DOUBTED, "vote"),
        (0.4, True, 0.5, None, ""),
        (0.4, True, 0.5, BELIEVED, "weak"),
        (0.4, False, 0.5, BELIEVED, ""),
        (0.4, True, 0.5, DOUBTED, ""),
        (0.4, True, 0.9, Evidence(0.4, 0.5, 0.5), ""),  # believed, but right too seldom for min_share
        (0.0, False, 0.0, None, "vote"),
    ],
)
def test_trusted(share, agrees, min_share, evidence, reason):
    assert trusted(share, agrees, min_share, evidence) == reason


def test_the_evidence_of_shards_adds_up():
    first, second = label(["5", "5", "6", "6", "5"], "5"), label(["7", "7"], "8")
    first.tally.add(second.tally)
    first.tally.add(label([""], "8").tally)  # agreement is a share of all problems, consistency of those with a vote
    evidence = evidence_of(first.tally, 0.4)
    assert evidence == Evidence(0.4, pytest.approx(1 / 3), pytest.approx((0.6 + 1.0) / 2))


@pytest.mark.parametrize(
    ("demonstrations", "plain", "prefers_plain"),
    [
        (["5", "5", "6", "5"], ["5", "5", "5", "5"], True),
        (["5", "5", "5", "5"], ["5", "5", "6", "5"], False),
        (["5", "5", "6", "5"], ["7", "7", "7", "8"], True),  # equal, and the shorter prompt
        (["5", "6"], [""], False),  # nothing that can be read is no consistency
    ],
)
def test_the_prompt_under_which_m_is_more_consistent(demonstrations, plain, prefers_plain):
    found = consistency_under(label(demonstrations).tally, label(plain).tally)
    assert found.prefers_plain == prefers_plain, found


def test_too_few_labels_stop_the_run():
    found = label(["5", "6", "7"], rule=HALF)
    with pytest.raises(ValueError, match=r"0 problems have a label, but labels.min_kept is 8.*1 tie.*labels.min_share"):
        check_labels(found.tally, HALF, ANSWERS)
    check_labels(label(["5", "5"]).tally, Labels(min_kept=1), ANSWERS)
