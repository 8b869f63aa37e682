"""A .json file: a list of rows, rows one after another, or an object with lists of rows by name; read in pieces.

Not here: what a JSON value means (lines.py).
"""

import codecs
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from io import BufferedReader
from json import JSONDecodeError
from typing import Any, NoReturn

from w2s.data.readers.lines import DECODER, NOT_JSON, row
from w2s.data.readers.read import MAX_ROW, Read
from w2s.recipe import Source

CHUNK = 1 << 20
SPLIT_WORDS = ("train", "training", "test", "testing", "validation", "valid", "val", "dev", "eval")
"""Names of lists that are splits, so that none is taken for another."""
_SPACE = " \t\r\n"


class _Text:
    """A position in a file's text, of which only a piece is in memory."""

    def __init__(self, file: BufferedReader, path: str) -> None:
        self.file, self.path = file, path
        self.decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self.text, self.at, self.ended = "", 0, False
        self.line = 1
        """Of the last value or sign, from 1."""

    def more(self) -> bool:
        """Read a piece more; False at the end of the file."""
        if self.ended:
            return False
        data = self.file.read(max(CHUNK, len(self.text) - self.at))  # doubles, so that a long value costs linear time
        self.ended = not data
        try:
            decoded = self.decode(data, final=self.ended)
        except UnicodeDecodeError as error:
            raise ValueError(f"{self.path}:{self.line} is not JSON in UTF-8 ({error}): repair or remove it") from error
        self.text, self.at = self.text[self.at :] + decoded, 0
        return True

    def sign(self) -> str:
        """The next character that is no white space, without taking it; empty at the end."""
        while True:
            while self.at < len(self.text) and self.text[self.at] in _SPACE:
                self.line += self.text[self.at] == "\n"
                self.at += 1
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return ""

    def take(self, allowed: str, place: str) -> str:
        """The next sign, which must be one of `allowed`."""
        sign = self.sign()
        if not sign or sign not in allowed:
            found = f"{sign!r}" if sign else "the end of the file"
            self.refuse(place, f"{found} where one of {' '.join(allowed)} must be")
        self.at += 1
        return sign

    def value(self, place: str) -> Any:
        """The next JSON value."""
        self.sign()
        while True:
            try:
                value, end = DECODER.raw_decode(self.text, self.at)
                if end < len(self.text) or not self.more():  # a number may go on in the next piece
                    self.line += self.text.count("\n", self.at, end)
                    self.at = end
                    return value
                continue
            except JSONDecodeError as error:
                incomplete = error.msg.startswith("Unterminated") or error.pos >= len(self.text) - 12
                if len(self.text) - self.at > MAX_ROW:
                    self.refuse(place, f"more than {MAX_ROW >> 20} MiB without an end")
                if not incomplete or not self.more():
                    self.refuse(place, error.msg, error)
            except NOT_JSON as error:
                self.refuse(place, str(error), error)

    def skip(self) -> str:
        """Take the next value without holding a list; returns `list of objects` if it is one or is empty."""
        if self.sign() != "[":
            self.value(self.path)
            return ""
        self.take("[", self.path)
        sign = self.sign()
        while sign != "]":
            self.value(self.path)
            if self.take(",]", self.path) == "]":
                return "list of objects" if sign == "{" else ""
        self.take("]", self.path)
        return "list of objects"

    def refuse(self, place: str, why: str, error: Exception | None = None) -> NoReturn:
        """Raise the error of a place."""
        raise ValueError(f"{place} is not JSON in UTF-8 ({why}, line {self.line}): repair or remove it") from error


def document(
    opened: Callable[[], AbstractContextManager[BufferedReader]], path: str, source: Source, field: str
) -> Iterator[Read]:
    """The rows of a .json file, which may be opened twice.

    An object that has the source's column `question` is a row. Any other object holds its rows in the list named
    `source.split`, or in its only list of objects if that does not bear the name of another split. `field` names the
    source in errors.
    """
    with opened() as file:
        name = _list_of_rows(_Text(file, path), source, field)
    with opened() as file:
        text = _Text(file, path)
        if name is not None:
            for member in _members(text):
                if member == name:
                    yield from _elements(text, f"{path}, {name}")
                    return
                text.skip()
        elif text.sign() == "[":
            yield from _elements(text, path)
            if text.sign():
                text.refuse(path, "more after the end of its list")
        else:
            while text.sign():
                place = f"{path}:{text.line}"
                yield row(place, text.value(place))


def _list_of_rows(text: _Text, source: Source, field: str) -> str | None:
    """Name of the list in the file's object that holds the rows; None if the file is no object, or it is a row."""
    if text.sign() != "{":
        return None
    lists: list[str] = []
    for name in _members(text):
        if name == source.question or source.question.startswith(f"{name}."):
            return None
        if text.skip() == "list of objects":
            lists.append(name)
            if name == source.split:
                return name
    if text.sign() or not lists:
        return None  # rows one after another, or a single one
    if len(lists) == 1 and lists[0].lower() not in SPLIT_WORDS:
        return lists[0]
    raise ValueError(f"{text.path} has no list {source.split!r}; it has {', '.join(lists)}: set {field}.split")


def _members(text: _Text) -> Iterator[str]:
    """The names of an object's members; the caller takes or skips each value before it asks for the next name."""
    text.take("{", text.path)
    if text.sign() == "}":
        text.take("}", text.path)
        return
    while True:
        name = text.value(text.path)
        if not isinstance(name, str):
            text.refuse(text.path, f"{name!r} where a name must be")
        text.take(":", text.path)
        yield name
        if text.take(",}", text.path) == "}":
            return


def _elements(text: _Text, path: str) -> Iterator[Read]:
    """The objects of a list."""
    text.take("[", path)
    if text.sign() == "]":
        text.take("]", path)
        return
    number = 0
    while True:
        number += 1
        place = f"{path}, row {number}"
        yield row(place, text.value(place))
        if text.take(",]", place) == "]":
            return
