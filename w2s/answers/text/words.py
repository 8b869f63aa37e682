"""Words in answers: numbers in letters, and words that change the meaning of a number."""

import re

SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
"""Word -> power of ten."""
FUNCTION_WORDS = frozenset("pi sqrt sin cos tan cot sec csc log ln exp".split())
"""Names of mathematics that may follow a number in plain text and are not unit words."""
MONTHS = {
    **{
        name: at // 2 + 1
        for at, name in enumerate(
            "january jan february feb march mar april apr may may june jun july "
            "jul august aug september sep october oct november nov december dec".split()
        )
    },
    "sept": 9,
}
"""Name or abbreviation -> number of the month."""
DAYS = {
    name[:length]: name
    for name in "monday tuesday wednesday thursday friday saturday sunday".split()
    for length in (3, len(name))
} | {"tues": "tuesday", "thur": "thursday", "thurs": "thursday", "wednes": "wednesday"}
"""Name or abbreviation -> day of the week."""
_ORDINALS = "third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()
_FRACTIONS = {
    **{"half": 2, "halves": 2, "quarter": 4, "quarters": 4, "twentieth": 20, "hundredth": 100, "thousandth": 1000},
    **{name: at for at, name in enumerate(_ORDINALS, 3)},
}
FRACTIONS = _FRACTIONS | {f"{name}s": value for name, value in _FRACTIONS.items() if name not in ("half", "halves")}
"""Word -> denominator."""
OPERATORS = {
    **{"divided by": "/", "over": "/", "times": "*", "multiplied by": "*", "plus": "+", "minus": "-"},
    **{"squared": "^2", "cubed": "^3", "factorial": "!", "to the power of": "^"},
}
"""Phrase -> operator."""
MEANINGFUL = FUNCTION_WORDS | frozenset(
    (
        *SCALES,
        *(f"{word}s" for word in SCALES),
        *MONTHS,
        *DAYS,
        *FRACTIONS,
        *" ".join(OPERATORS).split(),
        *"square cubed square root power base".split(),
        *"less more fewer greater least most above below under almost nearly about around exactly".split(),
        *"only approximately".split(),
        *"and or not no nor none nothing if when where than then that else any all both each".split(),
        *"every either neither".split(),
        *"out of in into onto to from by with without per as at on off for until till up down".split(),
        *"left right away".split(),
        *"pairs couple couples dozen dozens score scores gross pair double doubles twice triple thrice".split(),
        *"trio mod modulo".split(),
        *"remainder choose permute".split(),
        *"am pm st nd rd th oclock noon midnight percentile percentage first second last next".split(),
        *"positive negative zero infinite infinity undefined possible impossible true false yes unknown".split(),
        *"is are was were be been the a an it its this these those there would should will can cannot".split(),
        *"north south east west upward upwards downward downwards clockwise counterclockwise".split(),
        *"ago later early late".split(),
        *"one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen".split(),
        *"increase decrease increased decreased higher lower extra additional equal equals mean median".split(),
    )
) - {"second", "seconds"}
"""Words after a number that change its value, such as `million` and `thirds`, or say more than a unit."""

_ONES = tuple(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen".split()
)
_TENS = tuple("twenty thirty forty fifty sixty seventy eighty ninety".split())
_SMALL = {word: value for value, word in enumerate(_ONES)} | {tens: 20 + 10 * at for at, tens in enumerate(_TENS)}
_WORD = re.compile(r"[a-z]+")


def written_number(text: str) -> int | None:
    """The value of `twenty-one`, `one hundred and five`, `two thousand`; None for any other text."""
    words = _WORD.findall(text.lower().replace("-", " "))
    if not words or len(words) > 12 or _WORD.sub("", text.lower()).strip(" -"):
        return None
    if words[0] in ("a", "an") and len(words) > 1 and words[1] in SCALES:
        words[0] = "one"
    total, group, last = 0, 0, ""
    for word in words:
        if word in _SMALL:
            value = _SMALL[word]
            room = last in ("", "and", *SCALES) or (last in _TENS and 0 < value < 10)
            if not room or (last == "zero"):
                return None
            group += value
        elif word == "hundred" and last in _ONES[1:]:
            group *= 100
        elif word in SCALES and word != "hundred" and last not in ("", "and") and group:
            total, group = total + group * 10 ** SCALES[word], 0
        elif word != "and" or last not in SCALES:
            return None
        last = word
    return None if last == "and" else total + group


LOOSE_SPACE = re.compile(
    r"(?<![A-Za-z\d]) | (?![A-Za-z\d])|(?<![A-Za-z][A-Za-z])(?<=[A-Za-z]) (?=\d)|(?<=\d) (?=[A-Za-z](?![A-Za-z]))"
)
"""A space that separates neither words nor numbers; a single letter beside a number is no word."""
