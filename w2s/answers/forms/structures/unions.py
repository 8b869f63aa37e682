"""Forms of unions of intervals, in which intervals that touch are joined."""

import re
from typing import NamedTuple

from w2s.answers.algebra.errors import NoNormalForm
from w2s.answers.algebra.normal_form import constant_of
from w2s.answers.algebra.same_value import Size, size_of
from w2s.answers.forms.form import Form, PartForm
from w2s.answers.text.brackets import enclosed, split_top
from w2s.answers.text.latex import SET_CLOSE, SET_OPEN

_SYMBOL = re.compile(r"(?<![A-Za-z\\])(?!e\b|i\b)[A-Za-z](?:_\w)?(?![A-Za-z])")
_POINT = re.compile(r"^\s*[A-Za-z](?:_\w)? ?= ?([^<>=]+)$")
"""`x = 1` of `x = 1 or x > 3`."""
_MEMBER = re.compile(r"(?:[A-Za-z]|\\[A-Za-z]+) ?\\in (.+)")


def union(text: str, nesting: int, part_form: PartForm) -> Form | None:
    """A union of intervals, sorted, those that touch joined; `x \\in A` is A, `x<1 or x>3` a union."""
    if member := _MEMBER.fullmatch(text):
        return part_form(member[1], nesting - 1)
    if text.replace(" ", "") in ("\\mathbb{R}", "(-\\infty,\\infty)", "(-\\infty,+\\infty)"):
        return Form("\\mathbb{R}", True)
    if "\\cup " in text:
        parts = text.split("\\cup ")
    elif " or " in text and re.search("[<>]", text):
        parts = re.split(r",? or ", text)
        if len(symbols_of(parts)) > 1:
            raise NoNormalForm  # an interval would lose which symbol it bounds
        if not all(re.search("[<>=]", part) for part in parts):
            return None
        parts = [_POINT.sub(rf"{SET_OPEN}\1{SET_CLOSE}", part) for part in parts]
    elif "\\neq" in text and re.search(r"[<>].* (?:,|and) ?.*\\neq|[<>].*, ?.*\\neq", text):
        return _punctured(text, nesting, part_form)
    else:
        return None
    if all(part.strip()[:1] in ("{", SET_OPEN) for part in parts):  # of sets of values
        inside = ", ".join(part.strip()[1:-1] for part in parts)
        return part_form(f"{SET_OPEN}{inside}{SET_CLOSE}", nesting)
    forms = [part_form(part.strip(), nesting) for part in parts]
    return joined([form.text for form in forms], all(form.exact for form in forms))


def symbols_of(parts: list[str]) -> set[str]:
    """The single letters that inequalities bound."""
    return {letter for part in parts if re.search("[<>]", part) for letter in _SYMBOL.findall(part)}


def _punctured(text: str, nesting: int, part_form: PartForm) -> Form | None:
    """`1 < x < 2, x \\neq 3/2` as a union of two intervals."""
    whole, _, excluded = re.sub(r",? and ", ", ", text).partition(",")
    point = excluded.partition("\\neq")[2].strip()
    interval = enclosed(part_form(whole.strip(), nesting).text)
    if interval is None or constant_of(point) is None:
        return None
    ends = split_top(interval[1])
    if len(ends) != 2:
        return None
    value = part_form(point, nesting)
    return joined([f"{interval[0]}{ends[0]}, {value.text})", f"({value.text}, {ends[1]}{interval[2]}"], value.exact)


def joined(parts: list[str], exact: bool) -> Form:
    """The union of canonical intervals and other sets: sorted, and joined where they overlap or touch."""
    parts = sorted({part for text in parts for part in text.split(" \\cup ")})
    intervals = [_ends(part) for part in parts]
    known = [interval for interval in intervals if interval is not None]
    if len(known) == len(parts):
        merged: list[_Interval] = []
        for interval in sorted(known, key=lambda interval: (interval.low, not interval.low_closed)):
            last = merged[-1] if merged else None
            if last and (
                interval.low < last.high or (interval.low == last.high and (interval.low_closed or last.high_closed))
            ):
                if (interval.high, interval.high_closed) > (last.high, last.high_closed):
                    merged[-1] = last._replace(
                        high=interval.high, high_closed=interval.high_closed, high_text=interval.high_text
                    )
            else:
                merged.append(interval)
        parts = sorted(str(interval) for interval in merged)
    if parts == ["(-\\infty, \\infty)"]:
        return Form("\\mathbb{R}", True)
    return Form(" \\cup ".join(parts), exact)


class _Interval(NamedTuple):
    low: Size
    low_closed: bool
    high: Size
    high_closed: bool
    low_text: str
    high_text: str

    def __str__(self) -> str:
        left, right = "[" if self.low_closed else "(", "]" if self.high_closed else ")"
        return f"{left}{self.low_text}, {self.high_text}{right}"


def _ends(text: str) -> _Interval | None:
    brackets = enclosed(text)
    if brackets is None or brackets[0] not in "[(" or len(ends := split_top(brackets[1])) != 2:
        return None
    low, high = size_of(ends[0]), size_of(ends[1])
    if low is None or high is None or not low < high:
        return None
    return _Interval(low, brackets[0] == "[", high, brackets[2] == "]", *ends)
