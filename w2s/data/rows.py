"""Rows of a source: of its files, wherever fsspec reads, or of a dataset of the hub; only the columns it names.

What cannot be read is a ValueError that names the place and the way out.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

from w2s.data.location import is_hub_name
from w2s.data.readers.files import file_rows
from w2s.data.readers.folders import source_files
from w2s.data.readers.hub import hub_rows
from w2s.data.readers.read import Read
from w2s.recipe import Source

COLUMN_FIELDS = ("question", "answer", "solution", "id", "kind", "level")


class Row(NamedTuple):
    """One row of a source."""

    place: str
    """`file:line` for lines, `name, row n` else; both count from 1."""
    number: int
    """In the source, over all its files, from 0."""
    values: dict[str, Any]
    """By column as the source names it; a column that the row lacks is missing."""


def read_rows(split: str, source: Source) -> Iterator[Row]:
    """A source's rows, in its own order.

    A row may lack columns that a problem can do without. Raises ValueError where the first row lacks a column that
    every problem needs, or all rows lack a column that the source names.
    """
    wanted = {column: field for field in COLUMN_FIELDS if (column := getattr(source, field)) is not None}
    wanted = {column: "where" for column, _ in source.where} | wanted
    needed = {source.question, source.id or source.question, source.answer or source.solution or source.question}
    unseen = dict(wanted)
    columns: dict[str, None] = {}
    number = 0

    def refuse(place: str, column: str) -> None:
        there = ", ".join(columns) or "no columns"
        raise ValueError(f"{place}: no column {column!r}; it has {there}: set problems.{split}.{wanted[column]}")

    for place, values, names in _reads(split, source, list(wanted)):
        row = {column: cell for column in wanted if (cell := lookup(values, column)) is not MISSING}
        if unseen:
            columns |= dict.fromkeys(names)
            unseen = {column: field for column, field in unseen.items() if column not in row}
            if number == 0 and (missing := [column for column in unseen if column in needed]):
                refuse(place, missing[0])
        yield Row(place, number, row)
        number += 1
    if number and unseen:
        refuse(source.name, next(iter(unseen)))


def _reads(split: str, source: Source, columns: list[str]) -> Iterator[Read]:
    field = f"problems.{split}"
    if is_hub_name(source.name):
        yield from hub_rows(source, field, columns)
        return
    try:
        fs, paths, _ = source_files(source)
    except ValueError as error:
        raise ValueError(f"{field}.name={source.name!r}: {error}") from error
    for path in paths:
        yield from file_rows(fs, path, columns, source, field)


MISSING = object()
"""What `lookup` returns where a row has no such column."""


def lookup(values: Mapping[str, Any], column: str) -> Any:
    """The cell of a column, which a dot leads into: `answer.text` is `text` of the object in `answer`.

    A column whose own name has the dots comes first. In a cell that is null everything is null.
    """
    if column in values:
        return values[column]
    outer, dot, inner = column.partition(".")
    if not dot or outer not in values:
        return MISSING
    cell = values[outer]
    return (
        lookup(cast("Mapping[str, Any]", cell), inner)
        if isinstance(cell, Mapping)
        else None
        if cell is None
        else MISSING
    )
