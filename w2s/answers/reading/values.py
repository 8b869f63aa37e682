# ruff: noqa: RUF001 (minus signs and spaces of many kinds)
"""The value in a stated answer: after its lead-in and its last equals sign, before the words that follow a number."""

import re

from w2s.answers.text.words import MEANINGFUL, MONTHS, written_number
from w2s.answers.units.reader import unit_of

_LEAD = re.compile(
    r"(?:(?:therefore|thus|hence|then|so|also|now|still|indeed|simply|just|clearly|actually|really|obviously|exactly"
    r"|only|precisely|finally|approximately|approx\.?|about|roughly|around|equal\s+to|given\s+by|that|as\s+follows"
    r"|found\s+to\s+be|(?:written|expressed|represented)\s+as|a\s+total\s+of|the\s+(?:number|value|integer|fraction"
    r"|decimal|expression|set|interval|point|matrix|vector|polynomial|ordered\s+(?:pair|triple)|letter|word)(?!\s+(?:is|are|was|of|that)\b))"
    r"(?=[\s,:$\\])[\s,:]*|[≈~=→]\s*)+",
    re.IGNORECASE,
)
_IS = r"\b(?:is|are|was|were|equals|has|have|had|gets?|got|costs?|takes?|needs?|makes?|made)\b"
_SUBJECT = re.compile(
    r"(?:the|there|its?|this|all|both|he|she|they|we|you|i|(?-i:[A-Z][a-z]+))\b"
    rf"(?:(?!{_IS})[^.,;:=<>\n]){{0,80}}?\s?"
    rf"{_IS}\s+(?=[-+−$£€\\(\[{{½]?\s?[\d\\$½])(?!.*{_IS})",
    re.IGNORECASE,
)
"""A subject and its verb before a number or mathematics."""
_SIGN, _VULGAR = "[-+−]", "[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞]"
_GROUPED = r"\d{1,3}(?:[ \u00a0\u2009\u202f]\d{3})+(?![\d/])(?:[.,]\d+)?"
_TIMES_TEN = rf"\s?(?:[x×*·]|\\times|\\cdot)\s?10\s?(?:\^\s?\{{?\s?{_SIGN}?\d+\s?\}}?|[⁻⁰¹²³⁴-⁹]+)"
NUMBER = re.compile(
    rf"{_SIGN}?\s?(?:US)?(?:\\?\$|[€£¥₹])?\s?{_SIGN}?"
    rf"(?:{_GROUPED}|(?:\d+(?:[.,:/'’]\d+)*|\.\d+)(?:\s\d+/\d+|\s?{_VULGAR})?|{_VULGAR})"
    rf"(?:\.\.\.|…)?(?:[eE]{_SIGN}?\d+)?(?:{_TIMES_TEN})?(?:\s?(?:\\?%|°)|(?:st|nd|rd|th)\b|\s?[ap]\.?m\b\.?)?"
)
"""A number as texts write it, with currency and percent: `$1,234.50`, `1 1/2`, `1.5e3`, `1 000`, `3 x 10^5`."""
_EQUALS = re.compile(r"(?<![<>!=:\\])=(?![=>])")
_ARITHMETIC = re.compile(
    r"(?:[\d\s.,$%()+\-−*/×÷·^!{}]|\\(?:times|cdot|div|d?frac|sqrt|binom|left|right|[,;!%$])(?![a-z]))+"
)
_CHANGES = frozenset(
    "half twice double triple thrice quarter third least most more less fewer than between minus negative root log over"
    " under below above not no before after until square cube except without other every".split()
) | (frozenset(MONTHS) - {"may"})
"""Words before a number that change what it says."""
_NO_SUBJECT = re.compile(
    r"(?:in|on|at|after|for|with|if|when|since|of|by|from|during|to|given|because|as|while|although|though|each|every|out"
    r"|among|per|\w+ing)\b|.*(?:\b(?:the|these|those|all|each|every|of|his|her|their|its|our|my|your|other|first|last|next"
    r"|another|and)|'s)\s*$",
    re.IGNORECASE | re.DOTALL,
)
"""Words before the first of several numbers that make it a condition or a subject: `after 3 days he has 12`."""
_CHANGED = re.compile(
    r"\bthan\b|\b(?:of|to|from|by|times|with)\s+(?:the\s+)?[\d$\\]|^\s+(?:out|and|or)\b"
    r"|^\s+of\s+(?!the\b|them\b|these\b|those\b|his\b|her\b|their\b|its\b|our\b|my\b|your\b)"
    r"|^\s+(?:in|for)\s+(?:every|each|(?!(?:1[89]|20)\d\d\b)\d)"
)
"""Words after a number with which it says something else: `5 more than 6`, `3 out of 4`, `1 in 6`, `5 to 6`."""
_STOP = re.compile(
    r"\s(?:in|on|at|for|during|within|after|before|left|remaining|total|altogether|overall|each|because|that|whom?|whose"
    r"|which|is|are|was|were|will|can|should|would|has|have|had|when|where|while|if|as|with|by|from|to|of|and|or|but|so"
    r"|again|now|then)\b"
)
_FILLERS = frozenset("more less fewer extra additional other different another".split())
_UNIT_WORDS = frozenset("per square cubic".split())
_JOINED = re.compile(r"\s(?:and|or)\s+[\d$\\]")


def led(text: str) -> str:
    """A statement's text without its lead-in: `therefore given by $x$` and `the area of it is $x$` are `$x$`."""
    for pattern in (_LEAD, _SUBJECT, _LEAD):
        if lead := pattern.match(text):
            text = text[lead.end() :]
    return text


def computed(text: str, numeric: bool) -> str:
    """The result of a calculation: `100 - 40 = 60` is `60`, `m+n = 256+37 = 293` is `293`.

    Equations stay, also `x = 5`, unless the answer is `numeric`, a number by its family.
    """
    sides = _EQUALS.split(text)
    if len(sides) == 1 or not any(char.isalnum() or char == "\\" for char in sides[-1]):
        return text
    before, last = sides[-2].strip(" $"), sides[-1].strip()
    calculated = any(map(str.isdigit, before)) and not before.isdigit() and _ARITHMETIC.fullmatch(before)
    if not calculated and not (numeric and not re.search(r",\s|;|\band\b|\bor\b", " ".join(sides[1:-1]))):
        return text
    opened = "".join(sides[:-1]).count("$") % 2
    return last.removesuffix("$") if opened and last.endswith("$") else last


def numeric_text(text: str) -> str | None:
    """The first number in a text, with what changes it; the text if another may be meant; None without a number."""
    number = NUMBER.search(text)
    if number is None:
        return text if written_number(text) is not None else None
    before = text[: number.start()]
    if re.search(r"[^\w\s,'’:*\-–—.]", before) or not _CHANGES.isdisjoint(re.findall(r"[a-z]+", before.lower())):
        return text
    if before.strip() and _NO_SUBJECT.match(before.strip()) and NUMBER.search(text, number.end()):
        return text
    return measured(text[number.start() :].strip(), True)


def measured(text: str, numeric: bool = False) -> str:
    """A number and its unit, without the words that follow: `5 red apples in a box` is `5`, `5 cm long` is `5 cm`.

    Words that change the number stay: `5 more than 6`, `2 thirds`. If the answer is `numeric`, nouns are left out, and
    the first of two counted things is the answer: `5 apples and 6 pears` is `5`.
    """
    number = NUMBER.match(text)
    rest = text[number.end() :] if number else ""
    if number is None or not rest[:1].isspace() or _CHANGED.search(rest):
        return text
    stop = _STOP.search(rest)
    phrase = rest[: stop.start()] if stop else rest
    words = [word for word in phrase.replace("*", "").split() if word.lower() not in _FILLERS]
    if not all(word.strip(",;:()").isalpha() for word in words):
        return text
    if words != ["times"] and not MEANINGFUL.isdisjoint({word.lower() for word in words} - _UNIT_WORDS):
        return text
    unit = _known_unit(words)
    if joined := _JOINED.search(rest):
        second = NUMBER.sub("", rest[joined.end() - 1 :]).split()
        if not numeric or (unit and _known_unit(second)):
            return text
    return f"{number[0]} {unit}" if unit else number[0] if numeric or len(words) != 1 else f"{number[0]} {words[0]}"


def _known_unit(words: list[str]) -> str:
    """The longest beginning of a noun phrase that is a known unit, else its last word if that is one, else ''."""
    words = [word.strip(",;:()") for word in words[:6]]
    for phrase in (*(" ".join(words[:length]) for length in range(len(words), 0, -1)), *words[-1:]):
        unit = unit_of(phrase)
        if unit is not None and unit.unit.known:
            return phrase
    return ""
