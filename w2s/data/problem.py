"""One row of a source as records: a Problem, and its Reference where the source has gold.

A row that cannot be used raises ValueError with its place, its field, the rule and the way out.
"""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import re
from typing import Any, NamedTuple, NoReturn

from w2s.answers import kind_of
from w2s.data.gold import final_answer
from w2s.data.rows import Row
from w2s.recipe import DatasetProblems, Source
from w2s.records import Problem, Reference

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
        shown = repr(row.values.get(column))
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        raise ValueError(f"{row.place}: {column!r} (problems.{split}.{field}) is {shown}; {rule}")

    def text(field: str, needed: bool = True) -> str:
        column = getattr(source, field)
        value = cell_text(row.values.get(column)) if column is not None else ""
        if value is None:
            refuse(
                field,
                f"it must be text or a number: repair the row, or name another column in problems.{split}.{field}",
            )
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
    if not answer:
        refuse(
            "solution", f"no final answer after `####` or in \\boxed{{}}: name its column in problems.{split}.answer"
        )
    marker = recipe.solution_ending.partition("{answer}")[0].strip()
    if not marker or marker not in solution.rpartition("\n")[2]:
        solution = (solution + recipe.solution_ending.replace("{answer}", answer)).strip()
    return Item(row.place, problem, Reference(problem_id, answer, solution))


def cell_text(value: Any) -> str | None:
    """A cell as text without surrounding white space; None if it is neither text nor a number.

    Joins a list by commas: OlympicArena's answers are lists.
    """
    if isinstance(value, list):
        parts = [cell_text(part) for part in value]
        return None if None in parts else ", ".join(str(part) for part in parts)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value).strip() if isinstance(value, str | int | float) else None
