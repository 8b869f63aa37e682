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

from w2s.code_commit import code_commit
from w2s.lease import check_held
from w2s.manifest import File, Manifest
from w2s.records import Record, to_table
from w2s.step import Step, stable

if TYPE_CHECKING:
    from w2s.store import Store


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

    def add(self, table: str, relative: str, data: bytes | None = None) -> None:
        """Make a file part of `table`; without `data` it lies in the step's directory already, at `relative`."""
        path = self.store.path(self.step.directory, relative)
        if data is None:
            data = self.store.read(path)
        else:
            self.store.write(path, data)
        self._files.append(File(path=relative, bytes=len(data), sha256=hashlib.sha256(data).hexdigest()))
        self.tables.setdefault(table, []).append(relative)

    def write_records(self, table: str, records: Sequence[Record], record: type[Record]) -> None:
        """Write a whole table of records as one Parquet file."""
        self.add(table, f"{self.name}/{table}.parquet", parquet_bytes(records, record))
        self.rows[table] = len(records)

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
        if self.store.create(path, manifest.model_dump_json(indent=1).encode()):
            return manifest
        return self.store.manifest(self.step) or manifest


def parquet_bytes(records: Sequence[Record], record: type[Record]) -> bytes:
    """Records as the bytes of a Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(to_table(list(records), record), buffer, compression="zstd")
    return buffer.getvalue()
