"""Where steps meet: tables, documents and models with a manifest a step, in a folder or a bucket that fsspec reaches.

A step's directory holds attempts, each under a name of its own, and `manifest.json`, written last and only once. Readers go
from manifests to files, never from listings, and check every file's sha256 as they read it.
"""

# pyarrow and fsspec come without types.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownParameterType=false
# pyright: reportMissingTypeStubs=false, reportUnknownLambdaType=false

import hashlib
import io
import json
import posixpath
import secrets
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pydantic import ValidationError

from w2s.attempt import Attempt
from w2s.manifest import File, Manifest
from w2s.objects import Objects
from w2s.records import Record, from_table
from w2s.step import Step, Table


@dataclass(frozen=True)
class Store(Objects):
    """A store at `url`: its steps, their manifests, and what these name."""

    def manifest(self, step: Step) -> Manifest | None:
        """The step's manifest, or None where the step is not finished.

        Raises ValueError where there is one that cannot be read.
        """
        path = self.path(step.directory, "manifest.json")
        try:
            return Manifest.model_validate_json(self.read(path))
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise ValueError(f"{path} is not a manifest: delete the step's directory to run it again") from error

    def manifests(self, steps: Sequence[Step]) -> dict[str, Manifest | None]:
        """Manifests by step name, read in parallel."""
        with ThreadPoolExecutor(16) as pool:
            return dict(zip([step.name for step in steps], pool.map(self.manifest, steps), strict=True))

    def finished(self, kind: str) -> list[Manifest]:
        """Manifests of all finished steps of a kind: for saying what changed, not for reading data."""
        found: list[str] = self.fs.glob(self.path("steps", f"{kind}-*", "manifest.json"))
        with ThreadPoolExecutor(16) as pool:
            return [Manifest.model_validate_json(data) for data in pool.map(self.read, found)]

    def files(self, table: Table) -> list[File]:
        """The committed files of one table, document or model.

        Raises ValueError where its step is not finished or has no such table.
        """
        manifest = self.manifest(table.step)
        if manifest is None or table.name not in manifest.tables:
            raise ValueError(f"{table.step.name} ({table.step.directory}) has no finished {table.name!r} in {self.url}")
        by_path = {file.path: file for file in manifest.files}
        return [by_path[path] for path in manifest.tables[table.name]]

    def read_file(self, directory: str, file: File) -> bytes:
        """Bytes of a committed file of the step in `directory`.

        Raises ValueError, naming the file, where they are not what the manifest says.
        """
        path = self.path(directory, file.path)
        data = self.read(path)
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise ValueError(f"{path} is damaged: {len(data)} bytes, not the {file.bytes} of its checksum; delete {directory} and run again")
        return data

    def records(self, table: Table, record: type[Record]) -> list[Record]:
        """All rows of a table, in the order of its files."""
        rows: list[Record] = []
        for file in self.files(table):
            rows.extend(from_table(pq.read_table(io.BytesIO(self.read_file(table.step.directory, file))), record))
        return rows

    def inputs(self, step: Step, role: str, record: type[Record]) -> list[Record]:
        """All rows of the step's input in `role`."""
        return self.records(dict(step.inputs)[role], record)

    def read_records(self, path: str, record: type[Record]) -> list[Record]:
        """Rows of one Parquet file that no manifest names yet."""
        return from_table(pq.read_table(io.BytesIO(self.read(path))), record)

    def document(self, table: Table) -> Any:
        """A JSON document."""
        (file,) = self.files(table)
        return json.loads(self.read_file(table.step.directory, file))

    def fetch(self, table: Table, folder: Path) -> Path:
        """Copy a model's files into `folder`, once: a complete copy that is there already is used. Returns `folder`."""
        if folder.exists():
            return folder
        temporary = folder.with_name(f"{folder.name}.{secrets.token_hex(4)}.tmp")
        temporary.mkdir(parents=True)
        for file in self.files(table):
            (temporary / posixpath.basename(file.path)).write_bytes(self.read_file(table.step.directory, file))
        try:
            temporary.rename(folder)
        except OSError:  # another process was first; its copy is as good
            shutil.rmtree(temporary)
        return folder

    def attempt(self, step: Step) -> Attempt:
        """A new attempt at a step; nothing of it counts before `Attempt.commit`."""
        return Attempt(self, step)
