"""Numbers in words and with words: `two-thirds`, `1.5 million`, `2 dozen`, `5th`, `10 divided by two`, `0.333...`."""

import re
from fractions import Fraction

from w2s.answers.algebra.number import number
from w2s.answers.text.words import FRACTIONS, OPERATORS, SCALES, written_number
from w2s.answers.units.reader import unit_of

_SCALED = re.compile(rf"(.*[\d}}]) ?({'|'.join(SCALES)})s?", re.IGNORECASE)
_ORDINAL = re.compile(r"(\d+) ?(?:\^ ?)?(?:\{ ?)?(?:st|nd|rd|th)(?: ?\})?", re.ASCII)
_FRACTION = re.compile(rf"(?:([a-z\d]+)[ -])?({'|'.join(sorted(FRACTIONS, key=len, reverse=True))})")
_DOZENS = re.compile(r"(\d+(?:\.\d+)?|an?|[a-z]+) dozens?")
_REPEATING = re.compile(r"(\d*)\.(\d*?)((\d+?)\4{2,})\.{2,}|(\d*)\.(\d*?)((\d{2,})\8)\.{2,}", re.ASCII)
_OPERATOR = re.compile(rf"\b({'|'.join(sorted(OPERATORS, key=len, reverse=True))})\b")
_MORE = re.compile(r"(\d[\d,.]*) (?:more|fewer|less)(?: [a-z]+){1,3} than(?! (?:one|two|ten|half))(?: [a-z]+){1,3}")
"""`15 more apples than pears` is 15; `6 less than ten` is not 6."""
_MIXED = re.compile(r"(.+) and (.+)")
_SIGN = re.compile(r"^(?:minus|negative) (?!minus|negative)", re.IGNORECASE)


def spoken_value(text: str) -> Fraction | None:
    """The exact number that a text spells with words; None for any other text."""
    if match := _ORDINAL.fullmatch(text):
        return Fraction(match[1])
    if match := _REPEATING.fullmatch(text):
        whole, fixed, block = (match[1], match[2], match[4]) if match[4] else (match[5], match[6], match[8])
        return Fraction(
            int(f"{whole}{fixed}{block}") - int(f"0{whole}{fixed}"), 10 ** len(fixed) * (10 ** len(block) - 1)
        )
    if not text[-1:].isalpha():
        return None
    if (unsigned := _SIGN.sub("", text)) != text and (value := spoken_value(unsigned)) is not None:
        return -value
    if match := _MORE.fullmatch(text):
        return number(match[1])
    if (match := _SCALED.fullmatch(text)) and (value := number(match[1])) is not None:
        return value * 10 ** SCALES[match[2].lower()]
    lower = text.lower()
    if (value := written_number(lower)) is not None:
        return Fraction(value) if " " in lower or "-" in lower or lower.isalpha() else None
    if match := _DOZENS.fullmatch(lower):
        count = _small(match[1])
        return None if count is None else count * 12
    if (match := _FRACTION.fullmatch(lower)) and match[1]:
        over = _small(match[1])
        return None if over is None else over / FRACTIONS[match[2]]
    if match := _MIXED.fullmatch(lower):
        whole, part = _small(match[1]), _FRACTION.fullmatch(match[2])
        if whole is not None and part and part[1] and (over := _small(part[1])) is not None:
            return whole + over / FRACTIONS[part[2]]
    return None


def in_digits(text: str) -> str | None:
    """`5 apples` for `five apples`; None for a text that is no number in words with a unit after it."""
    words = text.split(" ")
    if not 2 <= len(words) <= 8 or not words[0].replace("-", "").isalpha():
        return None
    for count in range(len(words) - 1, 0, -1):
        value = written_number(" ".join(words[:count]))
        if value is not None:
            unit = " ".join(words[count:])
            return f"{value} {unit}" if unit_of(unit) is not None else None
    return None


def with_operators(text: str) -> str | None:
    """`10 divided by two` as `10 / 2`, `7 squared` as `7 ^2`; None for a text without such words."""
    lower = text.lower()
    if (match := re.fullmatch(r"(.+?) (less|more) than (.+)", lower)) and not match[1].isalpha():
        sign = "-" if match[2] == "less" else "+"
        lower = f"({match[3]}) {sign} {match[1]}"
    spelled = _OPERATOR.sub(lambda word: OPERATORS[word[0]], lower)
    if match := re.fullmatch(r"(\d+|[a-z]+) choose (\d+|[a-z]+)", spelled):
        spelled = f"\\binom{{{match[1]}}}{{{match[2]}}}"
    if spelled == lower and lower == text.lower():
        return None
    return re.sub(r"[a-z]+", lambda word: str(n) if (n := written_number(word[0])) is not None else word[0], spelled)


def _small(word: str) -> Fraction | None:
    if word in ("a", "an"):
        return Fraction(1)
    value = number(word)
    if value is not None:
        return value
    written = written_number(word)
    return None if written is None else Fraction(written)
