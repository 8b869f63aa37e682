"""What a finished step left, as its manifest says."""

import hashlib
import json
from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class File(BaseModel):
    """One committed file."""

    model_config = ConfigDict(frozen=True)
    path: str
    """Relative to the step's directory."""
    bytes: int
    sha256: str
    first: str | None = None
    """Smallest problem_id of a table's rows in code point order; None where the file is no table or has no rows."""
    last: str | None = None
    """Largest problem_id."""

    def damage(self, size: int, sha256: str) -> str:
        """What is wrong with content of `size` bytes and hash `sha256` in this file's place; empty where it is the file."""
        if size != self.bytes:
            return f"{'cut' if size < self.bytes else 'too long'}: {size} bytes, not {self.bytes}"
        return "" if sha256 == self.sha256 else f"other bytes: sha256 {sha256[:12]}, not {self.sha256[:12]}"


class Manifest(BaseModel):
    """What a finished step left; the step is finished if and only if this exists."""

    model_config = ConfigDict(frozen=True)
    step: str
    kind: str
    fingerprint: str
    attempt: str
    recipe: dict[str, Any]
    inputs: dict[str, tuple[str, str]]
    """role -> (step directory, table)."""
    tables: dict[str, tuple[str, ...]]
    """Table, document or model name -> its files' paths."""
    rows: dict[str, int]
    """Rows of each table of records."""
    counts: dict[str, float]
    """Everything dropped, truncated, failed or undecided, and the step's own measures."""
    files: tuple[File, ...]
    versions: dict[str, str]
    code_commit: str = ""
    """The git commit of the code that ran; empty where it was in no repository."""
    started: str
    seconds: float

    def to_json(self) -> bytes:
        """Its object's bytes: everything, and a checksum of that."""
        content = self.model_dump(mode="json")
        return json.dumps(content | {"checksum": _checksum(content)}, indent=1, ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """The manifest in an object's bytes.

        Raises ValueError where they are none, or not what `to_json` wrote.
        """
        content: dict[str, Any] = json.loads(data)
        stated = content.pop("checksum", None) if isinstance(content, dict) else None  # pyright: ignore[reportUnnecessaryIsInstance]
        if stated is not None and stated != _checksum(content):  # before the first release there was none
            raise ValueError("its checksum does not fit")
        return cls.model_validate(content)


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
