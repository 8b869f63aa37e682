"""The `problems` step: rows of datasets or of the generated world become three splits of problems and references.

Wrong data raises ValueError here, before any model is loaded; every row left out is counted. Rows are streamed and
stored on disk, so that memory does not grow with their number.
"""

import sqlite3
from collections.abc import Callable, Collection
from typing import NamedTuple

from w2s.data.duplicates import duplicates_in, find_duplicates, in_order, overlap_counts
from w2s.data.split import store_split
from w2s.data.stored import Stored
from w2s.data.worlds import hard, programs, small
from w2s.data.worlds.draws import Made
from w2s.recipe import NEAR_DUPLICATE, SPLITS, DatasetProblems, Source, TestProblems, WorldProblems
from w2s.records import Disagreement, Duplicate, Problem, Reference

WORLDS: dict[str, Callable[[int, str, int], list[Made]]] = {
    "small": small.problems,
    "hard": hard.WORLD.problems,
    "programs": programs.WORLD.problems,
}


class Split(NamedTuple):
    """One split, in order of problem_id; perhaps read from disk each time."""

    problems: Collection[Problem]
    references: Collection[Reference]
    """One a problem; none where the source has no gold."""


class Problems(NamedTuple):
    """What the step writes."""

    splits: dict[str, Split]
    counts: dict[str, float]
    """Rows read, left out and kept, as `<split>_<what>`."""
    duplicates: list[Duplicate]
    disagreements: Collection[Disagreement]


def read_problems(recipe: DatasetProblems | TestProblems | WorldProblems) -> Problems:
    """The three splits, or the test split alone.

    Order of work: `where` filters, the seeded shuffle (only with `rows`), the cut, repeats, then overlap. A repeat is
    the same text in one split after `normal`; duplicates.py defines overlap (the paper, weak point 4).
    Raises ValueError with source, row, field, rule and way out for data that cannot be used.
    """
    if isinstance(recipe, WorldProblems):
        return _world(recipe)
    if recipe.solution_ending.count("{answer}") != 1:
        raise ValueError(f"problems.solution_ending {recipe.solution_ending!r} must contain {{answer}} exactly once")
    try:
        return _dataset(recipe)
    except sqlite3.OperationalError as error:
        raise ValueError(f"the rows cannot be stored on disk ({error}): set TMPDIR to a folder with space") from error


def _dataset(recipe: DatasetProblems | TestProblems) -> Problems:
    counts: dict[str, float] = {}
    stored = Stored()
    names = ("test",) if isinstance(recipe, TestProblems) else SPLITS
    for split in names:
        store_split(split, recipe, stored, counts)
    duplicates = [] if isinstance(recipe, TestProblems) else _settle_overlap(stored, recipe, counts)
    for split in names:
        if not (size := len(stored.problems(split))):
            told = ", ".join(f"{key} {count:.0f}" for key, count in counts.items() if key.startswith(split))
            name = getattr(recipe, split).name
            raise ValueError(f"problems.{split} is empty, nothing of {name} is left ({told}): change its fields")
        counts[f"{split}_problems"] = size
        _check_agreement(split, recipe, stored, counts)
    splits = {split: Split(stored.problems(split), stored.references(split)) for split in names}
    return Problems(splits, counts, duplicates, stored.disagreements())


def _world(recipe: WorldProblems) -> Problems:
    make = WORLDS[recipe.world]
    splits: dict[str, Split] = {}
    for split in SPLITS:
        made = sorted(make(recipe.seed, split, getattr(recipe, split)))
        references = [Reference(one.problem_id, one.answer, one.solution) for one in made]
        splits[split] = Split([Problem(one.problem_id, one.question, level=one.level) for one in made], references)
    duplicates = find_duplicates(
        {split: {p.problem_id: p.question for p in of.problems} for split, of in splits.items()}, NEAR_DUPLICATE
    )
    counts = overlap_counts("train_1", duplicates, "kept") | overlap_counts("train_2", duplicates, "kept")
    counts |= {f"{split}_problems": float(len(splits[split].problems)) for split in SPLITS}
    return Problems(splits, counts, duplicates, [])


def _check_agreement(
    split: str, recipe: DatasetProblems | TestProblems, stored: Stored, counts: dict[str, float]
) -> None:
    """Count the solutions whose final answers differ from the column of answers, and refuse too many."""
    verdicts = stored.verdicts(split)
    compared = sum(count for verdict, count in verdicts.items() if verdict)
    wrong = verdicts.get("wrong", 0)
    if compared:
        counts[f"{split}_solutions_disagreeing"] = wrong
        counts[f"{split}_solutions_undecided"] = verdicts.get("undecided", 0)
    if wrong > recipe.max_disagreement * compared:
        source: Source = getattr(recipe, split)
        examples = "; ".join(
            f"{place}: {own!r} is not {answer!r}" for place, own, answer in stored.examples(split, "wrong")
        )
        raise ValueError(
            f"problems.{split}: the final answers of {wrong} of {compared} solutions (column {source.solution!r}) are "
            f"not those of column {source.answer!r} ({examples}); at most a share of {recipe.max_disagreement} may "
            f"differ: repair the rows, --set problems.{split}.answer=none to grade by the solutions, or "
            "raise problems.max_disagreement"
        )


def _settle_overlap(stored: Stored, recipe: DatasetProblems, counts: dict[str, float]) -> list[Duplicate]:
    """Treat questions of a training split that stand in another split, in place; the test split loses none."""
    duplicates = in_order(pair for group in stored.groups() for pair in duplicates_in(group, recipe.near_duplicate))
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
            stored.remove(split, ids)
    return duplicates
