"""Several weak models as one teacher: their weights, their vote and whose completion stands."""

from collections.abc import Sequence

import pytest

from tests.unit.method.test_pairs import completion
from w2s.method.labels.committee import count_agreement, vote_of, weights_of
from w2s.recipe import Answers
from w2s.records import Completion, Problem

PROBLEM = Problem("p", "q")
GSM8K = Answers()


def member(text: str | None, name: str = "m", problem_id: str = "p") -> list[Completion]:
    """One member's completion; None: it has none."""
    if text is None:
        return []
    row = completion(f"so\n#### {text}" if text else "so", 0, problem_id)
    return [Completion(row.problem_id, 0, name, row.text, row.finish_reason, 1, 1, 0)]


@pytest.mark.parametrize(
    ("texts", "weights", "outcome", "stands"),
    [
        (["5", "5.0", "$5"], (1, 1, 1), "unanimous", 1),
        (["5", "5", "6"], (1, 1, 1), "majority", 1),
        (["6", "5", "5"], (1, 1, 1), "majority", 2),
        (["6", "5", "5"], (1, 0.4, 0.5), "majority", 1),  # one that agrees with many outweighs two that agree with few
        (["6", "5", "5"], (1, 0.5, 0.6), "majority", 3),  # of the majority the heaviest
        (["6", "5", "5"], (1, 0.5, 0.5), "open", 1),  # equal weights: the heaviest member stands
        (["5", "6", "7"], (1, 1, 1), "open", 1),
        (["5", "6", "7"], (0.2, 0.3, 0.1), "majority", 2),
        (["", "6", ""], (1, 0.1, 1), "unanimous", 2),  # who gives no answer does not vote
        (["", "", ""], (0.1, 0.3, 0.2), "unreadable", 2),
        ([None, "5", "6"], (9, 0.1, 0.2), "majority", 3),
        ([None, None, None], (1, 1, 1), "missing", 0),
    ],
)
def test_the_vote(texts: list[str | None], weights: Sequence[float], outcome: str, stands: int) -> None:
    members = [member(text, f"model {number}") for number, text in enumerate(texts, 1)]
    voted = vote_of([PROBLEM], members, weights, GSM8K)
    assert voted.tally.section("outcomes") == {outcome: 1}
    assert [row.model for row in voted.completions] == ([f"model {stands}"] if stands else []), "it keeps its name"
    assert voted.completions == (members[stands - 1] if stands else [])


def test_a_lead_that_undecided_answers_could_take_is_open() -> None:
    """`50 %` may be meant by 0.5, so 6 has no certain majority."""
    members = [member(text) for text in ("6", "6", "50 percent", "0.5", "0.5")]
    assert vote_of([PROBLEM], members, [1, 1, 1, 0.6, 0.5], GSM8K).tally.section("outcomes") == {"open": 1}
    assert vote_of([PROBLEM], members, [2, 2, 1, 0.6, 0.5], GSM8K).tally.section("outcomes") == {"majority": 1}


def test_who_agrees_with_few_weighs_little() -> None:
    problems = [Problem(f"p{n}", f"question {n}") for n in range(20)]
    texts = [["5", "5", "5" if n % 2 else "6", "" if n % 4 else str(100 + n)] for n in range(20)]
    members = [
        [row for n, row_texts in enumerate(texts) for row in member(row_texts[number], problem_id=f"p{n}")]
        for number in range(4)
    ]
    tally = count_agreement(problems, members, GSM8K)
    assert weights_of(tally, 4) == pytest.approx(((1 + 0.5 + 0) / 3, (1 + 0.5 + 0) / 3, (0.5 + 0.5 + 0) / 3, 0))
    halves = [count_agreement(problems[part], [[r for r in rows if r.problem_id in ids] for rows in members], GSM8K)
              for part in (slice(0, 7), slice(7, 20)) for ids in [{p.problem_id for p in problems[part]}]]  # fmt: skip
    halves[0].add(halves[1])
    assert halves[0] == tally, "shards add up"


def test_where_nobody_agrees_all_weigh_the_same() -> None:
    members = [member("5"), member("6"), member("")]
    assert weights_of(count_agreement([PROBLEM], members, GSM8K), 3) == (1.0, 1.0, 1.0)


def test_a_member_with_two_completions_is_refused() -> None:
    with pytest.raises(ValueError, match="the completions of member 2 hold problem 'p' more than once"):
        vote_of([PROBLEM], [member("5"), member("5") * 2], [1, 1], GSM8K)
    with pytest.raises(ValueError, match="two splits are mixed"):
        vote_of([PROBLEM], [member("5"), member("5", problem_id="x")], [1, 1], GSM8K)
