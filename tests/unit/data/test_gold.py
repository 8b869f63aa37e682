"""Gold answers: the final answer of a solution, and of a cell that may be a whole solution."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.data.problem_files import read_problems, recipe, rows
from w2s.data.cells.final_answer import answer_of_cell, final_answer


@pytest.mark.parametrize(
    ("solution", "answer"),
    [
        ("2 + 2 = 4\n#### 4", "4"),
        ("#### 1\nno, wait\n#### 1,000  ", "1,000"),
        (r"so $\boxed{\frac{1}{2}}$.", r"\frac{1}{2}"),
        (r"\boxed{1} and then \boxed {2}", "2"),
        (r"\boxed{\left\{ 1, 2 \right.} is it", r"\left\{ 1, 2 \right."),
        (r"\fbox{7}", "7"),
        (r"\boxed{1", None),
        ("#### ", None),
        ("just words", None),
        ("", None),
        ("#### 5 #### 6", "6"),
        ("#### #### 5", "5"),
        (r"so \boxed{\boxed{5}}", "5"),
        ("1 + 1 = 2\nThe answer is: 2", "2"),
        ("1 + 1 = 2\nFinal answer: 2 apples", "2 apples"),
        ("The answer is: 3\nno, wait", None),
        ("1 + 1 = 2\nThe answer is 2", "2"),
        ("I do not know what the answer is today", None),
        ("#### Step 1: Add\n3 + 4 = 7\n#### Conclusion\nIt is \\boxed{7}.", "7"),
        ("#### 1. Add the apples\n3 + 4 = 7\n#### Check\n7 - 4 = 3\n#### 7", "7"),
        ("#### The 3 bakeries\nAll sell 4.\n**Answer:** 12", "12"),
        ("```\n#### compute\nx = 7\n```\nThe answer is 7", "7"),
        ("#### Step 1\n3 + 4 = 7", None),
        ("#### Final Answer\n\n7", None),
        ("##### 7", "7"),
        ("#### 7 ####", "7"),
        ("#### 7 apples\nas said", "7 apples"),
        ("#### Final Answer: 7", "7"),
        ("#### The answer is 7", "7"),
        (r"#### \boxed{7}", "7"),
        ("#### x = 5", "x = 5"),
        ("#### a blue hat", "a blue hat"),
    ],
)
def test_final_answer(solution: str, answer: str | None) -> None:
    assert final_answer(solution) == answer


@given(st.text())
def test_final_answer_never_raises_and_finds_what_is_boxed(text: str) -> None:
    final_answer(text)
    inside = "".join(char for char in text if char not in "\\{}#").strip()
    assert final_answer(f"so \\boxed{{{inside}}}.") == (inside or None)


@pytest.mark.parametrize(
    ("cell", "answer"),
    [
        ("5", "5"),
        ("#### 5", "5"),
        ("####5", "5"),
        ("#### #### 5", "5"),
        ("#### 5\n#### 5", "5"),
        ("Tom has 2 + 3 = <<2+3=5>>5 apples.\n#### 5", "5"),
        (r"$\boxed{\frac{1}{2}}$", r"\frac{1}{2}"),
        ("so it is\n" + r"\boxed{5}" + "\nas said", "5"),
        ("The answer is: 5", "5"),
        ("the final answer is 5", "5"),
        ("Answer: 19", "19"),
        (r"\boxed{5}, \boxed{6}", "5, 6"),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"),
        ("an answer is unknown", "an answer is unknown"),
    ],
)
def test_answer_of_a_cell(cell: str, answer: str) -> None:
    assert answer_of_cell(cell) == answer
    assert answer_of_cell(answer) == answer


REFUSED = [
    ("2 + 3 = 5\nso it is 5", r"several lines and no final answer after `####`, in \\boxed\{\} or after `answer:`"),
    ("5\r6", "several lines"),
    ("5\u20286", "several lines"),
    ("####", "nothing after it"),
    (r"\boxed{}", "nothing after it"),
    (r"\boxed{5", "nothing after it"),
    ("The answer is:", "nothing after it"),
    ("#### 5\n#### 6", "the final answers '5', '6'"),
    (r"\boxed{5} \boxed{6}", "the final answers '5', '6'"),
]


@pytest.mark.parametrize(("cell", "why"), REFUSED)
def test_cells_that_are_no_answer(tmp_path: Path, cell: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        answer_of_cell(cell)
    data = [row | {"a": cell if n == 1 else n} for n, row in enumerate(rows("test"))]
    made = recipe(tmp_path, test=data)
    test = made.test.model_copy(update={"answer": "a", "solution": None})
    with pytest.raises(
        ValueError, match=rf"(?s)test.jsonl:2: 'a' \(problems.test.answer\) is .*{why}.*: repair the row"
    ):
        read_problems(made.model_copy(update={"test": test}))


def test_gsm8k_s_whole_solutions_as_answers(tmp_path: Path) -> None:
    """GSM8K's column `answer` is the solution: named as the answer it made every test problem undecided."""
    made = recipe(tmp_path)
    by_answer = made.test.model_copy(update={"answer": "s", "solution": None})
    gold = [
        one.references
        for one in (
            read_problems(made)[0]["test"],
            read_problems(made.model_copy(update={"test": by_answer}))[0]["test"],
        )
    ]
    assert [one.answer for one in gold[0]] == [one.answer for one in gold[1]] == ["1", "2", "3", "4", "5"]
    assert gold[1][0].solution == "#### 1"


@pytest.mark.parametrize(("field", "cell"), [("answer", "9" * 1001), ("solution", "#### " + "9" * 1001)])
def test_an_answer_that_no_reader_takes_is_refused(tmp_path: Path, field: str, cell: str) -> None:
    made = recipe(tmp_path, test=[{"q": "question", "c": cell}])
    test = made.test.model_copy(update={"solution": None, field: "c"})
    with pytest.raises(ValueError, match=rf"problems.test.{field}\) .*a final answer has at most 1000 .*, not 1001"):
        read_problems(made.model_copy(update={"test": test}))


@given(st.text(max_size=40))
def test_the_answer_of_an_answer_is_itself(text: str) -> None:
    try:
        answer = answer_of_cell(text.strip())
    except ValueError:
        return
    assert not answer or answer_of_cell(answer) == answer
