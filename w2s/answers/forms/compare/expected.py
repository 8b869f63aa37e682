"""Decides pairs that stay undecided by the type of answer that a problem's other answers, or its reference, show.

A type never changes a certain verdict. It only says which of the readings of one text is meant: beside other products
of variables `ab` is a product, beside other truth values `yes` is true.
"""

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from w2s.answers.algebra.number import number, show
from w2s.answers.algebra.same_value import size_of
from w2s.answers.algebra.tokens import has_words
from w2s.answers.forms.compare.result import DIFFERENT, Result
from w2s.answers.forms.compare.shapes import shape_of
from w2s.answers.forms.numbers.sequences import numbers_in, sequence_form
from w2s.answers.forms.numbers.times import dates_of, times_of
from w2s.answers.forms.words.choices import TRUTH, label_of
from w2s.answers.forms.words.letters import is_sequence
from w2s.answers.text.characters import EN_DASH
from w2s.answers.units.quantities import quantity

Expected = Literal["", "number", "truth", "list", "range", "moment", "expression"]
"""The type of answer that a problem asks for; '' if its answers do not show it."""
_WORDS = {word: value for word, value in TRUTH.items() if len(word) > 1}


@lru_cache(maxsize=1 << 14)
def type_of(form: str) -> Expected:
    """The type that a canonical form is certain to have; '' for every other form."""
    if number(form) is not None:
        return "number"
    if form in _WORDS:
        return "truth"
    shape, parts = shape_of(form)
    if shape == "list" or shape[0] == "(":
        return "list" if all(size_of(part) is not None for part in parts) else ""
    if times_of(form) or dates_of(form):
        return "moment"
    if sequence_form(form) is not None:
        return "range" if EN_DASH in form else ""
    product = shape == "value" and "*" in form and not has_words(form) and size_of(form) is None
    return "expression" if product else ""


def shown_type(forms: Iterable[str]) -> Expected:
    """The type of more than half of a problem's answers, whatever their order; '' if there is none."""
    types: Counter[Expected] = Counter(type_of(form) for form in forms)
    for expected, count in types.items():
        if 2 * count > types.total():
            return expected
    return ""


def by_expected_type(a: str, b: str, expected: Expected) -> Result | None:
    """The relation of an undecided pair, each side read as the expected type; None if that type does not decide."""
    relation = _RULES[expected](a, b) if expected in _RULES else None
    return None if relation is None else (relation[0], f"the other answers are of the type {expected}")


def _as_numbers(a: str, b: str) -> Result | None:
    """`(b) 12` is its text, and `5 apples` of a kind with units a count, beside the number itself."""
    text, other = (a, b) if number(b) is not None else (b, a)
    label, counted = label_of(text), quantity(text)
    value = label[1] if label else str(counted.value) if counted is not None and not counted.known else None
    if value is None or number(value) is None or number(other) is None:
        return None
    return ("equal", "") if number(value) == number(other) else DIFFERENT


def _as_truth(a: str, b: str) -> Result | None:
    first, second = _WORDS.get(a), _WORDS.get(b)
    if first is None or second is None:
        return None
    return ("equal", "") if first == second else DIFFERENT


def _as_lists(a: str, b: str) -> Result | None:
    """`1 2 3` is the list of its numbers, in their order."""
    text, other = (a, b) if sequence_form(a) else (b, a)
    shape, parts = shape_of(other)
    if sequence_form(text) is None or not text.replace(" ", "").isdigit() or type_of(other) != "list":
        return None
    mine, values = [show(value) for value in numbers_in(text)], list(parts)
    same = sorted(mine) == sorted(values) if shape == "list" else mine == values
    return ("equal", "") if same else DIFFERENT


def _as_written(a: str, b: str) -> Result | None:
    """A range, a time or a date is not computed, so it is no number."""
    kinds = {type_of(a), type_of(b)}
    return DIFFERENT if kinds in ({"range", "number"}, {"moment", "number"}) else None


def _as_expressions(a: str, b: str) -> Result | None:
    """Small letters in a row are a product, whose order does not count."""
    if not (is_sequence(a) and is_sequence(b) and a.islower() and b.islower()):
        return None
    return ("equal", "") if sorted(a) == sorted(b) else DIFFERENT


_RULES = {
    "number": _as_numbers,
    "truth": _as_truth,
    "list": _as_lists,
    "range": _as_written,
    "moment": _as_written,
    "expression": _as_expressions,
}
