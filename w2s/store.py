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
import os
import posixpath
import secrets
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq
from pydantic import ValidationError

from w2s.manifest import File, Manifest
from w2s.records import Record, from_table, to_table
from w2s.step import Step, Table, stable

LOST_RACE = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
"""S3's codes for a conditional create that found an object; s3fs hides them in the OSError's cause."""


@dataclass(frozen=True)
class Store:
    """A store at `url`: a folder, or any URL fsspec has a filesystem for."""

    url: str

    def __post_init__(self) -> None:
        if "://" not in self.url:  # workers have other working directories
            object.__setattr__(self, "url", str(Path(self.url).expanduser().absolute()))

    @property
    def fs(self) -> Any:
        """The fsspec filesystem; `instance caching` makes this cheap."""
        options: dict[str, Any] = {}
        if self.url.startswith("s3://"):
            options = {"config_kwargs": {"retries": {"mode": "adaptive", "max_attempts": 10}}}
        return fsspec.core.url_to_fs(self.url, **options)[0]

    @property
    def is_folder(self) -> bool:
        """Whether the store is a folder of this machine's file system."""
        return isinstance(self.fs, fsspec.get_filesystem_class("file"))

    def path(self, *parts: str) -> str:
        """A path inside the store, as `fs` takes it."""
        root: str = self.fs._strip_protocol(self.url)
        return posixpath.join(root, *parts)

    def absolute(self, relative: str) -> str:
        """A place in the store as a folder's absolute path or a URL, as Ray Train takes it."""
        return self.path(relative) if self.is_folder else posixpath.join(self.url, relative)

    def check_writable(self) -> None:
        """Write and delete a small object.

        Raises ValueError, naming the store and the cause, where that fails.
        """
        try:
            probe = self.path(f"probe-{secrets.token_hex(8)}")
            self.write(probe, b"w2s")
            self.fs.rm(probe)
        except Exception as error:  # whatever a file system raises here means the same to the user
            raise ValueError(f"the store {self.url} cannot be written ({type(error).__name__}: {error}): choose another --store") from error

    def check_readable(self) -> None:
        """Look for an object that need not be there.

        Raises ValueError, naming the store and the cause, where even that fails.
        """
        try:
            self.fs.exists(self.path("steps"))
        except Exception as error:  # as above
            raise ValueError(f"the store {self.url} cannot be read ({type(error).__name__}: {error}): choose another --store") from error

    def write(self, path: str, data: bytes) -> None:
        """Put an object whole: a reader sees all of it or nothing."""
        if not self.is_folder:
            self.fs.pipe_file(path, data)
            return
        self.fs.makedirs(posixpath.dirname(path), exist_ok=True)
        temporary = f"{path}.{secrets.token_hex(4)}.tmp"
        Path(temporary).write_bytes(data)
        Path(temporary).replace(path)

    def create(self, path: str, data: bytes) -> bool:
        """Put an object that must not exist yet; False where it does. Atomic in a folder and on S3 with If-None-Match."""
        if self.is_folder:
            temporary = f"{path}.{secrets.token_hex(4)}.tmp"
            self.write(temporary, data)
            try:
                os.link(temporary, path)
            except FileExistsError:
                return False
            finally:
                Path(temporary).unlink()
            return True
        try:
            self.fs.pipe_file(path, data, mode="create")
        except FileExistsError:
            return False
        except OSError as error:
            response = getattr(error.__cause__, "response", {})
            if response.get("Error", {}).get("Code") not in LOST_RACE:
                raise
            return self.read(path) == data  # a retry whose first try had got through meets its own object
        return True

    def read(self, path: str) -> bytes:
        """An object's bytes."""
        return self.fs.cat_file(path)

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

    def read_file(self, step: Step, file: File) -> bytes:
        """A committed file's bytes.

        Raises ValueError, naming the file, where they are not what the manifest says.
        """
        path = self.path(step.directory, file.path)
        data = self.read(path)
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise ValueError(f"{path} is damaged: {len(data)} bytes, not the {file.bytes} of its checksum; delete {step.directory} and run again")
        return data

    def records(self, table: Table, record: type[Record]) -> list[Record]:
        """All rows of a table, in the order of its files."""
        rows: list[Record] = []
        for file in self.files(table):
            rows.extend(from_table(pq.read_table(io.BytesIO(self.read_file(table.step, file))), record))
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
        return json.loads(self.read_file(table.step, file))

    def fetch(self, table: Table, folder: Path) -> Path:
        """Copy a model's files into `folder`, once: a complete copy that is there already is used. Returns `folder`."""
        if folder.exists():
            return folder
        temporary = folder.with_name(f"{folder.name}.{secrets.token_hex(4)}.tmp")
        temporary.mkdir(parents=True)
        for file in self.files(table):
            (temporary / posixpath.basename(file.path)).write_bytes(self.read_file(table.step, file))
        try:
            temporary.rename(folder)
        except OSError:  # another process was first; its copy is as good
            shutil.rmtree(temporary)
        return folder

    def attempt(self, step: Step) -> "Attempt":
        """A new attempt at a step; nothing of it counts before `Attempt.commit`."""
        return Attempt(self, step)


@dataclass
class Attempt:
    """One try at one step: files under a name of its own, then the manifest."""

    store: Store
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
        """Write the manifest: the step is finished now. Where another driver was first, its manifest stands and is returned."""
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
