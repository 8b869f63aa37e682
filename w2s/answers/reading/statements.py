"""The statements of a final answer in a text: what follows each announcement, and boxes that nothing announces."""

import re
from dataclasses import dataclass

from w2s.answers.equality import equal
from w2s.answers.reading.announcements import BARE, LOOSE, STATED, Announcement, announcements
from w2s.answers.reading.boxes import Box, boxes, group_text, groups
from w2s.answers.reading.clause import clause, plain, trimmed
from w2s.answers.reading.lists import listed
from w2s.answers.reading.values import NUMBER, computed, led, measured, numeric_text
from w2s.answers.reading.wording import is_heading, is_placeholder, is_value, says_nothing, words
from w2s.answers.types import MAX_ANSWER_CHARS, Unreadable

_SKIP = re.compile(r"(?:[\s:：\"“”`>}]|\*+|__|```\w*\n)*")  # noqa: RUF001
_FACTOR = re.compile(r"\d\s*(?:[-+*/×·^]|\\times|\\cdot)\s*$")  # noqa: RUF001
_NEGATED = re.compile(r"\b(?:not|rather\s+than|instead\s+of|isn't|wasn't)[\s$]*$", re.IGNORECASE)
_MAX_WORDS, _MAX_PROSE = 6, 4
"""Words of a value, and of a label's text that begins as prose; a longer text counts only where nothing else does."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of an answer, at `start` to `end` of the text."""

    start: int
    end: int
    level: int
    answer: str | Unreadable


@dataclass(frozen=True, slots=True)
class _Source:
    """A text, and what its problem says of its answer."""

    text: str
    family: str
    kind: str

    @property
    def numeric(self) -> bool:
        """Whether answers are numbers."""
        return self.family == "gsm8k"


def statements(text: str, family: str, kind: str) -> list[Statement]:
    """All statements in order; formats such as `#### <answer>`, questions, headings and conditions are none."""
    source = _Source(text, family, kind)
    found_boxes = [box for box in boxes(text) if not _NEGATED.search(text, max(0, box.start - 20), box.start)]
    marks = _outside(announcements(text, family, kind in ("SC", "MC")), found_boxes)
    found, announced, at = list[Statement](), set[int](), 0
    by_start = groups(text, found_boxes)
    for index, mark in enumerate(marks):
        limit = marks[index + 1].start if index + 1 < len(marks) else len(text)
        while at < len(by_start) and by_start[at][0].start < mark.start:
            at += 1
        group = by_start[at] if at < len(by_start) and by_start[at][0].start < limit else None
        statement = _announced(source, mark, limit, group)
        if statement is not None:
            found.append(statement)
            if group is not None and group[0].start < statement.end:
                announced.add(group[0].start)
    for group in by_start:
        answer = None if group[0].start in announced else _boxed(source, group)
        if answer is not None:
            found.append(Statement(group[0].start, group[-1].end, BARE, answer))
    return sorted(found, key=lambda statement: statement.start)


def _outside(marks: list[Announcement], found: list[Box]) -> list[Announcement]:
    """The announcements that are in no box."""
    kept, at = list[Announcement](), 0
    for mark in marks:
        while at < len(found) and found[at].end <= mark.start:
            at += 1
        if at == len(found) or not (found[at].start < mark.start and found[at].content is not None):
            kept.append(mark)
    return kept


def _announced(source: _Source, mark: Announcement, limit: int, group: list[Box] | None) -> Statement | None:
    """The statement that `mark` announces; `group` is the first group of boxes before `limit`."""
    text = source.text
    if mark.style == "field":
        value = plain(mark.value)
        return None if is_placeholder(value) else Statement(mark.start, mark.end, mark.level, value)
    if mark.style == "before":
        return _stated_before(source, mark, group)
    items = None if mark.style == "hashes" else listed(text, mark.end, limit)
    if items is not None:
        return Statement(mark.start, items.end, mark.level, items.text) if items.text else None
    skipped = _SKIP.match(text, mark.end, limit)
    begin = skipped.end() if skipped else mark.end
    end, ending = clause(text, begin, limit)
    if group is not None and group[0].start <= end:
        answer = _boxed(source, group, text[begin : group[0].start])
        return None if answer is None else Statement(mark.start, max(end, group[-1].end), mark.level, answer)
    if mark.style == "hashes":
        return _after_hashes(source, mark, begin, end, ending)
    return _value(source, mark, end, text[begin:end].partition("</")[0], ending)


def _boxed(source: _Source, group: list[Box], before: str = "") -> str | Unreadable | None:
    """The answer in a group of boxes; None for a box of a quoted format.

    Another number `before` the box in its statement contradicts it, and so does a factor.
    """
    if group[0].content is None:
        return Unreadable("too_long" if len(source.text) - group[0].end > MAX_ANSWER_CHARS else "unbalanced")
    answer = group_text(source.text, group, source.kind).strip()
    if answer and is_placeholder(answer):
        return None
    before = before.strip(" $\n([\\,:*")
    other = NUMBER.fullmatch(before) and not (equal(before, answer, source.kind) or equal(before, answer))
    return Unreadable("contradicting") if other or _FACTOR.search(before) else answer


def _value(source: _Source, mark: Announcement, end: int, stated: str, ending: str) -> Statement | None:
    """The statement of a clause without a box."""
    answer = led(trimmed(stated))
    if not answer:
        return Statement(mark.start, end, mark.level, "")
    if ending == "?" or says_nothing(answer):
        return None
    answer = computed(answer, source.numeric)
    short = is_value(answer, _MAX_WORDS) or (mark.level > STATED and words(answer) <= _MAX_PROSE)
    number = numeric_text(answer) if source.numeric else measured(answer)
    if number is None:
        return None
    spellings = number.split(" or ")  # of one value, as in `1/2 or 0.5`
    if len(spellings) > 1 and all(equal(spelling, spellings[0], source.kind) for spelling in spellings[1:]):
        number = spellings[0]
    factorial = ending == "!" and not source.numeric and number.isdigit()  # or an exclamation
    return Statement(
        mark.start, end, mark.level if short else LOOSE, Unreadable("contradicting") if factorial else number
    )


def _stated_before(source: _Source, mark: Announcement, group: list[Box] | None) -> Statement | None:
    """The value before "is the answer"."""
    if group is not None and group[0].start < mark.end:
        answer = _boxed(source, group)
        return None if answer is None else Statement(mark.start, mark.end, mark.level, answer)
    value = plain(mark.value)
    letter = value.strip("()")
    good = any(map(str.isnumeric, value)) or value.startswith(("$", "\\(")) or (len(letter) == 1 and letter.isalpha())
    return Statement(mark.start, mark.end, mark.level, value) if good else None


def _after_hashes(source: _Source, mark: Announcement, begin: int, end: int, ending: str) -> Statement | None:
    """The rest of the line after `####`, or a number on a later line; None for a heading."""
    text = source.text
    line_end = text.find("\n", mark.end, max(begin, end))
    if 0 <= line_end < begin:  # nothing in the line of the mark
        if NUMBER.match(text, begin, end) or text[begin : begin + 1] in ("$", "\\"):
            return _value(source, mark, end, text[begin:end], ending)
        return Statement(mark.start, line_end, mark.level, "") if mark.four else None
    answer = measured(computed(led(trimmed(text[begin:end])), source.numeric))
    if not answer:
        return Statement(mark.start, end, mark.level, "") if mark.four else None
    rest = plain(text[begin : end + 3])
    if is_placeholder(answer) or is_heading(rest) or answer.endswith(":") or ending == "?":
        return None
    number = NUMBER.match(answer)
    if not mark.four and not (number and len(answer[number.end() :].split()) < 3):
        return None
    more = text[end:].lstrip(".!* \t")  # words with a text below them are a heading
    if not any(map(str.isdigit, answer)) and more.strip() and len(answer.split()) > 1:
        return None
    return Statement(mark.start, end, mark.level, answer)
