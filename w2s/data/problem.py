"""One row of a source as records: a Problem, and its Reference where the source has gold.

A row that cannot be used raises ValueError with its place, its field, the rule and the way out.
"""

import re
from typing import NamedTuple, NoReturn

from w2s.answers import kind_of
from w2s.data.cells import cell_text, shown
from w2s.data.gold import final_answer
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


def to_item(split: str, source: Source, recipe: DatasetProblems, row: Row) -> Item:
    """One row as records."""

    def refuse(field: str, rule: str) -> NoReturn:
        column = getattr(source, field)
        cell = shown(row.values.get(column))
        raise ValueError(f"{row.place}: {column!r} (problems.{split}.{field}) is {cell}; {rule}")

    def text(field: str, needed: bool = True) -> str:
        column = getattr(source, field)
        cell = row.values.get(column)
        another = f"repair the row, or name another column in problems.{split}.{field}"
        if isinstance(cell, list) and field in ONE_VALUE:
            refuse(field, f"it must be text or a number, not a list: {another}")
        try:
            value = cell_text(cell) if column is not None else ""
        except ValueError as error:
            refuse(field, f"{error}: {another}")
        if needed and not value:
            refuse(field, f"it must not be empty: repair the row, or leave it out with problems.{split}.where")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            refuse(
                field,
                f"character {error.start + 1} is half of a surrogate pair, which no table can hold: repair the row",
            )
        return value

    problem_id = text("id") if source.id is not None else f"{split}-{row.number}"
    if not isinstance(row.values.get(source.question), str):
        refuse("question", "a question must be text: repair the row, or leave it out with `where`")
    problem = Problem(
        problem_id,
        text("question"),
        text("kind", needed=False) or kind_of(text("question")),
        text("level", needed=False),
    )
    if source.answer is None and source.solution is None:
        return Item(row.place, problem, None)
    solution = text("solution", needed=source.answer is None)
    if recipe.drop_calculator_marks:
        solution = _CALCULATOR_MARK.sub("", solution)
    answer = text("answer") if source.answer is not None else final_answer(solution)
    if source.answer is not None and answer in MISSING_NUMBERS:
        refuse("answer", "it is the text of a missing value: repair the row, or leave it out with `where`")
    if not answer:
        refuse(
            "solution", f"no final answer after `####` or in \\boxed{{}}: name its column in problems.{split}.answer"
        )
    marker = recipe.solution_ending.partition("{answer}")[0].strip()
    if not marker or marker not in solution.rpartition("\n")[2]:
        solution = (solution + recipe.solution_ending.replace("{answer}", answer)).strip()
    return Item(row.place, problem, Reference(problem_id, answer, solution))
