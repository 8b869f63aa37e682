"""Where steps meet: tables, documents and models with a manifest a step, in a folder or a bucket that fsspec reaches.

A step's directory holds attempts, each under a name of its own, and `manifest.json`, written last and only once. Readers go
from manifests to files, never from listings, and check every file's sha256 as they read it.
"""

# pyarrow and fsspec come without types.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownParameterType=false
# pyright: reportMissingTypeStubs=false, reportUnknownLambdaType=false

import hashlib
import json
import posixpath
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from w2s.graph.step import Step, Table
from w2s.records import Record, from_table, parse_parquet
from w2s.store.attempt import Attempt
from w2s.store.manifest import File, Manifest
from w2s.store.objects.objects import Objects, in_parallel


@dataclass(frozen=True)
class Store(Objects):
    """A store at `url`: its steps, their manifests, and what these name."""

    def manifest(self, step: Step) -> Manifest | None:
        """The step's manifest, or None where the step is not finished.

        Raises ValueError where there is one that cannot be read.
        """
        return self._manifest(step.directory)

    def _manifest(self, directory: str) -> Manifest | None:
        path = self.path(directory, "manifest.json")
        try:
            return Manifest.from_json(self.read(path))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise ValueError(
                f"{path} is not a manifest ({str(error).splitlines()[0]}): run again with --repair, which runs that step again"
            ) from error

    def manifests(self, steps: Sequence[Step]) -> dict[str, Manifest | None]:
        """Manifests by step name, read in parallel."""
        return dict(zip([step.name for step in steps], in_parallel(self.manifest, steps), strict=True))

    def finished(self, directories: Sequence[str]) -> list[Manifest]:
        """Manifests of those of the steps' directories that have one: for saying what changed, not for reading data."""

        def read(directory: str) -> Manifest | None:
            try:
                return Manifest.from_json(self.read(self.path(directory, "manifest.json")))
            except (FileNotFoundError, ValueError):
                return None

        return [manifest for manifest in in_parallel(read, directories) if manifest is not None]

    def files(self, table: Table) -> list[File]:
        """The committed files of one table, document or model.

        Raises ValueError where its step is not finished or has no such table.
        """
        manifest = _committed(self, table.step.directory)
        if manifest is None or table.name not in manifest.tables:
            raise ValueError(f"{table.step.name} ({table.step.directory}) has no finished {table.name!r} in {self.url}")
        by_path = {file.path: file for file in manifest.files}
        return [by_path[path] for path in manifest.tables[table.name]]

    def read_file(self, directory: str, file: File) -> bytes:
        """Bytes of a committed file of the step in `directory`.

        Raises ValueError, naming the file, where they are not what the manifest says.
        """
        path = self.path(directory, file.path)
        try:
            data = self.read(path)
            damage = file.damage(len(data), hashlib.sha256(data).hexdigest())
        except FileNotFoundError:
            data, damage = b"", "missing"
        if damage:
            raise ValueError(f"{path} is damaged ({damage}): run again with --repair, which runs its step again")
        return data

    def records(self, table: Table, record: type[Record]) -> list[Record]:
        """All rows of a table, in the order of its files."""
        files = in_parallel(lambda file: self.read_file(table.step.directory, file), self.files(table))
        return [row for data in files for row in from_table(parse_parquet(data), record)]

    def inputs(self, step: Step, role: str, record: type[Record]) -> list[Record]:
        """All rows of the step's input in `role`."""
        return self.records(dict(step.inputs)[role], record)

    def inputs_digest(self, step: Step) -> str:
        """A hash of the content of all inputs of a step: what was begun on some is not gone on with where they were made again, other."""
        content = {role: [file.sha256 for file in self.files(table)] for role, table in step.inputs}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def read_records(self, path: str, record: type[Record]) -> list[Record]:
        """Rows of one Parquet file that no manifest names yet."""
        return self.parse_records(path, self.read(path), record)

    def parse_records(self, path: str, data: bytes, record: type[Record]) -> list[Record]:
        """Rows in the bytes of such a file.

        Raises ValueError, naming the file, where its checksums do not fit.
        """
        try:
            return from_table(parse_parquet(data, checksums=True), record)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise ValueError(f"{path} is damaged ({str(error).splitlines()[0]}): delete it and run again") from error

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


def _committed(store: Store, directory: str) -> Manifest | None:
    """A finished step's manifest, read once a process: only a repair or gc changes it, and they come before all reading."""
    key = (store.url, directory)
    if key not in _KNOWN and (manifest := store._manifest(directory)) is not None:  # pyright: ignore[reportPrivateUsage]
        _KNOWN[key] = manifest
    return _KNOWN.get(key)


_KNOWN: dict[tuple[str, str], Manifest] = {}
