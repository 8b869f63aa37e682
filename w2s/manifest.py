"""What a finished step left, as its manifest says."""

from typing import Any

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
