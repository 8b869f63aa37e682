"""One row of a source as records: a Problem, and its Reference where the source has gold.

A row that cannot be used raises ValueError with its place, its field, the rule and the way out.
"""

import re
from typing import Literal, NamedTuple

from w2s.answers import Answer, grade, kind_of
from w2s.answers.grading import Verdict
from w2s.answers.types import MAX_ANSWER_CHARS
from w2s.data.cells.chat import chat
from w2s.data.cells.final_answer import MARKS, answer_of_cell, final_answer
from w2s.data.cells.row import Cells
from w2s.data.rows import Row
from w2s.recipe import DatasetProblems, Source, TestProblems
from w2s.records import Problem, Reference

MISSING = ("nan", "-nan", "<NA>", "NaT", "NaN", "-NaN", "NAN", "None", "null", "NULL", "Null", "NA", "N/A", "n/a")
"""Texts that pandas, NumPy, Python, JSON, R, C and people make of missing values."""
SPREADSHEET = re.compile(r"#(N/A|DIV/0!|VALUE!|REF!|NAME\?|NUM!|NULL!|SPILL!|CALC!)|=\s*\".*\"")
"""A text that a spreadsheet writes for an error, or for a text that it must not read as a number."""
INFINITIES = re.compile("[-+]?(inf|Inf|INF|Infinity)")
"""Texts that pandas, R, C and JavaScript make of infinite numbers."""
AS_PYTHON = re.compile(
    r"(array|tensor|Decimal|Fraction|Timestamp|(?:datetime|np|numpy)\.\w+)\(.*\)|b(['\"]).*\2"
    r"|\[\s*['\"].*\]|\{\s*['\"].*\}",
    re.DOTALL,
)
"""A text that Python prints for an array, a number, a date, bytes, a list or an object; pandas writes such cells."""

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


def to_item(split: str, source: Source, recipe: DatasetProblems | TestProblems, row: Row) -> Item:
    """One row as records."""
    cells = Cells(f"problems.{split}", source, row)
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
    answer = _answer(cells, solution)
    if source.answer is not None and (own := final_answer(solution)):
        verdict = "right" if own == answer else grade(Answer(own), answer, kind, ask="never").verdict
        item = item._replace(solution_answer=own, verdict=verdict)
    marker = recipe.solution_ending.partition("{answer}")[0].strip()
    if not marker or marker not in solution.rpartition("\n")[2]:
        solution = (solution + recipe.solution_ending.replace("{answer}", answer)).strip()
    return item._replace(reference=Reference(problem_id, answer, solution))


def _answer(cells: Cells, solution: str) -> str:
    """The final answer, of its own column or of the solution."""
    if cells.source.answer is None:
        field, answer = "solution", final_answer(solution)
        if not answer:
            cells.refuse(field, f"no final answer {MARKS}: name its column in {cells.field}.answer")
    else:
        field, answer = "answer", cells.text("answer")
        if answer in MISSING:
            cells.refuse(field, "it is the text of a missing value: repair the row, or leave it out with `where`")
        if SPREADSHEET.fullmatch(answer):
            cells.refuse(
                field, "it is an error or a formula of a spreadsheet: repair the row, or leave it out with `where`"
            )
        if INFINITIES.fullmatch(answer):
            way = r"repair the row, write \infty where that is the answer, or leave it out with `where`"
            cells.refuse(field, f"a number must be finite: {way}")
        if AS_PYTHON.fullmatch(answer):
            cells.refuse(field, "it is a value as Python prints it: write the value itself, in JSON Lines or Parquet")
        try:
            answer = answer_of_cell(answer)
        except ValueError as error:
            way = f"repair the row, or name the column of whole solutions in {cells.field}.solution"
            cells.refuse(field, f"{error}: {way}")
    if len(answer) > MAX_ANSWER_CHARS:
        cells.refuse(field, f"a final answer has at most {MAX_ANSWER_CHARS} characters, not {len(answer)}")
    return answer
