"""The agreement filter and the choice of demonstrations."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.method.whole_tables import agreement
from w2s.answers import Merged
from w2s.method import classes
from w2s.method.demonstrations import choose_demonstrations
from w2s.method.outcomes import AGREEMENT_OUTCOMES
from w2s.recipe import Agreement, Answers, Demonstrations
from w2s.records import Completion, Merge, Problem

GSM8K, PAPER = Answers(), Answers(equality="paper")


def completion(problem_id: str, text: str, finish_reason: str = "stop") -> Completion:
    return Completion(problem_id, 0, "m", text, finish_reason, 1, 1, 0)  # type: ignore[arg-type]


CASES = [
    # problem_id, weak completion, ICL completion, outcome
    ("a", "1 + 1 = 2.\n#### 2 \n", " one and one\n#### 2.0", "kept"),
    ("b", "#### 2", "#### 3", "differ"),
    ("c", "no answer", "#### 3", "weak_unreadable:no_marker"),
    ("d", "#### 3", "", "icl_unreadable:empty"),
    ("e", "nothing", "nothing", "weak_unreadable:no_marker"),
    ("f", None, "#### 3", "weak_missing"),
    ("g", "#### 3", None, "icl_missing"),
    ("h", ("", "error"), "#### 3", "weak_failed"),
    ("i", "no answer", ("", "error"), "icl_failed"),
    ("j", ("#### 3", "length"), "#### 3", "weak_unreadable:truncated"),
    ("k", "#### 7", "#### 7", "demonstration"),
    ("l", "#### 7", "#### 7 pens", "kept"),
]


def tables():
    def side(column: int) -> list[Completion]:
        given = [(case[0], case[column]) for case in CASES if case[column] is not None]
        return [completion(i, *text) if isinstance(text, tuple) else completion(i, text) for i, text in given]

    return [Problem(case[0], f"question {case[0]}") for case in CASES], side(1), side(2)


def test_outcomes():
    problems, weak, icl = tables()
    found = agreement(problems, weak, icl, {"k"}, Agreement(min_kept=1), GSM8K)
    assert [(s.problem_id, s.outcome) for s in found.selection] == [(case[0], case[3]) for case in CASES]
    assert found.selection[0].weak_answer == found.selection[0].icl_answer == "2"
    assert {s.outcome.partition(":")[0] for s in found.selection} | {"kept_top_up", "undecided"} == {
        name.partition(":")[0] for name in AGREEMENT_OUTCOMES
    }


def test_what_is_counted():
    problems, weak, icl = tables()
    problems = [Problem(p.problem_id, p.question, level="hard" if p.problem_id in "ab" else "") for p in problems]
    counted = agreement(problems, weak, icl, {"k"}, Agreement(min_kept=1), GSM8K).tally.nested()
    assert counted["read"] == {"weak": 6, "icl": 8, "both": 4} and counted["problems"] == 12
    assert counted["agreed"] == {"numerator": 3, "denominator": 4}  # of those read, the demonstration's too
    assert counted["agreed_by_level"] == {
        "hard": {"numerator": 1, "denominator": 2},
        "any": {"numerator": 2, "denominator": 2},
    }
    assert counted["outcomes"]["kept"] == 2 and sum(counted["outcomes"].values()) == 12


def test_merged_and_undecided_answers(monkeypatch):
    class_of = {"2": "2", "3": "2", "4": "4", "5": "5"}
    monkeypatch.setattr(
        classes,
        "merge",
        lambda forms, kind: Merged(
            {form: class_of[form] for form in forms},
            (("3", "2", "test"),) if "3" in forms else (),
            frozenset([frozenset("45")]),
        ),
    )
    given = [("a", "2", "3"), ("b", "2", "4"), ("c", "4", "5"), ("d", "2", "2")]
    problems = [Problem(i, "q") for i, _, _ in given]
    sides = [[completion(row[0], f"#### {row[side]}") for row in given] for side in (1, 2)]
    found = agreement(problems, *sides, (), Agreement(min_kept=1), GSM8K)
    assert [s.outcome for s in found.selection] == ["kept", "differ", "undecided", "kept"]
    assert found.merges == [Merge("a", "3", "2", "test")] and found.tally["merged_forms",] == 1
    assert [s.outcome for s in agreement(problems, *sides, (), Agreement(min_kept=1), PAPER).selection] == [
        "differ",
        "differ",
        "differ",
        "kept",
    ]
    topped = agreement(problems, *sides, (), Agreement(min_kept=1, top_up=4), GSM8K)
    assert [s.outcome for s in topped.selection] == ["kept", "kept_top_up", "undecided", "kept"], (
        "only what certainly differs fills up"
    )


def test_examples_are_the_completions_interleaved():
    problems, weak, icl = tables()
    found = agreement(problems, weak, icl, {"k"}, Agreement(min_kept=1), GSM8K)
    assert [(e.problem_id, e.source) for e in found.hybrid] == [
        ("a", "weak"),
        ("a", "icl"),
        ("l", "weak"),
        ("l", "icl"),
    ]
    assert found.hybrid[0::2] == found.weak_half and found.hybrid[1::2] == found.icl_half
    assert found.weak_half[0].completion == "1 + 1 = 2.\n#### 2"
    assert found.icl_half[0].completion == " one and one\n#### 2.0"
    assert found.weak_half[0].question == "question a"


def test_paper_mode_compares_strings_and_drops_empty_answers():
    problems, weak, icl = tables()
    found = agreement(problems, weak, icl, (), Agreement(min_kept=1), PAPER)
    outcomes = {s.problem_id: s.outcome for s in found.selection}
    assert outcomes["a"] == "kept" and outcomes["k"] == "kept" and outcomes["e"] == "weak_unreadable:empty"
    assert outcomes["l"] == "differ" and outcomes["j"] == "weak_unreadable:truncated"


def test_demonstrations_stay_if_the_recipe_says_so():
    problems, weak, icl = tables()
    found = agreement(problems, weak, icl, {"k"}, Agreement(min_kept=1, leave_out_demonstrations=False), GSM8K)
    assert [e.problem_id for e in found.weak_half] == ["a", "k", "l"]


def test_top_up_takes_differing_readable_answers_by_hash():
    problems = [Problem(f"{i:03}", "q") for i in range(100)]
    weak = [completion(p.problem_id, "#### 1") for p in problems]
    icl = [
        completion(p.problem_id, "#### 1" if i < 10 else "#### 2" if i < 90 else "none") for i, p in enumerate(problems)
    ]
    found = agreement(problems, weak, icl, (), Agreement(top_up=40), GSM8K)
    taken = {s.problem_id for s in found.selection if s.outcome == "kept_top_up"}
    assert len(found.weak_half) == 40 and len(taken) == 30 and all("010" <= i < "090" for i in taken)
    fewer = agreement(problems[:-20], weak[:-20], icl[:-20], (), Agreement(top_up=40), GSM8K)
    still = {s.problem_id for s in fewer.selection if s.outcome == "kept_top_up"}
    assert len(taken & still) >= 20, "removing a few problems must change few choices"
    assert len(agreement(problems, weak, icl, (), Agreement(top_up=500), GSM8K).weak_half) == 90


def test_too_few_kept_names_counts_and_ways_out():
    problems, weak, icl = tables()
    with pytest.raises(ValueError) as error:
        agreement(problems, weak, icl, {"k"}, Agreement(min_kept=8), GSM8K)
    message = str(error.value)
    for part in (
        "2 problems are kept",
        "of 12 problems",
        "readable on 6",
        "on 8",
        "agreement.min_kept",
        "agreement.top_up",
        "greedy.max_tokens",
    ):
        assert part in message, message


def test_tables_must_fit():
    problems, weak, icl = tables()
    with pytest.raises(ValueError, match="weak completions hold problem 'a' more than once"):
        agreement(problems, [*weak, weak[0]], icl, (), Agreement(), GSM8K)
    with pytest.raises(ValueError, match="ICL completions hold problem 'zz', not among the 12 problems"):
        agreement(problems, weak, [*icl, completion("zz", "#### 1")], (), Agreement(), GSM8K)
    with pytest.raises(ValueError, match="1 problem ids repeat"):
        agreement([*problems, problems[0]], weak, icl, (), Agreement(), GSM8K)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=4, max_size=30),
    st.randoms(use_true_random=False),
)
def test_order_of_rows_changes_nothing(values, rng):
    problems = [Problem(f"p{i}", f"q{i}") for i in range(len(values))]
    weak = [completion(p.problem_id, f"#### {v}") for p, (v, _) in zip(problems, values, strict=True)]
    icl = [completion(p.problem_id, f"#### {v}.0") for p, (_, v) in zip(problems, values, strict=True)]
    rule = Agreement(min_kept=1, top_up=3)
    expected = agreement(problems, weak, icl, ("p1",), rule, GSM8K)
    shuffled = [rng.sample(table, len(table)) for table in (problems, weak, icl)]
    assert agreement(*shuffled, ("p1",), rule, GSM8K) == expected


def demonstrated(n: int) -> tuple[list[Problem], list[Completion]]:
    problems = [Problem(f"p{i}", f"q{i}") for i in range(n)]
    return problems, [completion(p.problem_id, f" so {i}\n#### {i}\n") for i, p in enumerate(problems)]


def test_demonstrations_are_readable_finished_and_stable():
    problems, completions = demonstrated(200)
    completions = [completion(c.problem_id, c.text, "length") if i % 3 == 0 else c for i, c in enumerate(completions)]
    completions = [completion(c.problem_id, "none") if i % 3 == 1 else c for i, c in enumerate(completions)]
    chosen = choose_demonstrations([(problems, completions)], Demonstrations(), GSM8K)
    assert len({d.problem_id for d in chosen}) == 4 and all(int(d.problem_id[1:]) % 3 == 2 for d in chosen)
    assert all(d.completion == f" so {d.problem_id[1:]}\n#### {d.problem_id[1:]}" for d in chosen)
    shuffled = random.Random(1).sample(problems, 200), random.Random(2).sample(completions, 200)
    assert choose_demonstrations([shuffled], Demonstrations(), GSM8K) == chosen
    assert choose_demonstrations([(problems, completions)], Demonstrations(seed=7), GSM8K) != chosen
    assert choose_demonstrations([(problems, completions)], Demonstrations(count=2), GSM8K) == chosen[:2]


def test_one_more_problem_changes_at_most_one_demonstration():
    problems, completions = demonstrated(120)
    sets = [
        {d.problem_id for d in choose_demonstrations([(problems[:n], completions[:n])], Demonstrations(), GSM8K)}
        for n in range(20, 121)
    ]
    assert all(len(a & b) >= 3 for a, b in pairwise(sets))


def test_too_few_demonstrations_name_the_counts():
    problems, completions = demonstrated(5)
    broken = [*completions[:2], completion("p2", "none"), completion("p3", "#### 3", "length")]
    with pytest.raises(ValueError) as error:
        choose_demonstrations([(problems, broken)], Demonstrations(), GSM8K)
    for part in ("demonstrations.count is 4", "only 2", "1 no_marker", "1 truncated", "1 missing"):
        assert part in str(error.value)
    with pytest.raises(ValueError, match="1 empty"):
        choose_demonstrations([(problems[:4], [*completions[:3], completion("p3", "none")])], Demonstrations(), PAPER)
