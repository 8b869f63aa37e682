"""JSON Lines: one object a line."""

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from io import BufferedReader
from typing import Any, cast

from w2s.data.readers.read import MAX_ROW, Read


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are unique; Python would silently take the last value of a name."""
    unique = dict(members)
    if len(unique) < len(members):
        twice = next(name for name, count in Counter(name for name, _ in members).items() if count > 1)
        raise ValueError(f"an object has the name {twice!r} twice")
    return unique


DECODER = json.JSONDecoder(parse_float=Decimal, object_pairs_hook=_object)
"""JSON's numbers are decimals, which a float would round after 16 digits."""
NOT_JSON = (ValueError, ArithmeticError, RecursionError)
"""What the decoder raises: bad syntax, a number beyond `Decimal`, too many brackets."""


OPENINGS = (b"[", b"{", b"[{", b"\xef\xbb\xbf[", b"\xef\xbb\xbf{")
"""Lines that begin a value of several lines."""
DOCUMENT = "; a file with a list of rows, or with rows of several lines, is read where its name ends in .json"


def lines(file: BufferedReader, path: str) -> Iterator[Read]:
    """The rows of a file of lines; blank lines are none."""
    number = 0
    while line := file.readline(MAX_ROW):
        number += 1
        if line.isspace():
            continue
        place = f"{path}:{number}"
        if len(line) == MAX_ROW:
            raise ValueError(f"{place} has more than {MAX_ROW >> 20} MiB: write one object a line")
        try:
            value = parsed(place, line)
        except ValueError as error:
            raise ValueError(f"{error}{DOCUMENT if line.strip() in OPENINGS else ''}") from error
        if isinstance(value, list):
            raise ValueError(f"{place} is a list, not an object with columns{DOCUMENT}")
        yield row(place, value)


def row(place: str, value: Any) -> Read:
    """A JSON value as a row."""
    if not isinstance(value, dict):
        raise ValueError(f"{place} is {str(value)[:40]!r}, not an object with columns: repair or remove it")
    values = cast("dict[str, Any]", value)
    return Read(place, values, values.keys())


def parsed(place: str, data: bytes) -> Any:
    """The JSON value of UTF-8 text, which may begin with a byte order mark."""
    try:
        return DECODER.decode(data.decode("utf-8-sig"))
    except NOT_JSON as error:
        raise ValueError(f"{place} is not JSON in UTF-8 ({error}): repair or remove it") from error
