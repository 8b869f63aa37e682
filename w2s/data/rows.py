"""Rows of a source: of its files, wherever fsspec reads, or of a dataset of the hub; only the columns it names.

What cannot be read is a ValueError that names the place and the way out.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from w2s.data.cells.text import cell_text, shown
from w2s.data.location import is_hub_name
from w2s.data.readers.files import file_rows
from w2s.data.readers.folders import source_files
from w2s.data.readers.hub import hub_rows
from w2s.data.readers.read import Read
from w2s.errors import closest
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


def read_rows(
    field: str, source: Source, fields: Sequence[str] = COLUMN_FIELDS, also: Mapping[str, str] | None = None
) -> Iterator[Row]:
    """A source's rows, in its own order, with the columns in its `fields` and those of `also` (column -> the
    recipe's field that names it).

    `field` is the recipe's field that holds the source, for errors. A row may lack columns that it can do without.
    Raises ValueError where the first row lacks a column that every row needs, or all rows lack a named column.
    """
    wanted = dict(also or {}) | {column: f"{field}.where" for column, _ in source.where}
    columns_by_name = {name: column for name in fields if (column := getattr(source, name)) is not None}
    wanted |= {column: f"{field}.{name}" for name, column in columns_by_name.items()}
    gold = "solution" if source.answer is None else "answer"
    needed = {column for name, column in columns_by_name.items() if name in ("question", "id", gold)}
    unseen = dict(wanted)
    columns: dict[str, None] = {}
    number = 0

    def refuse(place: str, column: str, cells: Sequence[Any] = ()) -> None:
        there = ", ".join(columns) or "no columns"
        missing = f"no column {column!r}{closest(column, columns)}"
        by_id = bool(cells) and all(isinstance(cell, Mapping) for cell in cells)
        rows = ", or write the rows as a list, if its objects are rows" if by_id else ""
        raise ValueError(f"{place}: {missing}; it has {there}: set {wanted[column]}{rows}")

    for place, values, names in _reads(field, source, list(wanted)):
        row = {column: cell for column in wanted if (cell := lookup(values, column)) is not MISSING}
        if unseen:
            columns |= dict.fromkeys(names)
            unseen = {column: name for column, name in unseen.items() if column not in row}
            if number == 0 and (missing := [column for column in unseen if column in needed]):
                refuse(place, missing[0], [*values.values()])
        yield Row(place, number, row)
        number += 1
    if number and unseen:
        refuse(source.name, next(iter(unseen)))


def is_allowed(field: str, source: Source, row: Row) -> bool:
    """Whether the source's `where` keeps a row; a missing cell is ''."""
    for column, allowed in source.where:
        cell = row.values.get(column)
        try:
            if _word(cell_text(cell)) not in map(_word, allowed):
                return False
        except ValueError as error:
            raise ValueError(
                f"{row.place}: {column!r} ({field}.where) is {shown(cell)}; {error}: repair the row, or name another "
                f"column"
            ) from error
    return True


def _word(text: str) -> str:
    """A boolean's text as JSON writes it, which Python and pandas write as True and False."""
    return text.lower() if text in ("True", "False", "TRUE", "FALSE") else text


def _reads(field: str, source: Source, columns: list[str]) -> Iterator[Read]:
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
