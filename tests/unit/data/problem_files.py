"""Small datasets in files, for the tests of the problems step."""

import json
from pathlib import Path
from typing import Any

from w2s.recipe import SPLITS, DatasetProblems, Source

Rows = list[dict[str, Any]]


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
