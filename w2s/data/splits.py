"""The `problems` step: rows of datasets or of the generated world become three splits of problems and references.

Wrong data raises ValueError here, before any model is loaded; every row left out is counted.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from w2s.data.cells import cell_text, shown
from w2s.data.duplicates import find_duplicates, normal, overlap_counts
from w2s.data.problem import Item, to_item
from w2s.data.rows import Row, read_rows
from w2s.recipe import NEAR_DUPLICATE, SPLITS, DatasetProblems, Source, WorldProblems
from w2s.records import Duplicate, Problem, Reference
from w2s.seed import derived_seed


@dataclass(frozen=True)
class Split:
    """One split, in the order it will be used."""

    problems: list[Problem]
    references: list[Reference]
    """One a problem, in the same order; empty where the source has no gold."""


def read_problems(
    recipe: DatasetProblems | WorldProblems,
) -> tuple[dict[str, Split], dict[str, float], list[Duplicate]]:
    """The three splits by name; counts of rows read, left out and kept, as `<split>_<what>`; questions in two splits.

    Order of work: `where` filters, the seeded shuffle (only with `rows`), the cut, repeats, then overlap. A repeat is
    the same text in one split after `normal`; duplicates.py defines overlap (the paper, weak point 4).
    Raises ValueError with source, row, field, rule and way out for data that cannot be used.
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
            name = getattr(recipe, split).name
            raise ValueError(f"problems.{split} is empty, nothing of {name} is left ({told}): change its fields")
        counts[f"{split}_problems"] = len(items[split])
    splits = {
        split: Split([i.problem for i in items[split]], [i.reference for i in items[split] if i.reference])
        for split in SPLITS
    }
    return splits, counts, duplicates


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


def _read_split(split: str, recipe: DatasetProblems, counts: dict[str, float]) -> list[Item]:
    """One split's rows, cut and without repeats."""
    source: Source = getattr(recipe, split)
    rows = list(read_rows(split, source))
    counts[f"{split}_rows"] = len(rows)
    rows = [row for row in rows if _is_allowed(split, source, row)]
    counts[f"{split}_left_out_by_where"] = counts[f"{split}_rows"] - len(rows)
    if source.rows is not None:
        start, stop = source.rows
        if not 0 <= start < stop <= len(rows):
            size = f"{len(rows)} rows{' after its `where`' if source.where else ''}"
            raise ValueError(
                f"problems.{split}.rows=[{start}, {stop}] is out of range: {source.name} has {size}; "
                f"set a range with 0 <= start < stop <= {len(rows)}"
            )
        # Sorted by a hash, not shuffled by a generator, so that the order is no matter of Python's version.
        order = sorted(range(len(rows)), key=lambda index: derived_seed(recipe.seed, index))
        rows = [rows[index] for index in order[start:stop]]
    items = [to_item(split, source, recipe, row) for row in rows]
    if shortened := sum(item.earlier_turns > 0 for item in items):
        counts[f"{split}_earlier_turns_left_out"] = shortened
    by_id: dict[str, Item] = {}
    for item in items:
        if (first := by_id.setdefault(item.problem.problem_id, item)) is not item:
            twice = f"{item.problem.problem_id!r}, as at {first.place}"
            rule = f"ids must be unique: repair them, or --set problems.{split}.id=null to number the rows"
            raise ValueError(f"{item.place}: {source.id!r} (problems.{split}.id) is {twice}; {rule}")
    by_question: dict[str, Item] = {}
    repeats = [
        (item, first)
        for item in items
        if (first := by_question.setdefault(normal(item.problem.question), item)) is not item
    ]
    if repeats and recipe.repeats == "error":
        examples = ", ".join(f"{item.place} = {first.place}" for item, first in repeats[:3])
        ways = "--set problems.repeats=remove keeps the first of each, =keep keeps all"
        raise ValueError(f"problems.{split} contains {len(repeats)} repeated questions ({examples}): {ways}")
    counts[f"{split}_repeats_{'kept' if recipe.repeats == 'keep' else 'removed'}"] = len(repeats)
    return items if recipe.repeats == "keep" else list(by_question.values())


def _is_allowed(split: str, source: Source, row: Row) -> bool:
    """Whether `where` keeps a row; a missing cell is ''."""
    for column, allowed in source.where:
        cell = row.values.get(column)
        try:
            if cell_text(cell) not in allowed:
                return False
        except ValueError as error:
            raise ValueError(
                f"{row.place}: {column!r} (problems.{split}.where) is {shown(cell)}; {error}: repair the row, or name "
                f"another column"
            ) from error
    return True


def _settle_overlap(items: dict[str, list[Item]], recipe: DatasetProblems, counts: dict[str, float]) -> list[Duplicate]:
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
