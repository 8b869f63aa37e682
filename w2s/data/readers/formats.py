"""Formats of data files, known by the ends of their names in any case of letters."""

from typing import Literal, NamedTuple

TEXT = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")
BINARY = (".parquet", ".arrow")
COMPRESSIONS = (".gz", ".zst", ".bz2")
"""Ends after a text format; Parquet and Arrow files compress their own columns."""

DATA_SUFFIXES = (*TEXT, *BINARY)


class Format(NamedTuple):
    """How to read a file."""

    suffix: str
    """One of `DATA_SUFFIXES`."""
    compression: Literal["", ".gz", ".zst", ".bz2"]


def format_of(path: str) -> Format | None:
    """The format of a file of this name; None if w2s reads no such file."""
    name = path.lower()
    for compression in ("", ".gz", ".zst", ".bz2"):
        if not name.endswith(compression):
            continue
        inner = name.removesuffix(compression)
        for suffix in TEXT if compression else DATA_SUFFIXES:
            if inner.endswith(suffix):
                return Format(suffix, compression)
    return None


def known_formats() -> str:
    """All formats, for messages."""
    return f"{', '.join(DATA_SUFFIXES)}, the text ones also with {', '.join(COMPRESSIONS)}"
