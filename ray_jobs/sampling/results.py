"""The values that driver and engine exchange for one block, and their conversion to rows of Ray Data.

A value crosses as one column of JSON, because Ray Data (2.60.0) warns about every column of Python objects.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter

from w2s.store.manifest import File

COLUMN = "value"
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class ProblemRows:
    """Some problems of a step: rows `start` .. `stop` - 1 of the problems in some files of its table, in order of
    problem_id."""

    files: tuple[int, ...]
    """Numbers of the files, as the manifest lists them."""
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class PromptedProblem:
    """One problem as vLLM gets it: the ids of its prompt, demonstrations included."""

    problem_id: str
    prompt_ids: tuple[int, ...]
    error: str = ""
    """Why the prompt could not be made; the problem's completions then carry this reason."""


@dataclass(frozen=True, slots=True)
class BlockRequest:
    """One block to sample. Written by the driver, read by the engine."""

    step: str
    """Directory of the block's step."""
    block: int
    rows: tuple[ProblemRows, ...]
    """Where its problems are."""


@dataclass(frozen=True, slots=True)
class BlockCounts:
    """What a manifest needs to know about one block's file."""

    file: File
    completions: int
    completion_tokens: int
    prompt_tokens: int
    """Each problem's prompt counted once."""
    truncated: int
    stop_strings: dict[str, int]
    """Completions that each stop string ended."""
    errors: dict[str, str]
    """Reasons of the failed problems, by problem_id."""


@dataclass(frozen=True, slots=True)
class BlockResult:
    """The outcome of one block. Written by the engine, read by the driver."""

    step: str
    """Directory of the block's step."""
    block: int
    counts: BlockCounts | None
    """The contents of the block's file; None after an error."""
    sampled_tokens: int
    """Completion tokens of this call; completions that earlier engines left in the store are not in it."""
    error: str
    """Why the engine can sample no block of this step any more, on one line; empty where it can."""
    user_error: bool
    """Whether the user must change something before another run can succeed."""
    restarts: int
    """Engine restarts since this actor's last result."""
    repeated: int
    """Requests that were in flight at those restarts and were sampled again."""
    engine: str
    """Host and process of the actor, to count the engines."""
    began: float
    """Unix time."""
    ended: float


def to_row(value: BlockRequest | BlockResult) -> dict[str, bytes]:
    """The row of Ray Data that carries a value."""
    return {COLUMN: _adapter(type(value)).dump_json(value)}


def from_row(row: Mapping[str, Any], kind: type[Value]) -> Value:
    """The value of type `kind` in a row of Ray Data.

    Raises pydantic's ValidationError, a ValueError, where the row holds no such value.
    """
    return _adapter(kind).validate_json(row[COLUMN])


@cache
def _adapter(kind: type[Value]) -> TypeAdapter[Value]:
    """Kept, because to make one takes a hundred times as long as to use it."""
    return TypeAdapter(kind)
