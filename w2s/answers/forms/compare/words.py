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
    "not least most possible below under than out in times dozen choose percent divided over plus minus by power or "
    "squared cubed factorial mod".split()
)
"""Words that make another value of the number beside them."""
_COMBINING = frozenset("in out of below less more than per".split())
"""Words between two numbers that may be computed."""
_SCALING = frozenset("of per times dozen more less".split()) | FRACTIONS.keys()
"""Words by which a phrase may mean a number that it does not write."""
_PAIRS = (
    "left right|up down|upward downward|upwards downwards|above below|north south|east west|northeast southwest"
    "|northwest southeast|clockwise counterclockwise|inward outward|inwards outwards|into out|increase decrease"
    "|increases decreases|increasing decreasing|more less|more fewer|positive negative|attractive repulsive"
)
_OPPOSITES = {
    word: other for pair in _PAIRS.split("|") for word, other in (pair.split(), pair.split()[::-1]) if word != other
}
_NUMBER = re.compile(rf"((?<![\d)])-)?(\d+/\d+|\d+(?:\.\d+)?)(?: ({'|'.join(SCALES)}))?", re.IGNORECASE)
_TWO_LETTERS = re.compile("[A-Za-z]{2}")
_DIGIT = re.compile(r"\d")


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
    if has_phrase(a) and has_phrase(b):
        return _two_phrases(a, b)
    if not (has_phrase(a) or has_phrase(b)):
        return None
    return _phrase_and_value(a, b) if has_phrase(a) else _phrase_and_value(b, a)


@lru_cache(maxsize=1 << 14)
def has_phrase(text: str) -> bool:
    """Whether a canonical form has a word."""
    return bool(_TWO_LETTERS.search(text) and has_words(text)) or is_word(text)


def _two_phrases(a: str, b: str) -> Result:
    if a.isalpha() and b.isalpha():
        return DIFFERENT
    if _without_numbers(a) == _without_numbers(b):
        return DIFFERENT  # pages 3-5 and pages 3-6
    (first, second) = (set(a.split()) - set(b.split()), set(b.split()) - set(a.split()))
    if len(first) == len(second) == 1 and _OPPOSITES.get(first.pop()) == second.pop():
        return DIFFERENT  # `5 m to the left` and `5 m to the right`
    denied = set(a.split()) ^ set(b.split()) == {"not"} and not _DIGIT.search(a + b)
    return DIFFERENT if denied else UNDECIDED


def _phrase_and_value(text: str, other: str) -> Result:
    """A phrase without a number is no number; one with numbers may be computed, or say more than its number."""
    value = number(other)
    if value is None or not _DIGIT.search(text):
        single = text.isalpha() and is_word(text) and not any(text in group for group in OPEN)
        return DIFFERENT if single and size_of(other) is not None else UNDECIDED
    words = set(re.findall(r"[a-z]+", text.lower()))
    told = _numbers_told(text, words)
    if "\\" in text or (words & _COMBINING and value in _combined(told)):
        return UNDECIDED
    if value not in told:
        return UNDECIDED if words & _SCALING else DIFFERENT
    changed = words & _CHANGING and "or" not in words
    return DIFFERENT if changed and len(words) > 1 else UNDECIDED


@lru_cache(maxsize=1 << 14)
def _without_numbers(text: str) -> str:
    return re.sub(r"\d+", "0", text)


def _numbers_told(text: str, words: set[str]) -> set[Fraction]:
    """The numbers of a phrase: 3/4, -5 and 5 of `it is -5`, 3000000 of `3 million`, 2 of `two`."""
    told = {Fraction(n) for word in words if (n := written_number(word)) is not None and word != "zero"}
    for sign, size, scale in _NUMBER.findall(text):
        if (value := number(size)) is not None:
            value *= 10 ** SCALES.get(scale.lower(), 0)
            told |= {value, -value} if sign else {value}
    return told


def _combined(numbers: set[Fraction]) -> set[Fraction]:
    """What a phrase of one or two numbers, such as `1 in 10` or `5 below zero`, may be computed to."""
    if len(numbers) == 1:
        return {-value for value in numbers}
    if len(numbers) != 2:
        return set()
    x, y = numbers
    return {x + y, x - y, y - x, x * y, *({x / y} if y else ()), *({y / x} if x else ())}
