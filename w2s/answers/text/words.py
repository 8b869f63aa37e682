"""Words in answers: numbers in letters, unit words after a number, and words that are never units."""

import re

SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
"""Word -> power of ten."""
FUNCTION_WORDS = frozenset("pi sqrt sin cos tan cot sec csc log ln exp".split())
"""Names of mathematics that may follow a number in plain text and are not unit words."""
NO_UNITS = FUNCTION_WORDS | frozenset(
    (
        *SCALES,
        *"and or am pm to if mod dozen st nd rd th percentile".split(),
        *"january february march april may june july august september october november december".split(),
        *"jan feb mar apr jun jul aug sep sept oct nov dec".split(),
    )
)
"""Words after a number that change its value, such as `million` and `am`, or are no units, such as months."""

_ONES = tuple(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen".split()
)
_TENS = tuple("twenty thirty forty fifty sixty seventy eighty ninety".split())
WRITTEN_NUMBERS = {
    **{word: value for value, word in enumerate(_ONES)},
    **{tens: 20 + 10 * index for index, tens in enumerate(_TENS)},
    **{
        f"{tens}-{ones}": 20 + 10 * index + value
        for index, tens in enumerate(_TENS)
        for value, ones in enumerate(_ONES[1:10], 1)
    },
}
"""0 to 99 in letters, such as `twenty-one`."""

LOOSE_SPACE = re.compile(r"(?<![A-Za-z\d]) | (?![A-Za-z\d])|(?<=[A-Za-z]) (?=\d)|(?<=\d) (?=[A-Za-z])")
"""A space that separates neither two words nor two numbers."""

_UNIT = re.compile(r"(?P<gap>\s*)(?P<words>[A-Za-z][A-Za-z ./'-]*)(?:\^\{?-?\d\}?)?")
_SHORT_UNITS = frozenset("cm mm km nm ft in yd mi kg mg lb lbs oz ml hr hrs sec min mph gal pts deg".split())


def split_unit(text: str) -> tuple[str, str]:
    """(number, unit words) of `15 apples`, `864 inches^2`, `10 miles/hour`; (text, "") if no unit follows.

    A unit begins with a word of at least three letters after a space, or of five without one, and the word has a vowel,
    because `2 mgh` is a product; or with one of a few shorter words. Single letters are variables. Words of `NO_UNITS`
    are no units.
    """
    end = text.rfind("^") if text.endswith(("^2", "^3", "^{2}", "^{3}")) else len(text)
    digit = max(text.rfind(mark, 0, end) for mark in "0123456789)}")
    match = _UNIT.fullmatch(text, digit + 1) if digit >= 0 else None
    if match is None:
        return text, ""
    words = re.findall(r"[A-Za-z]+", match["words"].lower())
    long = len(words[0]) >= (3 if match["gap"] else 5) and not set("aeiouy").isdisjoint(words[0])
    if NO_UNITS.intersection(words) or not (long or words[0] in _SHORT_UNITS):
        return text, ""
    return text[: digit + 1], match[0].strip()
