"""Compares words, phrases and options with each other and with other answers."""

import re
from fractions import Fraction
from functools import lru_cache

from w2s.answers.algebra.number import number
from w2s.answers.algebra.same_value import size_of
from w2s.answers.algebra.tokens import has_words
from w2s.answers.forms.compare.result import DIFFERENT, UNDECIDED, Result
from w2s.answers.forms.words.choices import label_of
from w2s.answers.forms.words.plain_words import OPEN, is_word
from w2s.answers.text.words import FRACTIONS, SCALES, written_number

_CHANGING = frozenset(
    "not least most possible below under than out in times dozen million billion "
    "thousand hundred choose percent divided over plus minus by power or squared cubed factorial mod".split()
)
"""Words that make another value of the number beside them."""


def compare_option(a: str, b: str) -> Result:
    """A letter of a choice, which is upper case in no other kind, against another answer."""
    letter, other = (a, b) if re.fullmatch("[A-Z]", a) else (b, a)
    may_be = other in (letter.lower(), str(ord(letter) - 64)) or re.fullmatch(r"[a-z]+ .*", other)
    return UNDECIDED if may_be else DIFFERENT


def compare_labels(a: str, b: str) -> Result | None:
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


def compare_words(a: str, b: str) -> Result | None:
    """Words: two single words differ; phrases are undecided; a number within a text of meaning is not that text."""
    words = [has_phrase(text) for text in (a, b)]
    if not any(words):
        return None
    if all(words):
        first, second = a.split(), b.split()
        if len(first) == len(second) == 1 and a.isalpha() and b.isalpha():
            return DIFFERENT
        if _without_numbers(a) == _without_numbers(b):
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
    literal = _told(text)
    literal |= {Fraction(n) for word in tokens if (n := written_number(word)) is not None and word != "zero"}
    if "\\" in text or (
        {"in", "out", "of", "below", "less", "more", "than", "per"} & set(tokens)
        and value in _combined([part for part in literal if part is not None])
    ):
        return UNDECIDED
    if value not in literal:
        return (
            UNDECIDED
            if {"of", "per", "times", "dozen", "more", "less"} & set(tokens) or FRACTIONS.keys() & set(tokens)
            else DIFFERENT
        )
    told = _CHANGING & set(tokens) if "or" not in tokens else set[str]()
    return DIFFERENT if told - SCALES.keys() and len(tokens) > 1 else UNDECIDED


@lru_cache(maxsize=1 << 14)
def has_phrase(text: str) -> bool:
    """Whether a canonical form has a word."""
    return bool(_TWO_LETTERS.search(text) and has_words(text)) or is_word(text)


@lru_cache(maxsize=1 << 14)
def _without_numbers(text: str) -> str:
    return re.sub(r"\d+", "0", text)


_TWO_LETTERS = re.compile("[A-Za-z]{2}")


def _told(text: str) -> set[Fraction | None]:
    """The numbers of a phrase: 3/4, -5 and 5 of `it is -5`, 3000000 of `3 million`."""
    told: set[Fraction | None] = set()
    for sign, size, scale in _NUMBER.findall(text):
        value = number(size)
        if value is not None:
            value *= 10 ** SCALES.get(scale.lower(), 0)
            told |= {value, -value} if sign else {value}
    return told


_NUMBER = re.compile(rf"((?<![\d)])-)?(\d+/\d+|\d+(?:\.\d+)?)(?: ({'|'.join(SCALES)}))?", re.IGNORECASE)


def _combined(numbers: list[Fraction]) -> set[Fraction]:
    """What a phrase of one or two numbers, such as `1 in 10` or `5 below zero`, may be computed to."""
    if len(numbers) == 1:
        return {-numbers[0]}
    if len(numbers) != 2:
        return set()
    x, y = numbers
    return {x + y, x - y, y - x, x * y, *({x / y} if y else ()), *({y / x} if x else ())}
