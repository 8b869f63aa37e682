"""A row as a reader yields it, and how a reader is asked."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

MAX_ROW = 64 << 20
"""Bytes of the longest row that a text reader accepts, because a file without line ends would fill the memory."""


class Read(NamedTuple):
    """One row of a file or of a dataset."""

    place: str
    """`file:line` for lines, `name, row n` else; both count from 1."""
    values: Mapping[str, Any]
    """By column; a reader of columns leaves out what was not asked for."""
    columns: Collection[str]
    """All columns of the row, also those that were not asked for."""
