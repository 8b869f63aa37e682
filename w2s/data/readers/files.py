"""Rows of one data file, of any format."""

import bz2
import gzip
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from io import BufferedReader
from typing import Any

from w2s.data.readers import arrow
from w2s.data.readers.delimited import delimited
from w2s.data.readers.document import document
from w2s.data.readers.formats import Format, format_of
from w2s.data.readers.lines import lines
from w2s.data.readers.read import Read
from w2s.recipe import Source

DAMAGED: tuple[type[Exception], ...] = (OSError, EOFError, zlib.error, *arrow.DAMAGED)
"""What the libraries raise for a damaged or cut-off file and for a lost connection."""


_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


def file_rows(fs: Any, path: str, columns: Sequence[str], source: Source, field: str) -> Iterator[Read]:
    """The rows of a file of `source` on the fsspec file system `fs`; `columns` are the wanted ones, dotted or not.

    `field` names the source in errors. Raises ValueError with the place where the file cannot be read.
    """
    place = path
    try:
        for read in _rows(fs, path, columns, source, field):
            place = read.place
            yield read
    except DAMAGED as error:
        raise ValueError(f"{place}: what follows cannot be read ({error}): write the file again") from error


def _rows(fs: Any, path: str, columns: Sequence[str], source: Source, field: str) -> Iterator[Read]:
    format_ = format_of(path)
    assert format_ is not None, f"source_files leaves no {path}"
    if format_.suffix == ".json":
        yield from document(partial(_opened, fs, path, format_), path, source, field)
        return
    with _opened(fs, path, format_) as file:
        match format_.suffix:
            case ".parquet":
                yield from arrow.parquet(file, path, columns)
            case ".arrow":
                yield from arrow.arrow(file, path, columns)
            case ".csv":
                yield from delimited(file, path, ",")
            case ".tsv":
                yield from delimited(file, path, "\t")
            case _:
                yield from lines(file, path)


@contextmanager
def _opened(fs: Any, path: str, format_: Format) -> Generator[Any]:
    """The file's content without its compression, buffered where it is text."""
    with fs.open(path, "rb") as raw:
        if raw.read(len(_LFS_POINTER)) == _LFS_POINTER:
            raise ValueError(f"{path} is a pointer of git-lfs and not the file: run `git lfs pull` in its folder")
        raw.seek(0)
        if format_.suffix in (".parquet", ".arrow"):
            yield raw
            return
        match format_.compression:
            case ".gz":
                content = gzip.GzipFile(fileobj=raw)
            case ".bz2":
                content = bz2.BZ2File(raw)
            case ".zst":
                content = arrow.decompressed(raw)
            case _:
                content = raw
        yield BufferedReader(content, 1 << 20)
