"""Brackets and separators of an answer: what stands beside what, before anything is computed."""

import re

from w2s.answers.text.latex import ROW, SET_CLOSE, SET_OPEN

OPENING = "([{" + SET_OPEN
CLOSING = ")]}" + SET_CLOSE
_PAIRS = ("()", "(]", "[)", "[]", "{}", SET_OPEN + SET_CLOSE)
_WORD_SEPARATOR = re.compile(r",?\s+(?:and|or)\s+")
_RELATION = re.compile(r"(<=|>=|<|>|=)")
_MATRIX = re.compile(r"\\begin \{[a-zA-Z]?matrix\}(.*)\\end \{[a-zA-Z]?matrix\}")
_UNIT = re.compile(r"(?P<gap>\s*)(?P<words>[A-Za-z][A-Za-z ./'-]*)(?:\^\{?-?\d\}?)?")
_SHORT_UNITS = frozenset(
    (
        *(
            "cm",
            "mm",
            "km",
            "nm",
            "ft",
            "in",
            "yd",
            "mi",
            "kg",
            "mg",
            "lb",
            "lbs",
            "oz",
            "ml",
            "hr",
            "hrs",
            "sec",
            "min",
            "mph",
            "gal",
        ),
        *("pts", "deg"),
    )
)
LOOSE_SPACE = re.compile(r"(?<![A-Za-z\d]) | (?![A-Za-z\d])|(?<=[A-Za-z]) (?=\d)|(?<=\d) (?=[A-Za-z])")
"""A space that parts no two words and no two numbers."""
NO_UNITS = frozenset(
    (
        *("and", "or", "am", "pm", "to", "if", "mod", "dozen", "hundred", "thousand", "million", "billion", "trillion"),
        *(
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
        ),
        *(
            "jan",
            "feb",
            "mar",
            "apr",
            "jun",
            "jul",
            "aug",
            "sep",
            "sept",
            "oct",
            "nov",
            "dec",
            "st",
            "nd",
            "rd",
            "th",
            "percentile",
        ),
        *("pi", "sqrt", "sin", "cos", "tan", "cot", "sec", "csc", "log", "ln", "exp"),
    )
)


def split_top(text: str) -> list[str]:
    """Parts between commas, semicolons, "and" and "or" outside brackets, stripped; [text] where there is no separator."""
    text = _WORD_SEPARATOR.sub(",", text)
    if "," not in text and ";" not in text:
        return [text.strip()]
    parts: list[str] = []
    depth, start = 0, 0
    for index, char in enumerate(text):
        if char in OPENING:
            depth += 1
        elif char in CLOSING:
            depth -= 1
        elif char in ",;" and depth == 0:
            parts.append(text[start:index].strip())
            start = index + 1
    parts.append(text[start:].strip())
    return parts


def enclosed(text: str) -> tuple[str, str, str] | None:
    """(opening bracket, inside, closing bracket) where one pair holds the whole text, as in `(3,4]`; else None."""
    if len(text) < 2 or text[0] + text[-1] not in _PAIRS:
        return None
    depth = 0
    for char in text[:-1]:
        depth += (char in OPENING) - (char in CLOSING)
        if depth == 0:
            return None
    return text[0], text[1:-1].strip(), text[-1]


def relation_sides(text: str) -> list[str]:
    """Sides and relations in turn, [left, "<=", right]; [text] where there is none."""
    return [side.strip() for side in _RELATION.split(text)]


def matrix_rows(text: str) -> list[list[str]] | None:
    """Cells of a LaTeX matrix, row by row; None where the text is none."""
    match = _MATRIX.fullmatch(text)
    if match is None:
        return None
    return [[cell.strip() for cell in row.split("&")] for row in match[1].strip().removesuffix(ROW).split(ROW)]


def split_unit(text: str) -> tuple[str, str]:
    """(number, unit words) of `15 apples`, `864 inches^2`, `10 miles/hour`; (text, "") where no unit follows.

    A unit is a word of three letters and more after a space, with a vowel (`2 mgh` is a product), or one of a few shorter ones; single
    letters are variables. Words that change the value (million, dozen, am, and) are no units.
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
