"""Compares two single values by their types: numbers, times, dates, sequences, letters, words, expressions."""

import re
from fractions import Fraction
from functools import partial
from itertools import permutations

from w2s.answers.algebra.number import number
from w2s.answers.algebra.same_value import same_value, size_of
from w2s.answers.algebra.tokens import has_words
from w2s.answers.forms.compare.letters import compare_letters
from w2s.answers.forms.compare.quantities import Mode, compare_with_units
from w2s.answers.forms.compare.rounding import may_be_rounded
from w2s.answers.forms.numbers.bases import digits_of, value_in_base
from w2s.answers.forms.numbers.sequences import computed_value, numbers_in, sequence_form
from w2s.answers.forms.numbers.times import dates_of, times_of
from w2s.answers.forms.words.choices import label_of
from w2s.answers.forms.words.letters import atoms_of
from w2s.answers.forms.words.plain_words import OPEN, is_word
from w2s.answers.text.words import MEANINGFUL, MONTHS, written_number
from w2s.answers.types import Relation
from w2s.answers.units.quantities import quantity

Result = tuple[Relation, str]
UNDECIDED: Result = ("undecided", "")
DIFFERENT: Result = ("different", "")
_SUFFIX = re.compile(r"(-?[\d/]+)\*([A-Za-z])")
_UNIT_LETTERS = frozenset("msgLNJWVAKCFhTH")
_CONSTANTS = re.compile(r"(?<![A-Za-z\\])[A-DKck](?![A-Za-z_(])")


def compare_values(a: str, b: str, exact: bool, mode: Mode) -> Result:
    """The relation of two canonical forms that are single values, and the reason of an `equal`."""
    if (a[:1].isalpha() or b[:1].isalpha()) and any(a in group and b in group for group in OPEN):
        return UNDECIDED
    if mode == "any" and (re.fullmatch("[A-Z]", a) or re.fullmatch("[A-Z]", b)):
        return _option(a, b)
    measured = quantity(a, symbols=mode == "quantity"), quantity(b, symbols=mode == "quantity")
    if measured[0] or measured[1]:
        return compare_with_units(a, b, measured, mode)
    if (result := _marks(a, b)) is not None:
        return result
    if exact:
        return UNDECIDED if (mode == "quantity" and may_be_rounded(a, b)) or _renamed(a, b) else DIFFERENT
    for rule in (
        _labels,
        _clocks,
        _dates,
        _bases,
        _sequences,
        _ratios,
        partial(_formulas, mode=mode),
        compare_letters,
        _words,
    ):
        if (result := rule(a, b)) is not None:
            return result
    relation, why = same_value(a, b)
    if relation == "different" and ((mode == "quantity" and may_be_rounded(a, b)) or _renamed(a, b)):
        return UNDECIDED
    return relation, why


def _option(a: str, b: str) -> Result:
    """A letter of a choice, which is upper case in no other kind, against another answer."""
    letter, other = (a, b) if re.fullmatch("[A-Z]", a) else (b, a)
    return UNDECIDED if other == str(ord(letter) - 64) or re.fullmatch(r"[a-z]+ .*", other) else DIFFERENT


def _marks(a: str, b: str) -> Result | None:
    """`15!` may be an exclamation, `2.5k` 2500, `5g` five grams, and 0x1F a number of base 16."""
    for text, other in ((a, b), (b, a)):
        if re.fullmatch(r"0x[0-9a-f]+|0[bo]\d+", text):
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


def _labels(a: str, b: str) -> Result | None:
    """`(b) 12` is the option b; whether it is 12 depends on the question."""
    first, second = label_of(a), label_of(b)
    if first is None and second is None:
        return None
    if first and second:
        return ("equal", "the same option") if first[0] == second[0] else DIFFERENT
    letter, text = first or second or ("", "")
    other = b if first else a
    if re.fullmatch("[a-z]", other):
        return ("equal", "the same option") if other == letter else DIFFERENT
    return UNDECIDED if other == text or other in text else DIFFERENT


def _clocks(a: str, b: str) -> Result | None:
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


def _dates(a: str, b: str) -> Result | None:
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


def _bases(a: str, b: str) -> Result | None:
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


def _sequences(a: str, b: str) -> Result | None:
    """Ranges and dimensions are no numbers, but a range may be meant as a difference and dimensions as a product."""
    first, second = sequence_form(a), sequence_form(b)
    if first is None and second is None:
        return None
    if first and second:
        if _tail(a) != _tail(b) and _tail(a) and _tail(b):
            return DIFFERENT
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
    joined = "".join(filter(str.isdigit, form)) == other and " " in form
    return UNDECIDED if value == computed_value(form) or joined else DIFFERENT


def _tail(form: str) -> str:
    """The unit of a canonical sequence."""
    return re.sub(r"^[^A-Za-z]*(?:x [^A-Za-z]*)*", "", form)


def _ratios(a: str, b: str) -> Result | None:
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


def _formulas(a: str, b: str, mode: Mode) -> Result | None:
    """Formulas of chemistry: other atoms or another order of three groups or more is another substance."""
    first, second = atoms_of(a), atoms_of(b)
    if first is None or second is None or (mode != "expression" and a.isalpha() and b.isalpha()):
        return None
    return UNDECIDED if sorted(first) == sorted(second) and len(first) <= 2 else DIFFERENT


def _words(a: str, b: str) -> Result | None:
    """Words: two single words differ; phrases are undecided; a number within a text of meaning is not that text."""
    words = [(bool(re.search(r"[A-Za-z]{2}", text)) and has_words(text)) or is_word(text) for text in (a, b)]
    if not any(words):
        return None
    if all(words):
        first, second = a.split(), b.split()
        if len(first) == len(second) == 1 and a.isalpha() and b.isalpha():
            return DIFFERENT
        if re.sub(r"\d+", "0", a) == re.sub(r"\d+", "0", b):
            return DIFFERENT  # pages 3-5 and pages 3-6
        if not re.search(r"\d", a + b) and set(first) ^ set(second) == {"not"}:
            return DIFFERENT
        return UNDECIDED
    text, other = (a, b) if words[0] else (b, a)
    value = number(other)
    if value is None or not re.search(r"\d", text):
        single = text.isalpha() and is_word(text) and not any(text in group for group in OPEN)
        return DIFFERENT if single and size_of(other) is not None else UNDECIDED
    tokens = re.findall(r"[a-z]+", text.lower())
    meaning = {
        "not",
        "least",
        "most",
        "possible",
        "below",
        "above",
        "under",
        "than",
        "out",
        "in",
        "times",
        "dozen",
        "of",
        "million",
        "billion",
        "thousand",
        "hundred",
        "choose",
        "percent",
        "divided",
        "over",
        "plus",
        "minus",
        "by",
        "to",
        "or",
        "squared",
        "cubed",
        "factorial",
        "mod",
    }
    literal = {number(part) for part in re.findall(r"\d+(?:\.\d+)?", text)}
    literal |= {Fraction(n) for word in tokens if (n := written_number(word)) is not None and word != "zero"}
    if "\\" in text or (
        {"in", "out", "of", "below", "less", "more", "than", "per"} & set(tokens)
        and value in _combined([part for part in literal if part is not None])
    ):
        return UNDECIDED
    if value not in literal:
        return (
            UNDECIDED
            if {"of", "per", "times", "dozen", "more", "less"} & set(tokens) or set(tokens) & MEANINGFUL_FRACTIONS
            else DIFFERENT
        )
    told = meaning & set(tokens)
    return DIFFERENT if told and len(tokens) > 1 and not ({"to"} == told and len(literal) > 1) else UNDECIDED


MEANINGFUL_FRACTIONS = frozenset(
    word for word in MEANINGFUL if word.endswith(("rd", "th", "ths", "half", "halves", "quarter"))
)


def _combined(numbers: list[Fraction]) -> set[Fraction]:
    """What a phrase of one or two numbers, such as `1 in 10` or `5 below zero`, may be computed to."""
    if len(numbers) == 1:
        return {-numbers[0]}
    if len(numbers) != 2:
        return set()
    x, y = numbers
    return {x + y, x - y, y - x, x * y, *({x / y} if y else ()), *({y / x} if x else ())}


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
