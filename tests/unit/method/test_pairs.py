"""Votes and preference pairs."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.method import whole_tables
from w2s.answers import Merged, Unreadable, answer_class, compare, equal
from w2s.method import classes
from w2s.method.outcomes import PAIR_OUTCOMES
from w2s.method.pairs import pair_problem, pair_problems
from w2s.method.tally import Tally
from w2s.recipe import Agreement, Answers, Pairs
from w2s.records import Completion, Merge, Problem, Reference, Selection
from w2s.report.audit import add_calibration_error, audit_pairs, audit_samples, audit_selection

GSM8K, PAPER = Answers(), Answers(equality="paper")
PROBLEM = Problem("p", "q")


def completion(text: str, sample: int = 0, problem_id: str = "p", finish_reason: str = "stop") -> Completion:
    return Completion(problem_id, sample, "m", text, finish_reason, 1, 1, 0)  # type: ignore[arg-type]


def samples(*texts: str | tuple[str, str], problem_id: str = "p") -> list[Completion]:
    """Samples `so N\n#### TEXT`; "" has no marker; a tuple adds the finish reason."""
    pairs = [(t, "stop") if isinstance(t, str) else t for t in texts]
    return [
        completion(f"so {i}\n#### {t}" if t else f"so {i}", i, problem_id, reason)
        for i, (t, reason) in enumerate(pairs)
    ]


LONG = ("6", "length")
VOTES = [
    # samples, weak, answers, outcome, answer, votes, chosen source, chosen answer, rejected answer
    (["5"] * 6 + ["6"] * 4, "5", GSM8K, "paired", "5", 6, "weak", "5", "6"),
    (["5"] * 5 + ["5.0"] + ["6"] * 4, "$5", GSM8K, "paired", "5", 6, "weak", "5", "6"),
    (["5"] * 8 + ["6"] * 2, "6", GSM8K, "paired", "5", 8, "strong", "5", "6"),
    (["5"] * 8 + ["6"] * 2, "", GSM8K, "paired", "5", 8, "strong", "5", ""),
    (["5"] * 7 + ["6"] * 3, "6", GSM8K, "low_confidence_against_weak", "5", 7, None, None, None),
    (["5"] * 5 + ["6"] * 4 + ["7"], "5", GSM8K, "low_confidence", "5", 5, None, None, None),
    (["5"] * 5 + ["6"] * 5, "5", GSM8K, "tie", "5", 5, None, None, None),
    (["6"] * 5 + ["5"] * 5, "5", GSM8K, "tie", "5", 5, None, None, None),
    (["5"] * 10, "5", GSM8K, "no_dissent", "5", 10, None, None, None),
    (["5"] * 9 + [LONG], "5", GSM8K, "no_dissent", "5", 9, None, None, None),
    (["5"] * 9 + [""], "5", GSM8K, "paired", "5", 9, "weak", "5", ""),
    (["5"] * 5 + [LONG] * 5, "5", GSM8K, "low_confidence", "5", 5, None, None, None),
    (["5"] * 6 + [LONG] * 4, "5", GSM8K, "no_dissent", "5", 6, None, None, None),
    ([""] * 7 + ["5"] * 3, "5", GSM8K, "low_confidence", "5", 3, None, None, None),
    ([""] * 10, "5", GSM8K, "unreadable", "", 0, None, None, None),
    ([], "5", GSM8K, "samples_missing", "", 0, None, None, None),
    (["5"] * 10, None, GSM8K, "weak_missing", "5", 10, None, None, None),
    (["5"] * 10, ("5", "error"), GSM8K, "weak_failed", "5", 10, None, None, None),
    (["5"] * 10, LONG, GSM8K, "weak_unusable:truncated", "5", 10, None, None, None),
    # the paper's rule
    ([""] * 7 + ["5"] * 3, "5", PAPER, "unreadable", "", 7, None, None, None),
    (["5"] * 3 + [""] * 7, "5", PAPER, "unreadable", "", 7, None, None, None),
    (["5"] * 10, LONG, PAPER, "weak_unusable:truncated", "5", 10, None, None, None),
    (["5"] * 9 + [LONG], "5", PAPER, "no_dissent", "5", 9, None, None, None),
    (["5"] * 8 + ["5.50"] * 2, "5.5", PAPER, "paired", "5", 8, "strong", "5", "5.5"),
]


@pytest.mark.parametrize(
    ("given", "weak", "answers", "outcome", "answer", "votes", "source", "chosen", "rejected"), VOTES
)
def test_rule(given, weak, answers, outcome, answer, votes, source, chosen, rejected):
    weak_completion = None if weak is None else samples(weak)[0]
    found = pair_problem(PROBLEM, samples(*given), weak_completion, Pairs(), answers)
    consensus, pairs = found.consensus, found.pairs
    assert (consensus.outcome, consensus.answer, consensus.votes) == (outcome, answer, votes)
    assert consensus.samples == len(given) and consensus.confidence == (votes / len(given) if given else 0)
    assert outcome.partition(":")[0] in {name.partition(":")[0] for name in PAIR_OUTCOMES}
    made = [(p.chosen_source, p.chosen_answer, p.rejected_answer) for p in pairs]
    assert made == ([(source, chosen, rejected)] if source else [])


def test_ties_below_the_threshold_follow_the_stated_rule():
    low = Pairs(min_confidence=0.4, min_confidence_against_weak=0.4)
    tied = ["6", "5", "6", "5", "7"]
    found = pair_problem(PROBLEM, samples(*tied), samples("5")[0], low, GSM8K)
    assert (found.consensus.outcome, found.consensus.answer, found.pairs) == ("tie", "5", [])
    found = pair_problem(PROBLEM, samples(*tied), samples("5")[0], low, PAPER)
    assert (found.consensus.outcome, found.consensus.answer, found.pairs[0].chosen_source) == ("paired", "6", "strong")


def test_cap_and_no_equal_pairs():
    texts = [completion(f"same\n#### {6 if i < 4 else 5}", i) for i in range(10)]
    several = Pairs(per_problem=3)
    assert len(pair_problem(PROBLEM, texts, samples("5")[0], several, GSM8K).pairs) == 1
    different = samples(*(["6"] * 4 + ["5"] * 6))
    assert len(pair_problem(PROBLEM, different, samples("5")[0], several, GSM8K).pairs) == 3
    assert pair_problem(PROBLEM, different, samples("5")[0], Pairs(), GSM8K).pairs[0] in (
        pair_problem(PROBLEM, different, samples("5")[0], several, GSM8K).pairs
    )


def test_match_length_takes_the_nearest():
    strong = [completion("x" * (10 * i) + "\n#### " + ("6" if i < 4 else "5"), i) for i in range(10)]
    weak = completion("y" * 21 + "\n#### 5")
    matched = Pairs(match_length=True)
    assert pair_problem(PROBLEM, strong, weak, matched, GSM8K).pairs[0].rejected == strong[2].text
    against = completion("y" * 58 + "\n#### 7")
    four_of_five = [*strong[4:], completion("z\n#### 6", 0)]
    assert pair_problem(PROBLEM, four_of_five, against, matched, GSM8K).pairs[0].chosen == strong[6].text


def test_blank_completions_are_never_rejected():
    strong = [completion(" ", 0), *samples(*["5"] * 10)[1:]]
    assert pair_problem(PROBLEM, strong, samples("5")[0], Pairs(), GSM8K).consensus.outcome == "no_dissent"
    assert (
        pair_problem(PROBLEM, samples(*["5"] * 9), completion(""), Pairs(), GSM8K).consensus.outcome
        == "weak_unusable:empty"
    )


def test_too_few_pairs_name_counts_and_ways_out():
    problems = [Problem(f"p{i}", "q") for i in range(3)]
    strong = [s for p in problems for s in samples(*["5"] * 10, problem_id=p.problem_id)]
    weak = [completion("#### 5", 0, p.problem_id) for p in problems]
    with pytest.raises(ValueError) as error:
        whole_tables.pairs(problems, strong, weak, Pairs(), GSM8K)
    for part in (
        "0 preference pairs",
        "of 3 problems 3 have a readable sample",
        "3 no_dissent",
        "pairs.min_confidence (0.6)",
        "pairs.min_pairs",
    ):
        assert part in str(error.value)


def test_tables_must_fit():
    problems = [PROBLEM]
    with pytest.raises(ValueError, match="sample 0 more than once"):
        whole_tables.pairs(problems, samples("5") * 2, [], Pairs(), GSM8K)
    with pytest.raises(ValueError, match="hold problem 'zz'"):
        whole_tables.pairs(problems, samples("5", problem_id="zz"), [], Pairs(), GSM8K)
    with pytest.raises(ValueError, match="weak completions hold problem 'p' more than once"):
        whole_tables.pairs(problems, samples("5"), samples("5") * 2, Pairs(), GSM8K)


values = st.lists(st.sampled_from(["5", "5.0", "$5", "6", "7", "x+1", "", LONG]), min_size=1, max_size=10)
tables = st.lists(st.tuples(values, st.sampled_from(["5", "6", "", LONG])), min_size=1, max_size=8)
rules = st.builds(
    Pairs,
    min_confidence=st.sampled_from([0.3, 0.6]),
    min_confidence_against_weak=st.sampled_from([0.3, 0.8]),
    per_problem=st.integers(1, 3),
    match_length=st.booleans(),
    seed=st.integers(0, 5),
)


def rows(table):
    problems = [Problem(f"p{i}", f"q{i}") for i in range(len(table))]
    strong = [
        s for p, (texts, _) in zip(problems, table, strict=True) for s in samples(*texts, problem_id=p.problem_id)
    ]
    weak = [samples(w, problem_id=p.problem_id)[0] for p, (_, w) in zip(problems, table, strict=True)]
    return problems, strong, weak


def decide(problems, strong, weak, rule, answers):
    try:
        return whole_tables.pairs(problems, strong, weak, rule.model_copy(update={"min_pairs": 1}), answers)
    except ValueError as error:
        return str(error)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(tables, rules, st.sampled_from([GSM8K, PAPER]), st.randoms(use_true_random=False))
def test_order_of_rows_changes_nothing(table, rule, answers, rng):
    given_rows = rows(table)
    shuffled = [rng.sample(part, len(part)) for part in given_rows]
    assert decide(*shuffled, rule, answers) == decide(*given_rows, rule, answers)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(tables, rules, st.sampled_from([GSM8K, PAPER]))
def test_pairs_of_a_problem_do_not_depend_on_other_problems(table, rule, answers):
    problems, strong, weak = rows(table)
    together = decide(problems, strong, weak, rule, answers)
    alone = [
        pair_problem(p, [s for s in strong if s.problem_id == p.problem_id], w, rule, answers)
        for p, w in zip(problems, weak, strict=True)
    ]
    pairs = [pair for one in alone for pair in one.pairs]
    assert (
        isinstance(together, str)
        if not pairs
        else (together.pairs, together.consensus) == (pairs, [one.consensus for one in alone])
    )


@settings(max_examples=60, deadline=None)
@given(tables, rules, st.sampled_from([GSM8K, PAPER]), st.lists(st.integers(0, 8), max_size=3))
def test_parts_add_up_to_the_whole(table, rule, answers, cuts):
    problems, strong, weak = rows(table)
    whole = pair_problems(problems, strong, weak, rule, answers)
    bounds = [0, *sorted(cut for cut in cuts if cut < len(problems)), len(problems)]
    pairs, tally = [], Tally()
    for start, end in pairwise(bounds):
        ids = {p.problem_id for p in problems[start:end]}
        of_part = [[row for row in part if row.problem_id in ids] for part in (problems, strong, weak)]
        part = pair_problems(*of_part, rule, answers)
        pairs += part.pairs
        tally.add(part.tally)
    assert pairs == whole.pairs and tally.nested() == whole.tally.nested()


@settings(max_examples=100, deadline=None)
@given(tables, rules)
def test_every_pair_is_a_contrast(table, rule):
    problems, strong, weak = rows(table)
    found = decide(problems, strong, weak, rule, GSM8K)
    if isinstance(found, str):
        return
    finished = {c.text for c in [*strong, *weak] if c.finish_reason == "stop"}
    assert len({(p.problem_id, p.chosen, p.rejected) for p in found.pairs}) == len(found.pairs)
    for pair in found.pairs:
        assert pair.chosen in finished and pair.rejected in finished
        chosen, rejected = (answer_class(completion(text), "", GSM8K) for text in (pair.chosen, pair.rejected))
        assert equal(chosen, pair.chosen_answer) and chosen != rejected
        assert isinstance(rejected, Unreadable) or compare(chosen, rejected) == "different"
        if isinstance(rejected, str):
            assert equal(pair.rejected_answer, rejected)
        else:
            assert pair.rejected_answer == ""
        assert pair.confidence >= rule.min_confidence


def test_audit_counts_by_gold():
    problems, strong, weak = rows([(["5"] * 9 + ["6"], "5"), (["5"] * 8 + ["6"] * 2, ""), (["7"] * 10, "7")])
    references = [Reference("p0", "5.0", ""), Reference("p1", "6", "")]
    found = whole_tables.pairs(problems, strong, weak, Pairs(min_pairs=1), GSM8K)
    gold = problems, references, GSM8K
    audit = audit_pairs(found.consensus, found.pairs, *gold).nested()
    one, none, half = ({"numerator": n, "denominator": d} for n, d in ((1, 1), (0, 1), (1, 2)))
    assert audit == {
        "undecided": 0,
        "consensus_right": half,
        "consensus_right_by_vote_share": {"0.90": one, "0.80": none},
        "consensus_right_by_level": {"any": half},
        "chosen_right": half,
        "chosen_right_by_vote_share": {"0.90": one, "0.80": none},
        "chosen_right_by_level": {"any": half},
        "rejected_right": {"numerator": 0, "denominator": 2},
        "chosen_longer": {"chosen right": {"numerator": 0.5, "denominator": 1}, "chosen not right": one},
    }
    icl = [s for s in strong if s.sample == 0]
    selected = whole_tables.agreement(problems, weak, icl, (), Agreement(min_kept=1), GSM8K)
    by_gold = audit_selection(selected.selection, *gold).nested()
    assert by_gold["weak_right"] == by_gold["icl_right"] == {"numerator": 1, "denominator": 2}
    assert by_gold["kept_weak_right"] == by_gold["kept_icl_right"] == {"numerator": 1, "denominator": 1}
    assert (by_gold["both_wrong"], by_gold["same_wrong_answer"]) == (half, none)
    of_samples = audit_samples(strong, *gold).nested()
    assert of_samples["pass_at_1"] == {"numerator": 0.9 + 0.2, "denominator": 2}
    assert of_samples["pass_at_n"]["numerator"] == 2 and of_samples["majority_at_n"] == {
        "numerator": 1,
        "denominator": 2,
    }


@pytest.mark.parametrize(
    "weak, icl, both, same",
    [("5", "5", 1, 1), ("5", "6", 1, 0), ("5", "", 1, 0), ("", "", 1, 0), ("5", "7", 0, None), ("7", "7", 0, None)],
)
def test_shared_errors(weak: str, icl: str, both: int, same: int | None):
    selection = [Selection("p0", "kept", weak, icl), Selection("p1", "kept", "1", "1")]  # no reference of p1
    found = audit_selection(selection, [Problem("p0", "?"), Problem("p1", "?")], [Reference("p0", "7", "")], GSM8K)
    assert found.section("both_wrong") == {"numerator": both, "denominator": 1}
    assert found.section("same_wrong_answer").get("numerator") == same


@pytest.mark.parametrize(
    "right_by_share, error, of",
    [
        ({"0.50": (1, 2), "1.00": (3, 3)}, 0.0, 5),
        ({"0.90": (0, 10)}, 9.0, 10),
        ({"0.40": (9, 10), "0.80": (6, 10)}, 5.0 + 2.0, 20),
        ({}, None, None),
    ],
)
def test_calibration_error(right_by_share: dict[str, tuple[int, int]], error: float | None, of: int | None):
    tally = Tally()
    for share, (right, all) in right_by_share.items():
        tally.share("pairs", "consensus_right_by_vote_share", share, of=right, all=all)
    add_calibration_error(tally)
    found = tally.section("pairs", "calibration_error")
    assert found.get("numerator") == (None if error is None else pytest.approx(error))
    assert found.get("denominator") == of


def test_what_is_counted():
    problems, strong, weak = rows([(["5"] * 9 + ["6"], "5"), (["5"] * 8 + [LONG, ""], "6"), (["7"] * 10, "7")])
    counted = whole_tables.pairs(problems, strong, weak, Pairs(min_pairs=1), GSM8K).tally.nested()
    assert counted["samples"] == {"all": 30, "voted": 28, "truncated": 1, "no_marker": 1}
    assert (counted["problems"], counted["voted"], counted["outcomes"]) == (3, 3, {"paired": 2, "no_dissent": 1})
    shares = list(counted["vote_share"].items())
    assert shares == [
        *((f"{low / 10:.1f} to {(low + 1) / 10:.1f}", 0) for low in range(8)),
        ("0.8 to 0.9", 1),
        ("0.9 to 1.0", 2),
    ]
    assert counted["rejected_by_chosen_length"] == {
        "under 0.5": 0,
        "0.5 to 0.8": 0,
        "0.8 to 1.25": 2,
        "1.25 to 2": 0,
        "2 and more": 0,
    }
    assert counted["weak_agrees"] == counted["weak_agrees_by_kind"]["any"] == {"numerator": 2, "denominator": 3}
    assert counted["pairs"] == {"all": 2, "weak_chosen": 1, "rejected_unreadable": 0}
    assert counted["length"]["chosen_characters"]["count"] == 2 and counted["length"]["rejected_longer"] == {
        "numerator": 0,
        "denominator": 2,
    }


def classified(monkeypatch, undecided=(), merges=()):
    """Classes as the answers' comparison would give them: letters, of which some pairs are equal or undecided."""

    def merge(forms, kind):
        class_of = {form: dict(merges).get(form, form) for form in forms}
        rows = tuple((form, found, "test") for form, found in sorted(class_of.items()) if form != found)
        pairs = frozenset(frozenset(pair) for pair in undecided if set(pair) <= set(class_of.values()))
        return Merged(class_of, rows, pairs)

    monkeypatch.setattr(classes, "merge", merge)


MERGED = [
    # samples, weak, undecided, merges, outcome, votes, chosen source
    (["5"] * 4 + ["6"] * 4 + ["7"] * 2, "5", [], [("6", "5")], "paired", 8, "weak"),
    (["5"] * 8 + ["7"] * 2, "6", [], [("6", "5")], "paired", 8, "weak"),
    (["5"] * 8 + ["6"] * 2, "5", [], [("6", "5")], "no_dissent", 10, None),
    (["5"] * 8 + ["6"] * 2, "5", ["56"], [], "undecided:dissent", 8, None),
    (["5"] * 8 + ["6", "7"], "5", ["56"], [], "paired", 8, "weak"),
    (["5"] * 8 + ["7"] * 2, "6", ["56"], [], "undecided:weak", 8, None),
    (["5"] * 8 + ["7"] * 2, "6", ["67"], [], "paired", 8, "strong"),
    (["5"] * 5 + ["6"] * 5, "5", ["56"], [], "undecided:majority", 5, None),
]


@pytest.mark.parametrize(("given", "weak", "undecided", "merges", "outcome", "votes", "source"), MERGED)
def test_merged_and_undecided_classes(monkeypatch, given, weak, undecided, merges, outcome, votes, source):
    classified(monkeypatch, undecided, merges)
    found = pair_problems([PROBLEM], samples(*given), samples(weak), Pairs(), GSM8K)
    (consensus,) = found.consensus
    assert (consensus.outcome, consensus.votes) == (outcome, votes)
    assert [(p.chosen_source, p.rejected_answer) for p in found.pairs] == (
        [(source, "6" if source == "strong" else "7")] if source else []
    )
    assert found.merges == [Merge("p", form, representative, "test") for form, representative in merges]
    assert found.tally["merged_forms",] == len(merges) and found.tally["undecided_pairs",] == len(undecided)
    assert consensus.outcome in PAIR_OUTCOMES


def test_paper_mode_merges_nothing(monkeypatch):
    classified(monkeypatch, merges=[("6", "5")])
    assert pair_problem(PROBLEM, samples(*["5"] * 8, *["6"] * 2), samples("5")[0], Pairs(), PAPER).consensus.votes == 8


BY_VOTES = [
    # samples, greedy, changes, outcome, chosen answer, rejected answer, confidence
    (["5"] * 6 + ["6"] * 3 + ["7"], "", {}, "paired", "5", "6", 0.3),
    (["5"] * 6 + ["7"] * 2 + ["6"] * 2, "", {}, "paired", "5", "6", 0.4),
    (["5"] * 6 + ["5.0"] + ["6"] * 3, "", {}, "paired", "5", "6", 0.4),
    (["5"] * 6 + ["6"] * 4, "", {"min_margin": 0.3}, "low_margin", None, None, None),
    (["5"] * 6 + ["6"] * 3, "5", {"min_margin": 0.4}, "paired", "5", "6", 0.4),
    (["5"] * 9 + [""], "", {}, "no_dissent", None, None, None),
    (["5"] * 9 + [LONG], "", {}, "no_dissent", None, None, None),
    (["5"] * 5 + ["6"] * 5, "", {}, "tie", None, None, None),
    (["5"] * 5 + ["6"] * 5, "6", {"min_confidence": 0.5}, "paired", "6", "5", 1 / 11),
    (["5"] * 4 + ["6"] * 3 + ["7"] * 3, "", {}, "low_confidence", None, None, None),
    (["5"] * 4 + ["6"] * 3 + ["7"] * 3, "", {"min_confidence": 0.4}, "paired", "5", "6", 0.1),
]


@pytest.mark.parametrize(("given", "greedy", "changes", "outcome", "chosen", "rejected", "confidence"), BY_VOTES)
@pytest.mark.parametrize("weak", ["5", "6", None])
def test_votes_decide_whatever_the_weak_answer_is(given, greedy, changes, outcome, chosen, rejected, confidence, weak):
    rule = Pairs(rule="votes", **changes)
    beside = [completion(f"w\n#### {weak}")] if weak else []
    voted = [completion(f"g\n#### {greedy}")] if greedy else []
    found = pair_problems([PROBLEM], samples(*given), beside, rule, GSM8K, voted)
    assert found.consensus[0].outcome == outcome and outcome in PAIR_OUTCOMES
    pairs = [(p.chosen_answer, p.rejected_answer, p.chosen_source) for p in found.pairs]
    assert pairs == ([(chosen, rejected, "strong")] if chosen else [])
    if chosen:
        assert found.pairs[0].confidence == pytest.approx(confidence)


def test_pairs_by_votes_may_be_several_and_near_in_length():
    texts = ["a" * n + "\n#### 5" for n in (10, 30, 50)] + ["b" * n + "\n#### 6" for n in (31, 90)]
    rows = [completion(text, n) for n, text in enumerate(texts)]
    rule = Pairs(rule="votes", match_length=True)
    (pair,) = pair_problem(PROBLEM, rows, None, rule, GSM8K).pairs
    assert (len(pair.chosen), len(pair.rejected)) == (30 + 7, 31 + 7)
    several = pair_problem(PROBLEM, rows, None, rule.model_copy(update={"per_problem": 9}), GSM8K).pairs
    assert len({(p.chosen, p.rejected) for p in several}) == len(several) == 6


@pytest.mark.parametrize(
    ("given", "undecided", "outcome", "rejected"),
    [
        (["5"] * 6 + ["6"] * 3 + ["7"], ["56"], "paired", "7"),
        (["5"] * 6 + ["6"] * 4, ["56"], "undecided:dissent", None),
        (["5"] * 6 + ["6"] * 3 + ["7"], ["67"], "paired", "6"),
    ],
)
def test_a_runner_up_certainly_differs(monkeypatch, given, undecided, outcome, rejected):
    classified(monkeypatch, undecided)
    found = pair_problem(PROBLEM, samples(*given), None, Pairs(rule="votes"), GSM8K)
    assert found.consensus.outcome == outcome
    assert [pair.rejected_answer for pair in found.pairs] == ([rejected] if rejected else [])
