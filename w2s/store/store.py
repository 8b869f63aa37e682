"""Where steps meet: the tables, documents and models of finished steps, in a folder or a bucket.

Readers go from manifests to files, never from listings, and verify every file's sha256 as they read it.
"""

import hashlib
import json
import posixpath
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from w2s.graph.step import Step, Table
from w2s.records import Record
from w2s.store.manifest import File, Manifest, read_manifest, readable_manifest
from w2s.store.objects.objects import Objects, in_parallel
from w2s.store.tables import parse_parquet


@dataclass(frozen=True)
class Store:
    """The steps in an object store. Travels to workers, without its cache."""

    objects: Objects
    run: str = ""
    """The run that works with this store: its commits need the leases of this run (w2s/store/lease/leases.py)."""
    _known: dict[str, Manifest] = field(default_factory=dict[str, Manifest], init=False, repr=False, compare=False)
    """Manifests by directory, as first read: only repair and gc change a manifest, and they run before all reading."""

    @classmethod
    def at(cls, url: str, run: str = "") -> "Store":
        """The store at a folder or an URL that fsspec has a filesystem for.

        Raises ValueError if the URL carries credentials, or names no bucket.
        """
        return cls(Objects(url), run)

    def __reduce__(self) -> tuple[type["Store"], tuple[Objects, str]]:
        return Store, (self.objects, self.run)

    def manifest(self, step: Step) -> Manifest | None:
        """The step's manifest, or None if the step is not finished.

        Raises ValueError if there is a manifest that cannot be parsed.
        """
        return read_manifest(self.objects, step.directory)

    def manifests(self, steps: Sequence[Step]) -> dict[str, Manifest | None]:
        """Manifests by step name, read in parallel."""
        return dict(zip([step.name for step in steps], in_parallel(self.manifest, steps), strict=True))

    def finished(self, directories: Sequence[str]) -> list[Manifest]:
        """The manifests in these directories that can be parsed, for telling what changed, not for reading data."""
        manifests = in_parallel(lambda directory: readable_manifest(self.objects, directory), directories)
        return [manifest for manifest in manifests if manifest is not None]

    def files(self, table: Table) -> list[File]:
        """The committed files of one table, document or model.

        Raises ValueError if its step is not finished or has no such table.
        """
        manifest = self._committed(table.step)
        if manifest is None or table.name not in manifest.tables:
            raise ValueError(
                f"{table.step.name} ({table.step.directory}) has no finished {table.name!r} in {self.objects.url}"
            )
        by_path = {file.path: file for file in manifest.files}
        return [by_path[path] for path in manifest.tables[table.name]]

    def rows(self, table: Table) -> int:
        """The number of rows of a table of records; 0 for a document, and while its step is not finished."""
        manifest = self._committed(table.step)
        return manifest.rows.get(table.name, 0) if manifest else 0

    def read_file(self, directory: str, file: File) -> bytes:
        """The bytes of a committed file of the step in `directory`.

        Raises ValueError, naming the file, if they are not what the manifest says.
        """
        path = self.objects.path(directory, file.path)
        try:
            data = self.objects.read(path)
            damage = file.damage(len(data), hashlib.sha256(data).hexdigest())
        except FileNotFoundError:
            data, damage = b"", "missing"
        if damage:
            raise ValueError(f"{path} is damaged ({damage}): run again with --repair, which runs its step again")
        return data

    def records(self, table: Table, record: type[Record]) -> list[Record]:
        """All rows of a table, in the order of its files."""
        files = in_parallel(lambda file: self.read_file(table.step.directory, file), self.files(table))
        return [row for data in files for row in parse_parquet(data, record)]

    def each_record(self, table: Table, record: type[Record]) -> Iterator[Record]:
        """The rows of a table in the order of its files, with one file in memory."""
        for file in self.files(table):
            yield from parse_parquet(self.read_file(table.step.directory, file), record)

    def inputs(self, step: Step, role: str, record: type[Record]) -> list[Record]:
        """All rows of the step's input in `role`."""
        return self.records(dict(step.inputs)[role], record)

    def inputs_digest(self, step: Step) -> str:
        """Hash of the bytes of all inputs. Blocks and checkpoints made from other inputs are discarded."""
        content = {role: [file.sha256 for file in self.files(table)] for role, table in step.inputs}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def read_records(self, path: str, record: type[Record]) -> list[Record]:
        """The rows of a Parquet file that no manifest names yet."""
        return self.parse_records(path, self.objects.read(path), record)

    def parse_records(self, path: str, data: bytes, record: type[Record]) -> list[Record]:
        """The rows in the bytes of a Parquet file that no manifest names yet.

        Raises ValueError, naming the file, if the checksums of its pages do not fit.
        """
        try:
            return parse_parquet(data, record, checksums=True)
        except ValueError as error:
            raise ValueError(f"{path} is damaged ({str(error).splitlines()[0]}): delete it and run again") from error

    def document(self, table: Table) -> Any:
        """A JSON document."""
        (file,) = self.files(table)
        return json.loads(self.read_file(table.step.directory, file))

    def place(self, table: Table) -> str:
        """The absolute URL of the folder that holds a model's files."""
        return self.objects.absolute(f"{table.step.directory}/{posixpath.dirname(self.files(table)[0].path)}")

    def fetch(self, table: Table, folder: Path) -> Path:
        """Copy a model's files into `folder` unless it exists, in which case it is complete. Returns `folder`."""
        if folder.exists():
            return folder
        temporary = folder.with_name(f"{folder.name}.{secrets.token_hex(4)}.tmp")
        temporary.mkdir(parents=True)
        for file in self.files(table):
            (temporary / posixpath.basename(file.path)).write_bytes(self.read_file(table.step.directory, file))
        try:
            temporary.rename(folder)
        except OSError:  # another process was first, and its copy is as good
            shutil.rmtree(temporary)
        return folder

    def _committed(self, step: Step) -> Manifest | None:
        if step.directory not in self._known and (manifest := self.manifest(step)) is not None:
            self._known[step.directory] = manifest
        return self._known.get(step.directory)
