"""One try at one step: data files first, under names of its own, then the manifest, once."""

import json
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from w2s.graph.contents import content_of
from w2s.graph.step import Step, stable
from w2s.records import Record
from w2s.store import layout
from w2s.store.lease.lease import check_held
from w2s.store.manifest import File, Manifest, describe
from w2s.store.objects.objects import Objects
from w2s.store.store import Store
from w2s.store.tables import parquet_bytes

ROWS_PER_FILE = 50_000
"""Larger tables are cut, so that a reader of some problems need not read all."""


@dataclass
class Attempt:
    """One try at one step. Nothing of it counts before `commit`."""

    store: Store
    step: Step
    name: str = field(default_factory=layout.new_name)
    started: float = field(default_factory=time.time)
    tables: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    rows: dict[str, int] = field(default_factory=dict[str, int])
    counts: dict[str, float] = field(default_factory=dict[str, float])
    contents: dict[str, str] = field(default_factory=dict[str, str])
    device_seconds: dict[str, float] = field(default_factory=dict[str, float])
    held_seconds: float = 0.0
    start_seconds: float = 0.0
    estimate: dict[str, float] = field(default_factory=dict[str, float])
    _files: list[File] = field(default_factory=list[File])

    def add(self, table: str, path: str, data: bytes) -> None:
        """Write a file of `table`, at `path` in the step's directory."""
        self.include(table, put(self.store.objects, self.step.directory, path, data))

    def include(self, table: str, file: File | None, rows: int | None = None) -> None:
        """Make a file that is in the step's directory part of `table`, with `rows` records; None adds no file.

        Raises ValueError for a table that the step's recipe does not name.
        """
        _ = self.step[table]  # raises
        self.tables.setdefault(table, [])
        if file is not None:
            self._files.append(file)
            self.tables[table].append(file.path)
        if rows is not None:
            self.rows[table] = self.rows.get(table, 0) + rows

    def write_records(self, table: str, records: Collection[Record], record: type[Record]) -> None:
        """Write a whole table, as one Parquet file for every `ROWS_PER_FILE` records."""
        total, rows = len(records), iter(records)
        if table in self.step.recipe.by_content:
            self.contents[table] = content_of(records)
        for number in range(max(1, -(-total // ROWS_PER_FILE))):
            part = list(islice(rows, ROWS_PER_FILE))
            name = f"{table}-{number:05d}" if total > ROWS_PER_FILE else table
            path, data = f"{self.name}/{name}.parquet", parquet_bytes(part, record)
            self.include(table, put(self.store.objects, self.step.directory, path, data), len(part))

    def write_document(self, table: str, value: Any) -> None:
        """Write a JSON document."""
        self.add(table, f"{self.name}/{table}.json", json.dumps(value, indent=1, ensure_ascii=False).encode())

    def commit(self, versions: dict[str, str], code_commit: str = "") -> Manifest:
        """Finish the step by writing its manifest. If another driver was first, return that driver's manifest.

        Raises LeaseLost, before anything is written, if another run has taken the step over.
        """
        check_held(self.store.objects, self.step.directory, self.store.run)
        manifest = Manifest(
            step=self.step.name,
            kind=self.step.kind,
            fingerprint=self.step.fingerprint,
            attempt=self.name,
            recipe=stable(self.step.recipe),
            inputs={role: (table.step.directory, table.name) for role, table in self.step.inputs},
            input_contents={role: table.content for role, table in self.step.inputs if table.content},
            contents=self.contents,
            tables={name: tuple(paths) for name, paths in self.tables.items()},
            rows=self.rows,
            counts=self.counts,
            files=tuple(self._files),
            versions=versions,
            code_commit=code_commit,
            started=layout.timestamp(self.started),
            seconds=round(time.time() - self.started, 3),
            device_seconds={device: round(seconds, 3) for device, seconds in self.device_seconds.items()},
            held_seconds=round(self.held_seconds, 3),
            start_seconds=round(self.start_seconds, 3),
            estimate=self.estimate,
        )
        path = self.store.objects.path(layout.manifest(self.step.directory))
        if self.store.objects.create(path, manifest.to_json()):
            return manifest
        return self.store.manifest(self.step) or manifest


def put(objects: Objects, directory: str, path: str, data: bytes) -> File:
    """Write a file of the step in `directory`; it counts once a manifest names it."""
    objects.write(objects.path(directory, path), data)
    return describe(path, data)
