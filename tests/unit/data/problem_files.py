"""Small datasets in files, for the tests of the problems step."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from w2s.data import splits
from w2s.recipe import SPLITS, DatasetProblems, Source, WorldProblems
from w2s.records import Duplicate, Problem, Reference

Rows = list[dict[str, Any]]


class Lists(NamedTuple):
    """A split in memory."""

    problems: list[Problem]
    references: list[Reference]


def read_problems(
    made: DatasetProblems | WorldProblems,
) -> tuple[dict[str, Lists], dict[str, float], list[Duplicate]]:
    """What the step writes, in memory and without the table of disagreements."""
    found = splits.read_problems(made)
    lists = {name: Lists(list(split.problems), list(split.references)) for name, split in found.splits.items()}
    return lists, found.counts, found.duplicates


def rows(split: str, count: int = 5) -> Rows:
    return [
        {"q": f"{split} question {n}?", "s": f"{n} + 1 = <<{n}+1={n + 1}>>{n + 1}\n#### {n + 1}", "i": f"{split}{n}"}
        for n in range(count)
    ]


def lines(path: Path, data: Rows) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in data))
    return path


def recipe(
    folder: Path, train_1: Rows | None = None, train_2: Rows | None = None, test: Rows | None = None, **fields: Any
) -> DatasetProblems:
    """Three JSONL files; `source` changes every Source, other fields the recipe."""
    given_rows = {"train_1": train_1, "train_2": train_2, "test": test}
    source = {"question": "q", "solution": "s"} | fields.pop("source", {})
    files = {
        split: lines(folder / f"{split}.jsonl", rows(split) if (one := given_rows[split]) is None else one)
        for split in SPLITS
    }
    return DatasetProblems(**{split: Source(name=str(path), **source) for split, path in files.items()}, **fields)
