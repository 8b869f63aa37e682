"""What each table of a step holds: which records, and of which split's problems."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from w2s import records
from w2s.graph.step import Table
from w2s.recipe import SPLITS

_RECORDS: dict[str, type[Any]] = {
    "completions": records.Completion,
    "demonstrations": records.Demonstration,
    "weak": records.SFTExample,
    "icl": records.SFTExample,
    "hybrid": records.SFTExample,
    "examples": records.SFTExample,
    "selection": records.Selection,
    "merges": records.Merge,
    "consensus": records.Consensus,
    "pairs": records.PreferencePair,
    "scores": records.Score,
    "disputed": records.Score,
    "duplicates": records.Duplicate,
    "disagreements": records.Disagreement,
    **dict.fromkeys(SPLITS, records.Problem),
    **dict.fromkeys((f"{split}_references" for split in SPLITS), records.Reference),
}
DOCUMENTS = ("summary", "audit", "report", "losses")
"""Tables that are one JSON document."""


def record_of(table: Table) -> type[Any] | None:
    """The record of a table's rows; None for documents, models and pages."""
    return _RECORDS.get(table.name)


def content_of(rows: Iterable[Any]) -> str:
    """SHA-256 of rows in their order, whatever file holds them; empty cells do not count, so that a column may be
    added."""
    digest = hashlib.sha256()
    for row in rows:
        cells = {name: value for name, value in asdict(row).items() if value not in ("", None)}
        digest.update(f"{json.dumps(cells, sort_keys=True)}\n".encode())
    return digest.hexdigest()


def split_of(table: Table) -> str:
    """The split whose problems a table is about; empty where it is about none."""
    if not table.step.inputs:
        return table.name.removesuffix("_references")
    problems = table.step.input("problems")
    return problems.name if problems else ""
