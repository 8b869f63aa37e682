"""One row of a source as records: a Problem, and its Reference where the source has gold.

A row that cannot be used raises ValueError with its place, its field, the rule and the way out.
"""

import re
from typing import Any, Literal, NamedTuple, NoReturn

from w2s.answers import Answer, grade, kind_of
from w2s.answers.grading import Verdict
from w2s.answers.types import MAX_ANSWER_CHARS
from w2s.data.cells.chat import chat, content_text, is_chat_text
from w2s.data.cells.final_answer import MARKS, answer_of_cell, final_answer
from w2s.data.cells.text import cell_text, shown
from w2s.data.rows import Row
from w2s.recipe import DatasetProblems, Source
from w2s.records import Problem, Reference

ONE_VALUE = ("question", "solution", "id")
"""Fields that are no list; the values of a list of answers or labels are joined by commas."""
MISSING_NUMBERS = ("nan", "NaN", "<NA>", "NaT")
"""Texts that pandas and NumPy make of missing numbers."""

_CALCULATOR_MARK = re.compile(r"<<.*?>>")


class Item(NamedTuple):
    """One row as records, with its place in the source for error messages."""

    place: str
    problem: Problem
    reference: Reference | None
    solution_answer: str = ""
    """The final answer of the solution where the answer has a column of its own; else empty."""
    verdict: Verdict | Literal[""] = ""
    """Whether `solution_answer` is `reference.answer`."""
    earlier_turns: int = 0
    """Turns of a chat before its question, which the problem leaves out."""


def to_item(split: str, source: Source, recipe: DatasetProblems, row: Row) -> Item:
    """One row as records."""
    cells = _Cells(split, source, row)
    problem_id = cells.text("id") if source.id is not None else f"{split}-{row.number}"
    question = cells.question()
    kind = cells.text("kind", needed=False) or kind_of(question)
    problem = Problem(problem_id, question, kind, cells.text("level", needed=False))
    turns = chat(cells.cell("question"))
    item = Item(row.place, problem, None, earlier_turns=turns.before if turns else 0)
    if source.answer is None and source.solution is None:
        return item
    solution = cells.text("solution", needed=source.answer is None)
    if recipe.drop_calculator_marks:
        solution = _CALCULATOR_MARK.sub("", solution)
    answer = cells.answer(solution)
    if source.answer is not None and (own := final_answer(solution)):
        verdict = "right" if own == answer else grade(Answer(own), answer, kind, ask="never").verdict
        item = item._replace(solution_answer=own, verdict=verdict)
    marker = recipe.solution_ending.partition("{answer}")[0].strip()
    if not marker or marker not in solution.rpartition("\n")[2]:
        solution = (solution + recipe.solution_ending.replace("{answer}", answer)).strip()
    return item._replace(reference=Reference(problem_id, answer, solution))


class _Cells(NamedTuple):
    """The cells of one row by the source's field."""

    split: str
    source: Source
    row: Row

    def cell(self, field: str) -> Any:
        column = getattr(self.source, field)
        return None if column is None else self.row.values.get(column)

    def refuse(self, field: str, rule: str) -> NoReturn:
        named = f"{getattr(self.source, field)!r} (problems.{self.split}.{field})"
        raise ValueError(f"{self.row.place}: {named} is {shown(self.cell(field))}; {rule}")

    def text(self, field: str, needed: bool = True) -> str:
        """The text of a cell, or of the turn in it."""
        cell = self.cell(field)
        another = f"repair the row, or name another column in problems.{self.split}.{field}"
        try:
            if turns := chat(cell):
                text = content_text(turns.question if field == "question" else turns.solution)
            elif isinstance(cell, list) and field in ONE_VALUE:
                raise ValueError("it must be text or a number, not a list")
            else:
                text = cell_text(cell)
        except ValueError as error:
            self.refuse(field, f"{error}: {another}")
        if needed and not text:
            self.refuse(
                field, f"it must not be empty: repair the row, or leave it out with problems.{self.split}.where"
            )
        try:
            text.encode()
        except UnicodeEncodeError as error:
            rule = "is half of a surrogate pair, which no table can hold: repair the row"
            self.refuse(field, f"character {error.start + 1} {rule}")
        return text

    def question(self) -> str:
        """The question, which is text or a turn."""
        cell, source = self.cell("question"), self.source
        if isinstance(cell, str) and is_chat_text(cell):
            self.refuse(
                "question", "it is a chat written as text: write the turns as objects, in JSON Lines or Parquet"
            )
        if not isinstance(cell, str) and not chat(cell):
            self.refuse("question", "a question must be text: repair the row, or leave it out with `where`")
        if source.question in (source.solution, source.answer) and not chat(cell):
            self.refuse("question", "only a chat holds question and solution in one column: name two columns")
        return self.text("question")

    def answer(self, solution: str) -> str:
        """The final answer, of its own column or of the solution."""
        if self.source.answer is None:
            field, answer = "solution", final_answer(solution)
            if not answer:
                self.refuse(field, f"no final answer {MARKS}: name its column in problems.{self.split}.answer")
        else:
            field, answer = "answer", self.text("answer")
            if answer in MISSING_NUMBERS:
                self.refuse(field, "it is the text of a missing value: repair the row, or leave it out with `where`")
            try:
                answer = answer_of_cell(answer)
            except ValueError as error:
                way = f"repair the row, or name the column of whole solutions in problems.{self.split}.solution"
                self.refuse(field, f"{error}: {way}")
        if len(answer) > MAX_ANSWER_CHARS:
            self.refuse(field, f"a final answer has at most {MAX_ANSWER_CHARS} characters, not {len(answer)}")
        return answer
