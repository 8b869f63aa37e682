"""Rows of a problem source: Parquet, JSON and JSONL files wherever fsspec reads, and datasets of the hub.

What cannot be read is a ValueError that names the place and the way out.
"""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import itertools
import json
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from w2s.data.location import DATA_SUFFIXES, is_hub_name, source_files
from w2s.errors import first_line
from w2s.recipe import Source

COLUMN_FIELDS = ("question", "answer", "solution", "id", "kind", "level")


class Row(NamedTuple):
    """One row of a source."""

    place: str
    """`file:line` for lines, `name, row n` else; both count from 1."""
    number: int
    """In the source, over all its files, from 0."""
    values: dict[str, Any]
    """By column."""


def read_rows(split: str, source: Source) -> Iterator[Row]:
    """A source's rows, in its own order."""
    wanted = [(field, column) for field in COLUMN_FIELDS if (column := getattr(source, field)) is not None]
    wanted += [("where", column) for column, _ in source.where]

    def check(place: str, columns: Iterable[str]) -> None:
        there = list(columns)
        for field, column in wanted:
            if column not in there:
                raise ValueError(
                    f"{place}: no column {column!r}; it has {', '.join(there)}: set problems.{split}.{field}"
                )

    if is_hub_name(source.name):
        data = _hub_dataset(split, source)
        check(source.name, data.column_names)
        for number, values in enumerate(
            data.select_columns(list({column for _, column in wanted}))
        ):  # others may need decoders
            yield Row(f"{source.name} {source.split}, row {number + 1}", number, values)
        return
    try:
        fs, paths, _ = source_files(source.name)
    except ValueError as error:
        raise ValueError(f"problems.{split}.name={source.name!r}: {error}") from error
    number = 0
    for path in paths:
        place = path
        try:
            for index, (place, values) in enumerate(
                _parquet(fs, path) if path.endswith(".parquet") else _json(fs, path, source.question)
            ):
                if index == 0:
                    check(place, values)
                yield Row(place, number, values)
                number += 1
        except (
            OSError,
            EOFError,
            zlib.error,
            pa.ArrowException,
        ) as error:  # a damaged or cut-off file, a lost connection
            raise ValueError(f"{place}: what follows cannot be read ({error}): write the file again") from error


def _hub_dataset(split: str, source: Source) -> Any:
    import datasets

    try:
        return datasets.load_dataset(source.name, source.subset, split=source.split, revision=source.revision)
    except Exception as error:  # unknown, gated, offline, no such subset or split: the library's message says which
        where = f"subset {source.subset!r}, split {source.split!r}, revision {source.revision!r}"
        what = f"problems.{split}.name={source.name!r} ({where})"
        ways = (
            "correct one of these fields, log in with HF_TOKEN if it is gated, "
            f"or name files ({', '.join(DATA_SUFFIXES)})"
        )
        raise ValueError(f"{what} cannot be loaded ({first_line(error)}): {ways}") from error


def _parquet(fs: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    with fs.open(path, "rb") as file:
        batches = pq.ParquetFile(file).iter_batches(4096, use_threads=False)
        for number, values in enumerate(itertools.chain.from_iterable(batch.to_pylist() for batch in batches), 1):
            yield f"{path}, row {number}", values


def _json(fs: Any, path: str, question: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Objects of a file of lines, or of one JSON list, alone or as the only list in an object that is no row itself."""
    with fs.open(path, "rb", compression="infer") as file:
        for number, row in enumerate(file if ".jsonl" in path else _document(path, file.read(), question), 1):
            place = f"{path}:{number}" if isinstance(row, bytes) else f"{path}, row {number}"
            if isinstance(row, bytes) and not row.strip():
                continue
            values = _parse(place, row) if isinstance(row, bytes) else row
            if not isinstance(values, dict):
                raise ValueError(f"{place} is {str(values)[:40]!r}, not an object with columns: repair or remove it")
            yield place, values


def _document(path: str, data: bytes, question: str) -> Any:
    """Rows of a .json file; its lines, still bytes, where every one begins an object."""
    lines = data.splitlines()
    if len(lines) > 1 and all(line.startswith(b"{") for line in lines if line):
        return lines
    document = _parse(path, data)
    lists = (
        [one for one in document.values() if isinstance(one, list)]
        if isinstance(document, dict) and question not in document
        else []
    )
    return lists[0] if len(lists) == 1 else document if isinstance(document, list) else [document]


def _parse(place: str, data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{place} is not JSON in UTF-8 ({error}): repair or remove it") from error
