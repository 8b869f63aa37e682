"""Solutions that end with another answer than the column of answers has: counted, listed, and refused above a share."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.data.problem_files import Rows, recipe
from w2s.data.splits import read_problems
from w2s.recipe import DatasetProblems
from w2s.records import Disagreement


def solved(tmp_path: Path, answers: dict[int, Any], **fields: Any) -> DatasetProblems:
    """A test split of ten solutions that end with `#### 3`; `answers` has the rows whose answer is another text."""
    data: Rows = [{"q": f"question {n}", "s": "1 + 2 = 3\n#### 3", "a": answers.get(n, "3")} for n in range(10)]
    made = recipe(tmp_path, test=data, **fields)
    return made.model_copy(update={"test": made.test.model_copy(update={"answer": "a"})})


@pytest.mark.parametrize("same", ["3", 3, 3.0, "3.00", "6/2", "$3", "#### 3", r"\boxed{3}", "3 apples"])
def test_equal_values_agree(tmp_path: Path, same: Any) -> None:
    found = read_problems(solved(tmp_path, {4: same}))
    assert list(found.disagreements) == []
    assert (found.counts["test_solutions_disagreeing"], found.counts["test_solutions_undecided"]) == (0, 0)


def test_others_are_counted_and_listed(tmp_path: Path) -> None:
    found = read_problems(solved(tmp_path, {4: "4", 7: "six and x"}, max_disagreement=0.2))
    assert next(iter(found.disagreements)) == Disagreement("test", "test-4", "4", "3", "wrong")
    listed = [one.problem_id for one in found.disagreements]
    wrong, undecided = found.counts["test_solutions_disagreeing"], found.counts["test_solutions_undecided"]
    assert wrong + undecided == len(listed)
    assert found.counts["test_problems"] == 10
    assert "train_1_solutions_disagreeing" not in found.counts  # no answers beside the solutions


def test_too_many_are_refused(tmp_path: Path) -> None:
    made = solved(tmp_path, {4: "4", 6: "5"})
    message = (
        r"problems.test: the final answers of 2 of 10 solutions \(column 's'\) are not those of column 'a' "
        r"\(.*test.jsonl:5: '3' is not '4'; .*:7: '3' is not '5'\); at most a share of 0.01 may differ: "
        r".*problems.test.answer=none.*max_disagreement"
    )
    with pytest.raises(ValueError, match=message):
        read_problems(made)
    assert read_problems(made.model_copy(update={"max_disagreement": 0.2})).counts["test_solutions_disagreeing"] == 2
    with pytest.raises(ValueError, match="2 of 10"):
        read_problems(made.model_copy(update={"max_disagreement": 0.19}))


def test_solutions_without_an_answer_are_no_disagreement(tmp_path: Path) -> None:
    data: Rows = [{"q": "question 0", "s": "one and two", "a": "3"}, {"q": "question 1", "s": None, "a": "3"}]
    made = recipe(tmp_path, test=data)
    found = read_problems(made.model_copy(update={"test": made.test.model_copy(update={"answer": "a"})}))
    assert "test_solutions_disagreeing" not in found.counts
    assert [one.solution for one in found.splits["test"].references] == ["one and two\n#### 3", "#### 3"]
