"""One try at one step: data files first, under names of its own, then the manifest, once."""

# pyarrow comes without types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

import hashlib
import io
import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from w2s.graph.step import Step, stable
from w2s.records import Record, to_table
from w2s.store.code_commit import code_commit
from w2s.store.lease.leases import check_held
from w2s.store.manifest import File, Manifest
from w2s.store.objects.objects import Objects

if TYPE_CHECKING:
    from w2s.store.store import Store

ROWS_PER_FILE = 50_000
"""Larger tables are cut, so that a reader of some problems need not read all."""


@dataclass
class Attempt:
    """One try at one step: files under a name of its own, then the manifest."""

    store: "Store"
    step: Step
    name: str = field(default_factory=lambda: f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(4)}")
    started: float = field(default_factory=time.time)
    tables: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    rows: dict[str, int] = field(default_factory=dict[str, int])
    counts: dict[str, float] = field(default_factory=dict[str, float])
    _files: list[File] = field(default_factory=list[File])

    def add(self, table: str, relative: str, data: bytes) -> None:
        """Write a file, at `relative` in the step's directory, that is part of `table`."""
        self.include(table, put(self.store, self.step.directory, relative, data))

    def include(self, table: str, file: File | None, rows: int | None = None) -> None:
        """Make a file that is in the step's directory part of `table`, with `rows` more records; None adds no file to it.

        Raises ValueError for a table that the step's recipe does not name.
        """
        assert self.step[table]  # a table that the recipe does not name is refused
        self.tables.setdefault(table, [])
        if file is not None:
            self._files.append(file)
            self.tables[table].append(file.path)
        if rows is not None:
            self.rows[table] = self.rows.get(table, 0) + rows

    def write_records(self, table: str, records: Sequence[Record], record: type[Record]) -> None:
        """Write a whole table of records, as one Parquet file for every `ROWS_PER_FILE` of them."""
        for start in range(0, max(1, len(records)), ROWS_PER_FILE):
            part = records[start : start + ROWS_PER_FILE]
            name = f"{table}-{start // ROWS_PER_FILE:05d}" if len(records) > ROWS_PER_FILE else table
            self.include(
                table,
                put(self.store, self.step.directory, f"{self.name}/{name}.parquet", parquet_bytes(part, record)),
                len(part),
            )

    def write_document(self, table: str, value: Any) -> None:
        """Write a JSON document."""
        self.add(table, f"{self.name}/{table}.json", json.dumps(value, indent=1, ensure_ascii=False).encode())

    def commit(self, versions: dict[str, str]) -> Manifest:
        """Write the manifest: the step is finished now. Where another driver was first, its manifest stands and is returned.

        Raises LeaseLost, before anything is written, where another run has taken the step over.
        """
        check_held(self.store, self.step.directory)
        started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.started))
        manifest = Manifest(
            step=self.step.name,
            kind=self.step.kind,
            fingerprint=self.step.fingerprint,
            attempt=self.name,
            recipe=stable(self.step.recipe),
            inputs={role: (table.step.directory, table.name) for role, table in self.step.inputs},
            tables={name: tuple(paths) for name, paths in self.tables.items()},
            rows=self.rows,
            counts=self.counts,
            files=tuple(self._files),
            versions=versions,
            code_commit=code_commit(),
            started=started,
            seconds=round(time.time() - self.started, 3),
        )
        path = self.store.path(self.step.directory, "manifest.json")
        if self.store.create(path, manifest.to_json()):
            return manifest
        return self.store.manifest(self.step) or manifest


def put(store: Objects, directory: str, relative: str, data: bytes) -> File:
    """Write a file of the step in `directory`; it counts once a manifest names it."""
    store.write(store.path(directory, relative), data)
    return described(relative, data)


def described(relative: str, data: bytes) -> File:
    """What a manifest says of a file."""
    first, last = _ids(data) if relative.endswith(".parquet") else (None, None)
    return File(path=relative, bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), first=first, last=last)


def _ids(data: bytes) -> tuple[str | None, str | None]:
    """The smallest and the largest problem_id of a Parquet file, from the statistics in its footer."""
    metadata = pq.read_metadata(io.BytesIO(data))
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    columns = [group.column(index) for group in groups for index in range(group.num_columns) if group.num_rows]
    found = [column.statistics for column in columns if column.path_in_schema == "problem_id"]
    if not found or not all(one is not None and one.has_min_max for one in found):
        return None, None
    return min(one.min for one in found), max(one.max for one in found)


def parquet_bytes(records: Sequence[Record], record: type[Record]) -> bytes:
    """Records as the bytes of a Parquet file."""
    buffer = io.BytesIO()
    # Page checksums prove a block whose step has no manifest yet.
    pq.write_table(to_table(list(records), record), buffer, compression="zstd", write_page_checksum=True)
    return buffer.getvalue()
