"""Compares two single values by their types: numbers, times, dates, sequences, letters, words, expressions."""

import re
from functools import lru_cache
from itertools import permutations

from w2s.answers.algebra.number import number
from w2s.answers.algebra.same_value import same_value
from w2s.answers.forms.compare.letters import compare_letters
from w2s.answers.forms.compare.notations import (
    compare_bases,
    compare_clocks,
    compare_dates,
    compare_ratios,
    compare_sequences,
)
from w2s.answers.forms.compare.quantities import Mode, compare_with_units
from w2s.answers.forms.compare.result import DIFFERENT, UNDECIDED, Result
from w2s.answers.forms.compare.rounding import may_be_rounded
from w2s.answers.forms.compare.words import compare_labels, compare_option, compare_words, has_phrase
from w2s.answers.forms.numbers.approximations import MARK, both_values
from w2s.answers.forms.numbers.bases import value_in_base
from w2s.answers.forms.numbers.sequences import sequence_form
from w2s.answers.forms.numbers.times import dates_of, times_of
from w2s.answers.forms.words.choices import label_of
from w2s.answers.forms.words.letters import atoms_of, is_sequence
from w2s.answers.forms.words.plain_words import may_mean_the_same
from w2s.answers.units.quantities import quantity

_RULES = (
    ("options", compare_labels),
    ("times of day", compare_clocks),
    ("dates", compare_dates),
    ("number bases", compare_bases),
    ("ranges and rows of numbers", compare_sequences),
    ("ratios", compare_ratios),
)
_SUFFIX = re.compile(r"(-?[\d/]+)\*([A-Za-z])")
_CODE = re.compile(r"0x[0-9a-f]+|0b[01]+|0o[0-7]+")
_UNIT_LETTERS = frozenset("msgLNJWVAKCFhTHtudMBPDS")
_CONSTANTS = re.compile(r"(?<![A-Za-z\\])[A-DKck](?![A-Za-z_(])")


def compare_values(a: str, b: str, exact: bool, mode: Mode) -> Result:
    """The relation of two canonical forms that are single values, and the reason of an `equal`."""
    if MARK in a + b:
        return _approximations(a, b, mode)
    if may_mean_the_same(a, b):
        return "undecided", "words that may mean the same"
    if mode == "any" and ((len(a) == 1 and a.isupper()) or (len(b) == 1 and b.isupper())):
        return compare_option(a, b)
    if is_phrase(a) and is_phrase(b) and (result := compare_words(a, b)) is not None:
        return result[0], result[1] or "words"
    # A canonical quantity has a space before its unit.
    first = quantity(a, symbols=mode == "quantity") if " " in a else None
    measured = first, quantity(b, symbols=mode == "quantity") if " " in b else None
    if measured[0] or measured[1]:
        relation, why = compare_with_units(a, b, measured, mode)
        return relation, why or "units"
    if (result := _marks(a, b)) is not None:
        return result[0], "a mark that may mean more"
    numbers = number(a), number(b)
    if numbers[0] is not None and numbers[0] == numbers[1]:
        return "equal", "the same number"
    if " -> " in a and a == " -> ".join(b.split(" -> ")[::-1]):
        return "different", "a reaction and its reverse"
    if exact or None not in numbers:
        open_ = (mode == "quantity" and not dates_of(a) and may_be_rounded(a, b)) or _renamed(a, b)
        return ("undecided", "rounded or renamed") if open_ else ("different", "exact values")
    for name, rule in _RULES:
        if (result := rule(a, b)) is not None:
            return result[0], result[1] or name
    if (result := _formulas(a, b, mode)) is not None:
        return result[0], result[1] or "formulas"
    for name, rule in (("letters", compare_letters), ("words", compare_words)):
        if (result := rule(a, b)) is not None:
            return result[0], result[1] or name
    relation, why = same_value(a, b)
    if relation == "different" and mode == "quantity" and may_be_rounded(a, b):
        return "undecided", "one may be rounded"
    if relation == "different" and _renamed(a, b):
        return "undecided", "the same under other names of constants"
    return relation, why or "values at test points"


@lru_cache(maxsize=1 << 14)
def is_phrase(text: str) -> bool:
    """Whether a text has words and is of no other type, so that `compare_words` alone can read it."""
    if not has_phrase(text) or set(":\\") & set(text) or number(text) is not None or quantity(text) is not None:
        return False
    types = (label_of, times_of, dates_of, value_in_base, sequence_form, atoms_of)
    return not is_sequence(text) and all(find(text) is None for find in types)


def _approximations(a: str, b: str, mode: Mode) -> Result:
    """A value with its rounding is equal to its exact value; whether it is the rounded one is undecided."""
    (exact, rounded), (other, other_rounded) = both_values(a), both_values(b)
    same = exact == other or same_value(exact, other)[0] == "equal"
    if same:
        return "equal", "the exact value beside its rounding"
    pairs = ((exact, other), (exact, other_rounded), (rounded, other), (rounded, other_rounded))
    apart = all(x != y and compare_values(x, y, False, mode)[0] == "different" for x, y in pairs)
    return DIFFERENT if apart else UNDECIDED


def _marks(a: str, b: str) -> Result | None:
    """`15!` may be an exclamation, `2.5k` 2500, `5g` five grams, and 0x1F a number of base 16."""
    for text, other in ((a, b), (b, a)):
        if text.startswith("\\{") and number(other) is not None:
            return DIFFERENT  # a set within a list
        if text[-1:].isdigit() and text[:1] != "0":
            continue
        if _CODE.fullmatch(text):
            if _CODE.fullmatch(other):
                return ("equal", "the same code") if int(text, 0) == int(other, 0) else DIFFERENT
            return UNDECIDED if number(other) == int(text, 0) or number(other) is None else DIFFERENT
        if re.fullmatch(r"P\(\d+, \d+\)", text) and number(other) is not None:
            return UNDECIDED  # permutations, or a point
        if re.fullmatch(r"\d+!", text) and text[:-1] == other:
            return UNDECIDED
        if (match := _SUFFIX.fullmatch(text)) and (value := number(match[1])) is not None:
            factor = {"k": 1000, "K": 1000, "M": 10**6, "m": 10**6, "B": 10**9}.get(match[2], 1)
            if number(other) in (value, value * factor):
                return UNDECIDED if number(other) != value or match[2] in _UNIT_LETTERS else None
        if text.replace("\\var", "\\") == other and text != other:
            return UNDECIDED
    return None


def _formulas(a: str, b: str, mode: Mode) -> Result | None:
    """Formulas of chemistry: other atoms or another order of three groups or more is another substance."""
    first, second = atoms_of(a), atoms_of(b)
    if first is None or second is None or (mode != "expression" and a.isalpha() and b.isalpha()):
        return None
    return UNDECIDED if sorted(first) == sorted(second) and len(first) <= 2 else DIFFERENT


def _renamed(a: str, b: str) -> bool:
    """Whether the two have one value after a renaming of constants such as C and D, of which each side has others."""
    first, second = set(_CONSTANTS.findall(a)), set(_CONSTANTS.findall(b))
    mine, others = sorted(first - second), sorted(second - first)
    if not mine or len(mine) != len(others) or len(mine) > 3 or not re.search(r"[a-z]", _CONSTANTS.sub("", a)):
        return False
    for order in permutations(others):
        names = dict(zip(mine, order, strict=True))
        renamed = _CONSTANTS.sub(lambda match, names=names: names.get(match[0], match[0]), a)
        if same_value(renamed, b)[0] == "equal":
            return True
    return False
