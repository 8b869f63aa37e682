"""Lists of values in the lines after an announcement."""

import re
from typing import NamedTuple

from w2s.answers.reading.clause import plain
from w2s.answers.reading.values import computed
from w2s.answers.reading.wording import is_value

_FIRST = re.compile(r"[\s:：*_]*\n[ \t]*(?=(?:[-*•]|\d{1,2}[.)])[ \t])")  # noqa: RUF001
_BULLET = re.compile(r"[ \t]*(?:[-*•]|\d{1,2}[.)])[ \t]+")
_MAX_WORDS = 3


class Items(NamedTuple):
    """A list's items, joined by commas, and where the list ends; '' for steps and prose."""

    text: str
    end: int


def listed(text: str, start: int, limit: int) -> Items | None:
    """The list that begins in the line after `start`, such as `- 3` and `- 4`; None if none does."""
    first = _FIRST.match(text, start, limit)
    if first is None:
        return None
    items: list[str] = []
    position = first.end()
    while bullet := _BULLET.match(text, position, limit):
        line_end = text.find("\n", bullet.end(), limit)
        position = limit if line_end < 0 else line_end
        items.append(computed(plain(text[bullet.end() : position]), False))
        if position >= limit:
            break
        position += 1
    return Items(", ".join(items) if all(is_value(item, _MAX_WORDS) for item in items) else "", position)
