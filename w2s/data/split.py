"""One split: the rows of its source that `where` keeps, shuffled and cut to `rows`.

Without `rows` it has all of them, in the source's order; `problems.repeats` decides about repeated questions.
"""

from collections.abc import Iterator

import numpy as np

from w2s.data.cells.problem import Item, to_item
from w2s.data.rows import is_allowed, read_rows
from w2s.data.stored import Stored
from w2s.recipe import DatasetProblems, Source, TestProblems
from w2s.seed import derived_seed

Positions = np.ndarray[tuple[int], np.dtype[np.int64]]


def store_split(split: str, recipe: DatasetProblems | TestProblems, stored: Stored, counts: dict[str, float]) -> None:
    """Store the items of one split."""
    source: Source = getattr(recipe, split)
    field = f"problems.{split}"
    seed = recipe.seed if source.seed is None else source.seed
    cut = None if source.rows is None else _positions(field, source, seed)
    read = allowed = shortened = 0

    def items() -> Iterator[tuple[int, Item]]:
        nonlocal read, allowed, shortened
        for row in read_rows(field, source):
            read += 1
            if not is_allowed(field, source, row):
                continue
            position = allowed if cut is None else int(cut[allowed])
            allowed += 1
            if position >= 0:
                item = to_item(split, source, recipe, row)
                shortened += item.earlier_turns > 0
                yield position, item

    stored.add(split, items())
    counts |= {f"{split}_rows": read, f"{split}_left_out_by_where": read - allowed}
    if shortened:
        counts[f"{split}_earlier_turns_left_out"] = shortened
    if source.id is not None and (repeated := stored.repeated_ids(split)):
        place, first_place, problem_id = repeated[0]
        rule = f"ids must be unique: repair them, or --set problems.{split}.id=null to number the rows"
        raise ValueError(f"{place}: {source.id!r} (problems.{split}.id) is {problem_id!r}, as at {first_place}; {rule}")
    repeats, first = stored.repeated_questions(split)
    if repeats and recipe.repeats == "error":
        examples = ", ".join(f"{item.place} = {item.first_place}" for item in first)
        ways = "--set problems.repeats=remove keeps the first of each, =keep keeps all"
        raise ValueError(f"problems.{split} contains {repeats} repeated questions ({examples}): {ways}")
    counts[f"{split}_repeats_{'kept' if recipe.repeats == 'keep' else 'removed'}"] = repeats
    if repeats and recipe.repeats == "remove":
        stored.remove_repeated_questions(split)


def _positions(field: str, source: Source, seed: int) -> Positions:
    """Of each row that `where` keeps, its position in the shuffled and cut split; -1 for a row that is cut off."""
    assert source.rows is not None
    size = sum(is_allowed(field, source, row) for row in read_rows(field, source))
    start, stop = source.rows
    if not 0 <= start < stop <= size:
        there = f"{size} rows{' after its `where`' if source.where else ''}"
        raise ValueError(
            f"{field}.rows=[{start}, {stop}] is out of range: {source.name} has {there}; "
            f"set a range with 0 <= start < stop <= {size}"
        )
    # Sorted by a hash, not shuffled by a generator, so that the order is no matter of Python's version.
    hashes = (derived_seed(seed, index) for index in range(size))
    chosen = np.argsort(np.fromiter(hashes, np.int64, size), kind="stable")[start:stop].copy()
    positions = np.full(size, -1, np.int64)
    positions[chosen] = np.arange(len(chosen))
    return positions
