"""What a finished step left, as its manifest says: the step is finished if and only if the manifest exists."""

import hashlib
import json
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from w2s.store import layout
from w2s.store.objects.objects import Objects
from w2s.store.tables import problem_id_range


class File(BaseModel):
    """One committed file."""

    model_config = ConfigDict(frozen=True)
    path: str
    """Relative to the step's directory."""
    bytes: int
    sha256: str
    first: str | None = None
    """Smallest problem_id of a table's rows in code point order; None if the file is no table or has no rows."""
    last: str | None = None
    """Largest problem_id."""

    def damage(self, size: int, sha256: str) -> str:
        """How content of `size` bytes and hash `sha256` differs from this file; empty if it does not."""
        if size != self.bytes:
            return f"{'cut' if size < self.bytes else 'too long'}: {size} bytes, not {self.bytes}"
        return "" if sha256 == self.sha256 else f"other bytes: sha256 {sha256[:12]}, not {self.sha256[:12]}"


class Manifest(BaseModel):
    """One finished step.

    Written by `Attempt.commit`. Read by everything that reads a step's tables.
    """

    model_config = ConfigDict(frozen=True)
    step: str
    kind: str
    fingerprint: str
    attempt: str
    recipe: dict[str, Any]
    inputs: dict[str, tuple[str, str]]
    """role -> (step directory, table)."""
    input_contents: dict[str, str] = {}
    """role -> hash of the rows, of inputs that are named by their rows and not by the step that wrote them."""
    contents: dict[str, str] = {}
    """Table -> hash of its rows, of the recipe's tables `by_content`."""
    tables: dict[str, tuple[str, ...]]
    """Table, document or model name -> paths of its files."""
    rows: dict[str, int]
    """Rows of each table of records."""
    counts: dict[str, float]
    """Everything dropped, truncated, failed or undecided, and the step's own measures."""
    files: tuple[File, ...]
    versions: dict[str, str]
    code_commit: str = ""
    """The git commit of the code that ran; empty if the code was in no repository."""
    started: str
    seconds: float
    device_seconds: dict[str, float] = {}
    """Seconds that the step held devices, by their name; two devices for a second are two seconds."""
    held_seconds: float = 0.0
    """Seconds in which it held them, however many; those of a group are shared out among its steps."""
    start_seconds: float = 0.0
    """Seconds of these before its work began: engine or workers started, weights were loaded."""
    estimate: dict[str, float] = {}
    """What the run expected of the step before it began: tokens, and seconds where the run could count them
    (ray_jobs/driver/costs/expected.py)."""

    def to_json(self) -> bytes:
        """The manifest's bytes, with a checksum of its content."""
        content = self.model_dump(mode="json")
        return json.dumps(content | {"checksum": _checksum(content)}, indent=1, ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """The manifest in these bytes.

        Raises ValueError if `to_json` did not write them.
        """
        content: dict[str, Any] = json.loads(data)
        stated = content.pop("checksum", None) if isinstance(content, dict) else None  # pyright: ignore[reportUnnecessaryIsInstance]
        if stated is not None and stated != _checksum(content):  # manifests before the first release have no checksum
            raise ValueError("its checksum does not fit")
        return cls.model_validate(content)


def describe(path: str, data: bytes) -> File:
    """A manifest's entry for a file with these bytes, at `path` in the step's directory."""
    first, last = problem_id_range(data) if path.endswith(".parquet") else (None, None)
    return File(path=path, bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), first=first, last=last)


def read_manifest(objects: Objects, directory: str) -> Manifest | None:
    """The manifest of the step in `directory`, or None if the step is not finished.

    Raises ValueError if there is a manifest that cannot be parsed.
    """
    path = objects.path(layout.manifest(directory))
    try:
        return Manifest.from_json(objects.read(path))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ValueError(
            f"{path} is not a manifest ({str(error).splitlines()[0]}): "
            "run again with --repair, which runs that step again"
        ) from error


def readable_manifest(objects: Objects, directory: str) -> Manifest | None:
    """As `read_manifest`, but None for a manifest that cannot be parsed."""
    try:
        return read_manifest(objects, directory)
    except ValueError:
        return None


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
