"""Compares times, dates, numbers of other bases, ranges and ratios with each other and with numbers.

Each rule returns None where neither side is of its type.
"""

import re
from fractions import Fraction

from w2s.answers.algebra.number import number
from w2s.answers.algebra.same_value import size_of
from w2s.answers.forms.compare.result import DIFFERENT, UNDECIDED, Result
from w2s.answers.forms.numbers.bases import digits_of, value_in_base
from w2s.answers.forms.numbers.sequences import computed_value, mixed_value, numbers_in, sequence_form
from w2s.answers.forms.numbers.times import dates_of, times_of
from w2s.answers.text.characters import EN_DASH
from w2s.answers.text.words import MONTHS


def compare_clocks(a: str, b: str) -> Result | None:
    """Times of day: `3:30` may be in the morning or the afternoon, `3:30 pm` is certain."""
    first, second = times_of(a), times_of(b)
    if first is None and second is None:
        return None
    if first and second:
        return UNDECIDED if first & second else DIFFERENT
    other = b if first else a
    if ":" in other:
        return None
    value, hours = number(other), first or second or frozenset()
    if value is None:
        return UNDECIDED if size_of(other) is None else DIFFERENT
    ratio = _ratio(a if first else b)
    whole = {int(hour[:2]) for hour in hours if hour[2:] == ":00"} | {
        int(hour[:2]) % 12 for hour in hours if hour[2:] == ":00"
    }
    return UNDECIDED if value in whole or value == ratio else DIFFERENT


def compare_dates(a: str, b: str) -> Result | None:
    """Dates: `3/4/2024` may be in March or April; a date is no number."""
    first, second = dates_of(a), dates_of(b)
    if first is None and second is None:
        return None
    if first and second:
        return UNDECIDED if first & second else DIFFERENT
    other = b if first else a
    if any(month in other for month in MONTHS) or re.search(r"[A-Za-z]{3}", other):
        return UNDECIDED
    parts = {Fraction(part) for found in first or second or () for part in found.split("-")}
    return UNDECIDED if number(other) in parts else DIFFERENT


def compare_bases(a: str, b: str) -> Result | None:
    """Numbers of a base by value; `52_8` and 52 are equal, because one side only leaves the base out."""
    first, second = value_in_base(a), value_in_base(b)
    if first is None and second is None:
        return None
    if first is not None and second is not None:
        return ("equal", "the same value in its base") if first == second else DIFFERENT
    form, other = (a, b) if first is not None else (b, a)
    value = number(other)
    if value is None:
        return UNDECIDED
    digits = digits_of(form)
    if form.endswith("_{10}"):
        return ("equal", "base 10") if value == (first if first is not None else second) else DIFFERENT
    if digits == other:
        return ("equal", "the same digits, of which one side names the base") if len(digits) > 1 else UNDECIDED
    return UNDECIDED if value == (first if first is not None else second) else DIFFERENT


def compare_sequences(a: str, b: str) -> Result | None:
    """Ranges and dimensions are no numbers, but a range may be meant as a difference and dimensions as a product."""
    first, second = sequence_form(a), sequence_form(b)
    if first is None and second is None:
        return None
    if first and second:
        if _tail(a) != _tail(b) and _tail(a) and _tail(b):
            return DIFFERENT
        if _tail(a) == _tail(b) and _low_unit(a) != _low_unit(b):
            return DIFFERENT  # `3 cm to 7 m` and `3 m to 7 m`
        if a.replace("-", "") == b.replace("-", "") and " -" in a + b:
            return DIFFERENT
        same = numbers_in(a) == numbers_in(b)
        turned = sorted(numbers_in(a)) == sorted(numbers_in(b)) and " x " in a and " x " in b
        return UNDECIDED if same or turned else DIFFERENT
    form, other = (a, b) if first else (b, a)
    value = number(other)
    if value is None:
        return UNDECIDED
    if " x " not in form and (re.search(r"[A-Za-z]", form) or re.fullmatch(r"\d{3}-\d{4}", form)):
        return DIFFERENT
    if "/" in form and value == computed_value(form) and numbers_in(form)[0] > numbers_in(form)[-1]:
        return "equal", "a difference, because a range ascends"
    joined = "".join(filter(str.isdigit, form)) == other and " " in form
    return UNDECIDED if value in (computed_value(form), mixed_value(form)) or joined else DIFFERENT


def _tail(form: str) -> str:
    """The unit of a canonical sequence."""
    return re.sub(r"^[^A-Za-z]*(?:x [^A-Za-z]*)*", "", form)


def _low_unit(form: str) -> str:
    """The unit of the lower end of a canonical range."""
    low, mark, _ = form.partition(f" {EN_DASH} ")
    return (low.partition(" ")[2] if mark else "") or _tail(form)


def compare_ratios(a: str, b: str) -> Result | None:
    """`3:4` is a ratio, which may be meant as 3/4."""
    if ":" not in a + b:
        return None
    first, second = _terms(a), _terms(b)
    if first and second and len(first) == len(second):
        same = all(first[0] * y == second[0] * x for x, y in zip(first, second, strict=True))
        return UNDECIDED if same else DIFFERENT
    ratios = [_ratio(a), _ratio(b)]
    if None not in ratios:
        return DIFFERENT if ratios[0] != ratios[1] else UNDECIDED
    return None


def _terms(text: str) -> list[Fraction]:
    sides = text.split(":")
    whole = len(sides) > 1 and all(side.strip().isascii() and side.strip().isdigit() for side in sides)
    return [Fraction(int(side)) for side in sides] if whole else []


def _ratio(text: str) -> Fraction | None:
    """The value of `3:4` or of a number; None for every other text."""
    terms = _terms(text)
    if not terms:
        return number(text)
    return terms[0] / terms[1] if len(terms) == 2 and terms[1] else None
