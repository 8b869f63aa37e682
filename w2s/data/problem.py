"""The `problems` step: rows of datasets or of the generated world become Problem and Reference, in three splits.

Everything that is wrong with the data is a ValueError here, before any model is loaded; everything left out is counted.
"""
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from w2s.answers import kind_of
from w2s.answers.markers import after_hashes, braced, last_box
from w2s.data.duplicates import find_duplicates, overlap_counts
from w2s.data.rows import Row, read_rows
from w2s.recipe import NEAR_DUPLICATE, DatasetProblems, Experiment, Source, WorldProblems
from w2s.records import Duplicate, Problem, Reference
from w2s.seed import derived_seed

SPLITS = ("train_1", "train_2", "test")

_CALCULATOR_MARK = re.compile(r"<<.*?>>")


@dataclass(frozen=True)
class Split:
    """One split, in the order it will be used."""

    problems: list[Problem]
    references: list[Reference]
    """One a problem, in the same order; empty where the source has no gold."""


class _Item(NamedTuple):
    place: str
    problem: Problem
    reference: Reference | None


def read_problems(
    recipe: DatasetProblems | WorldProblems,
) -> tuple[dict[str, Split], dict[str, float], list[Duplicate]]:
    """The three splits by name; counts of rows read, left out and kept, as `<split>_<what>`; and the questions that stand in two splits.

    Order in a source: `where` filters, the seeded shuffle (only with `rows`), the cut, then repeats, then overlap. A repeat is the
    same text in one split, case and white space aside; what overlaps, duplicates.py says (paper.md, weak point 4).
    Raises ValueError, naming source, row, field, rule and way out, for whatever cannot be used.
    """
    if isinstance(recipe, WorldProblems):
        return _world(recipe)
    if recipe.solution_ending.count("{answer}") != 1:
        raise ValueError(f"problems.solution_ending {recipe.solution_ending!r} must contain {{answer}} exactly once")
    counts: dict[str, float] = {}
    items = {split: _read_split(split, recipe, counts) for split in SPLITS}
    duplicates = _settle_overlap(items, recipe, counts)
    for split in SPLITS:
        if not items[split]:
            told = ", ".join(f"{key} {count:.0f}" for key, count in counts.items() if key.startswith(split))
            raise ValueError(
                f"problems.{split} is empty, nothing of {getattr(recipe, split).name} is left ({told}): change its fields"
            )
        counts[f"{split}_problems"] = len(items[split])
    splits = {
        split: Split([i.problem for i in items[split]], [i.reference for i in items[split] if i.reference])
        for split in SPLITS
    }
    return splits, counts, duplicates


def check_gold(experiment: Experiment) -> None:
    """Refuse an experiment that needs gold where its source names no column of it.

    Raises ValueError with the recipe's field to set, or the step to do without.
    """
    if isinstance(experiment.problems, WorldProblems):
        return
    for split, needed, why, otherwise in (
        ("train_1", experiment.weak_sft is not None, "the weak model is trained on it", ", or --set weak_sft=null"),
        ("train_2", experiment.ceiling, "the ceiling is trained on it", ", or --set ceiling=false"),
        ("test", True, "every model is graded by it", ""),
    ):
        source: Source = getattr(experiment.problems, split)
        if needed and source.answer is None and source.solution is None:
            fields = f"problems.{split}.answer or problems.{split}.solution"
            raise ValueError(
                f"problems.{split} ({source.name}) has no gold and {why}: set {fields} to a column{otherwise}"
            )


def final_answer(solution: str) -> str | None:
    """The final answer of a gold solution: after the last `####`, else in the last `\\boxed{}`; None without a mark."""
    if marked := after_hashes(solution):
        return marked[-1].strip() or None
    start = last_box(solution)
    content = None if start is None else braced(solution, start)
    return (content or "").strip() or None


def _world(recipe: WorldProblems) -> tuple[dict[str, Split], dict[str, float], list[Duplicate]]:
    make: Callable[[int, str, int], list[tuple[str, str, str, str]]] = importlib.import_module(
        "w2s.data.world"
    ).problems
    splits: dict[str, Split] = {}
    for split in SPLITS:
        made = make(recipe.seed, split, getattr(recipe, split))
        references = [Reference(problem_id, answer, solution) for problem_id, _, answer, solution in made]
        splits[split] = Split([Problem(problem_id, question) for problem_id, question, _, _ in made], references)
    duplicates = find_duplicates(
        {split: {p.problem_id: p.question for p in of.problems} for split, of in splits.items()}, NEAR_DUPLICATE
    )
    counts = overlap_counts("train_1", duplicates, "kept") | overlap_counts("train_2", duplicates, "kept")
    return splits, counts | {f"{split}_problems": float(len(splits[split].problems)) for split in SPLITS}, duplicates


def _read_split(split: str, recipe: DatasetProblems, counts: dict[str, float]) -> list[_Item]:
    """One split's rows, cut and without repeats."""
    source: Source = getattr(recipe, split)
    rows = list(read_rows(split, source))
    counts[f"{split}_rows"] = len(rows)
    rows = [
        row for row in rows if all((_text(row.values.get(column)) or "") in allowed for column, allowed in source.where)
    ]
    counts[f"{split}_left_out_by_where"] = counts[f"{split}_rows"] - len(rows)
    if source.rows is not None:
        start, stop = source.rows
        if not 0 <= start < stop <= len(rows):
            there = f"{len(rows)} rows of {source.name}{' that its `where` leaves' if source.where else ''}"
            raise ValueError(f"problems.{split}.rows=[{start}, {stop}] is no range within the {there}: set it to one")
        # Sorted by a hash, not shuffled by a generator, so that the order is no matter of Python's version.
        order = sorted(range(len(rows)), key=lambda index: derived_seed(recipe.seed, index))
        rows = [rows[index] for index in order[start:stop]]
    items = [_item(split, source, recipe, row) for row in rows]
    by_id: dict[str, _Item] = {}
    for item in items:
        if (first := by_id.setdefault(item.problem.problem_id, item)) is not item:
            twice = f"{item.problem.problem_id!r}, as at {first.place}"
            rule = f"ids must be unique: mend them, or --set problems.{split}.id=null to number the rows"
            raise ValueError(f"{item.place}: {source.id!r} (problems.{split}.id) is {twice}; {rule}")
    by_question: dict[str, _Item] = {}
    repeats = [(item, first) for item in items if (first := by_question.setdefault(_same(item), item)) is not item]
    if repeats and recipe.repeats == "error":
        examples = ", ".join(f"{item.place} = {first.place}" for item, first in repeats[:3])
        ways = "--set problems.repeats=remove keeps the first of each, =keep keeps all"
        raise ValueError(f"{len(repeats)} questions of problems.{split} stand in it before ({examples}): {ways}")
    counts[f"{split}_repeats_{'kept' if recipe.repeats == 'keep' else 'removed'}"] = len(repeats)
    return items if recipe.repeats == "keep" else list(by_question.values())


def _settle_overlap(
    items: dict[str, list[_Item]], recipe: DatasetProblems, counts: dict[str, float]
) -> list[Duplicate]:
    """Treat questions of a training split that stand in another split, in place; the test split loses none."""
    questions = {split: {item.problem.problem_id: item.problem.question for item in of} for split, of in items.items()}
    duplicates = find_duplicates(questions, recipe.near_duplicate)
    for split, others in (("train_1", "test"), ("train_2", "train_1 or test")):
        shared = [d for d in duplicates if d.split == split]
        ids = {d.problem_id for d in shared}
        if shared and recipe.overlap == "error":
            examples = ", ".join(
                f"{d.problem_id} = {d.other_id} of {d.other_split}, similarity {d.similarity:.2g}" for d in shared[:3]
            )
            ways = f"--set problems.overlap=remove leaves them out of {split}, =keep keeps them"
            raise ValueError(f"{len(ids)} questions of problems.{split} are also in {others} ({examples}): {ways}")
        counts |= overlap_counts(split, duplicates, "kept" if recipe.overlap == "keep" else "removed")
        if recipe.overlap == "remove":
            items[split] = [item for item in items[split] if item.problem.problem_id not in ids]
    return duplicates


def _same(item: _Item) -> str:
    return " ".join(item.problem.question.casefold().split())


def _item(split: str, source: Source, recipe: DatasetProblems, row: Row) -> _Item:
    """One row as records."""

    def refuse(field: str, rule: str) -> NoReturn:
        column = getattr(source, field)
        shown = repr(row.values.get(column))
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        raise ValueError(f"{row.place}: {column!r} (problems.{split}.{field}) is {shown}; {rule}")

    def text(field: str, needed: bool = True) -> str:
        column = getattr(source, field)
        value = _text(row.values.get(column)) if column is not None else ""
        if value is None:
            refuse(
                field, f"it must be text or a number: mend the row, or name another column in problems.{split}.{field}"
            )
        if needed and not value:
            refuse(field, f"it must not be empty: mend the row, or leave it out with problems.{split}.where")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            refuse(
                field, f"character {error.start + 1} is half of a surrogate pair, which no table can hold: mend the row"
            )
        return value

    problem_id = text("id") if source.id is not None else f"{split}-{row.number}"
    if not isinstance(row.values.get(source.question), str):
        refuse("question", "a question must be text: mend the row, or leave it out with `where`")
    problem = Problem(
        problem_id,
        text("question"),
        text("kind", needed=False) or kind_of(text("question")),
        text("level", needed=False),
    )
    if source.answer is None and source.solution is None:
        return _Item(row.place, problem, None)
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
    return _Item(row.place, problem, Reference(problem_id, answer, solution))


def _text(value: Any) -> str | None:
    """A cell as text without surrounding white space; a list joined by commas (OlympicArena's answers); None for what is no text."""
    if isinstance(value, list):
        parts = [_text(part) for part in value]
        return None if None in parts else ", ".join(str(part) for part in parts)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value).strip() if isinstance(value, str | int | float) else None
