"""Which of the weak model's completions are shown."""

import pytest

from w2s.method.demonstrations import choose_demonstrations
from w2s.recipe import Answers, Demonstrations
from w2s.records import Completion, Problem

PROBLEMS = [Problem(f"p{i}", f"question {i}") for i in range(12)]


def completions(lengths: dict[int, int]) -> list[Completion]:
    return [
        Completion(f"p{i}", 0, "weak", f" {'1 + 1 = 2. ' * n}\n#### 2", "stop", 5, 5, 0) for i, n in lengths.items()
    ]


def chosen(choice: str, count: int = 3, lengths: dict[int, int] | None = None) -> list[str]:
    rows = completions(lengths or {i: 1 + i % 4 for i in range(12)})
    recipe = Demonstrations(count=count, choice=choice)  # type: ignore[arg-type]
    whole = choose_demonstrations([(PROBLEMS, rows)], recipe, Answers())
    alone = [
        ([problem], [row for row in rows if row.problem_id == problem.problem_id]) for problem in reversed(PROBLEMS)
    ]
    assert choose_demonstrations(alone, recipe, Answers()) == whole, "how the tables are cut must not matter"
    return [one.problem_id for one in whole]


def test_longest_are_the_longest() -> None:
    assert set(chosen("longest")) == {"p3", "p7", "p11"}


def test_random_does_not_look_at_length() -> None:
    assert chosen("random") == chosen("random", lengths=dict.fromkeys(range(12), 2))


@pytest.mark.parametrize("choice", ["random", "longest"])
def test_too_few_says_why(choice: str) -> None:
    with pytest.raises(ValueError, match=r"demonstrations\.count is 3.*2 finished"):
        chosen(choice, lengths={0: 1, 1: 1})
