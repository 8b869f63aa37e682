"""The small world: right answers, disjoint splits, the same text everywhere."""

import re
import subprocess
import sys

import pytest

from w2s.data.worlds import small

SEEDS = (0, 11)


@pytest.mark.parametrize("seed", SEEDS)
def test_solutions_are_right(seed: int) -> None:
    for problem in small.problems(seed, "test", 200):
        equations = re.findall(r"(\d+) ([-+*]) (\d+) = (\d+)\.", problem.solution)
        value = int(re.findall(r"\d+", problem.question)[0])
        for left, sign, right, result in equations:
            assert int(left) == value
            value = {"+": value + int(right), "-": value - int(right), "*": value * int(right)}[sign]
            assert int(result) == value
        assert problem.solution.endswith(f"\n#### {value}") and problem.answer == str(value)
        assert 2 <= len(equations) <= 4


def test_no_question_is_in_two_splits_of_any_seed_or_in_the_documents() -> None:
    splits = {
        split: {p.question for seed in SEEDS for p in small.problems(seed, split, 300)}
        for split in ("train_1", "train_2", "test")
    }
    documents = [small.document(0, index, graded) for index in range(300) for graded in (False, True)]
    splits["documents"] = {question for text in documents for question in re.findall(r"Question: (.*)\n", text)}
    names = list(splits)
    assert all(splits[a].isdisjoint(splits[b]) for a in names for b in names if a < b)


def test_questions_of_a_split_are_distinct_and_a_longer_list_starts_with_the_shorter() -> None:
    many = small.problems(3, "train_2", 400)
    assert len({p.question for p in many}) == 400
    assert small.problems(3, "train_2", 50) == many[:50]


def test_the_same_in_another_process() -> None:
    code = "from w2s.data.worlds import small; print(small.problems(5, 'test', 3), small.document(1, 2, True, 1.0))"
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    ).stdout
    assert told.strip() == f"{small.problems(5, 'test', 3)} {small.document(1, 2, True, 1.0)}"


def test_an_unknown_split_is_an_error() -> None:
    with pytest.raises(KeyError):
        small.problems(0, "train_3", 1)
