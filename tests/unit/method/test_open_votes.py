"""Which problems get further samples, and how these vote."""

import pytest

from tests.unit.method.test_pairs import completion, samples
from w2s.experiments.catalog import load
from w2s.experiments.overrides import set_fields
from w2s.method.join import samples_by_problem
from w2s.method.labels.open_votes import find_open
from w2s.method.pairs import pair_problems
from w2s.recipe import Answers, MoreSamples, Pairs
from w2s.records import Problem

PROBLEM = Problem("p", "q")
FAILED = ("", "error")


@pytest.mark.parametrize(
    ("texts", "margin", "expected"),
    [
        (["5", "5", "5", "5"], 0.5, "decided"),  # margin 1
        (["5", "5", "5", "6"], 0.5, "open"),  # 0.75 - 0.25
        (["5", "5", "5", "6"], 0.49, "decided"),
        (["5", "5", "6", "7"], 0.2, "decided"),  # 0.5 - 0.25
        (["5", "5", "6", "7"], 0.25, "open"),
        (["5", "5", "6", "6"], 0.0, "open"),  # a tie
        (["5", "5.0", "$5", "6"], 0.4, "decided"),  # one answer in three spellings
        (["5", "5", "", ""], 0.5, "open"),  # unreadable samples do not vote, but count
        (["", "", "", ""], 0.0, "open"),  # nothing to read: more samples may help
        ([("5", "length"), "5", "6", "6"], 0.0, "decided"),  # a truncated sample does not vote
        ([FAILED] * 4, 1.0, "failed"),  # its requests would fail again
        (["5", FAILED, FAILED, FAILED], 0.25, "open"),
        ([], 1.0, "failed"),
    ],
)
def test_a_vote_is_open_up_to_the_margin(texts: list[str], margin: float, expected: str) -> None:
    found = find_open([PROBLEM], samples(*texts), MoreSamples(margin=margin), Answers())
    assert {name: found.tally["votes", name] for name in ("open", "decided", "failed")} == {
        name: float(name == expected) for name in ("open", "decided", "failed")
    }
    assert found.problems == ([PROBLEM] if expected == "open" else [])


def test_the_closest_votes_come_first() -> None:
    votes = {"a": ["5", "5", "5", "6"], "b": ["5", "5", "6", "6"], "c": ["5", "5", "6", "7"], "d": ["5"] * 4}
    rows = [row for name, texts in votes.items() for row in samples(*texts, problem_id=name)]
    problems = [Problem(name, f"question {name}") for name in votes]
    found = find_open(problems, rows, MoreSamples(margin=0.9), Answers())
    assert [name for _, name in sorted(found.candidates)] == ["b", "c", "a"]
    assert find_open(problems[::-1], rows[::-1], MoreSamples(margin=0.9), Answers()) == found


def test_further_samples_follow_the_first_and_the_greedy_answer_follows_both() -> None:
    found = samples_by_problem(
        samples("5", "6"), [PROBLEM], [completion("greedy")], [completion("more 1", 1), completion("more 0", 0)]
    )
    assert [(row.sample, row.text.split()[0]) for row in found["p"]] == [
        (0, "so"), (1, "so"), (2, "more"), (3, "more"), (4, "greedy"),
    ]  # fmt: skip
    assert [row.text for row in found["p"][2:4]] == ["more 0", "more 1"]
    with pytest.raises(ValueError, match="more than once"):
        samples_by_problem(samples("5"), [PROBLEM], (), [completion("a"), completion("b")])
    with pytest.raises(ValueError, match="two splits are mixed"):
        samples_by_problem(samples("5"), [PROBLEM], (), [completion("a", problem_id="x")])


def test_further_samples_decide_a_tie() -> None:
    first, more = samples("5", "5", "6", "6"), samples("5", "5", "5")
    rule = Pairs(rule="votes", min_confidence=0.5)
    tied = pair_problems([PROBLEM], first, (), rule, Answers())
    assert [row.outcome for row in tied.consensus] == ["tie"] and not tied.pairs
    paired = pair_problems([PROBLEM], first, (), rule, Answers(), (), more)
    (vote,), (pair,) = paired.consensus, paired.pairs
    assert (vote.outcome, vote.answer, vote.votes, vote.samples) == ("paired", "5", 5, 7)
    assert (pair.chosen_answer, pair.rejected_answer) == ("5", "6")


def test_a_budget_that_pays_for_no_problem_is_refused() -> None:
    with pytest.raises(ValueError, match=r"budget=5 is less than n=6"):
        set_fields(load("quickstart"), ['more_samples={"n": 6, "budget": 5}'])
