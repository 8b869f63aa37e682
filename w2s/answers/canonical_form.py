"""The canonical form of an answer: one string per value, so that equality of answers is equality of strings.

Numbers are exact fractions; expressions are polynomials in a fixed order; lists and sets are sorted, tuples are not; what none of
the rules reads stays as normalised text. Pure functions of bounded time: nothing is evaluated as code.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from .answer import MAX_ANSWER_CHARS
from .expression import parse
from .latex import SET_OPEN, clean
from .number import number, plain_integer, show
from .polynomial import NoNormalForm, Polynomial, constant
from .structure import enclosed, matrix_rows, split_top, split_unit

MAX_NESTING = 6

KINDS = ("", "SC", "MC", "TF", "NV", "SET", "IN", "EX", "EQ", "TUP", "MPV", "MA")
"""Answer kinds. '': any number or mathematical answer (GSM8K, MATH). The others are OlympicArena's answer types: single choice, multiple
choice, true or false, numerical value, set, interval, expression, equation, tuple, several quantities in order, several answers."""

_NAMED = re.compile(r"[A-Za-z](?: ?_ ?(?:\w+|\{\w+\}))?'?(?: ?\( ?[A-Za-z] ?\))?|\\[A-Za-z]+")
_MEMBER = re.compile(r"(?:[A-Za-z]|\\[A-Za-z]+) ?\\in (.+)")
_RELATION = re.compile(r"(<=|>=|<|>|=)")
_LETTER = re.compile(r"\(? ?([A-Za-z]) ?\)?")
_WORDS = re.compile(r"[A-Za-z][A-Za-z' -]*")
_TIME = re.compile(r"(\d+(?: ?: ?\d+)+) ?((?:[ap]\.? ?m\.?)?)", re.IGNORECASE)
_LOOSE_SPACE = re.compile(r"(?<![A-Za-z]) | (?![A-Za-z])")
_OPTION = re.compile(r"\(? ?([A-Za-z]) ?(?:[).:]|$)")
_TRUTH = {**dict.fromkeys(("true", "t", "yes", "correct"), "true"), **dict.fromkeys(("false", "f", "no", "incorrect"), "false")}


class Form(NamedTuple):
    """A canonical form; two different ones that are both `exact` are certainly different answers."""

    text: str
    exact: bool


def canonical(answer: str, kind: str = "") -> str:
    """The canonical form of `answer` for an answer kind of `KINDS`; canonical(canonical(a)) = canonical(a).

    Never raises on any answer; ValueError for an unknown kind.
    """
    return form(answer, kind).text


def equal(a: str, b: str, kind: str = "") -> bool:
    """Whether two answers have one canonical form: symmetric, transitive, independent of order."""
    return form(a, kind).text == form(b, kind).text


@lru_cache(maxsize=1 << 16)
def form(answer: str, kind: str = "") -> Form:
    """The canonical form of `answer`, with whether it is exact."""
    if kind not in _BY_KIND:
        raise ValueError(f"unknown answer kind {kind!r}: the kinds are {', '.join(repr(k) for k in KINDS)}")
    if plain_integer(answer):
        return Form(answer, True)
    if len(answer) > MAX_ANSWER_CHARS:
        return Form(" ".join(answer.split()), False)
    text = clean(answer)
    found = _BY_KIND[kind](text)
    return found if len(found.text) <= MAX_ANSWER_CHARS else _as_text(text)


def _any(text: str, nesting: int = 0) -> Form:
    """Kind '': whatever the text turns out to be."""
    if (value := number(text)) is not None:
        return Form(show(value), True)
    if nesting > MAX_NESTING:
        return _as_text(text)
    for rule in (_matrix, _union, _bracketed, _listed, _related, _worded, _computed):
        if (found := rule(text, nesting + 1)) is not None:
            return found
    return _as_text(text)


def _matrix(text: str, nesting: int) -> Form | None:
    rows = matrix_rows(text)
    if rows is None:
        return None
    forms = [[_any(cell, nesting) for cell in row] for row in rows]
    body = " \\\\ ".join(" & ".join(cell.text for cell in row) for row in forms)
    return Form(f"\\begin{{matrix}} {body} \\end{{matrix}}", all(cell.exact for row in forms for cell in row))


def _union(text: str, nesting: int) -> Form | None:
    if member := _MEMBER.fullmatch(text):
        return _any(member[1], nesting)
    if "\\cup " not in text:
        return None
    parts = {_any(part.strip(), nesting) for part in text.split("\\cup ")}
    return Form(" \\cup ".join(sorted(p.text for p in parts)), all(p.exact for p in parts))


def _bracketed(text: str, nesting: int) -> Form | None:
    """Tuples and intervals keep order and brackets; sets are sorted, without repetitions and braces."""
    found = enclosed(text)
    if found is None:
        return None
    opening, inside, closing = found
    parts = split_top(inside)
    if opening == SET_OPEN or (opening == "{" and len(parts) > 1):
        return Form("\\emptyset", True) if not inside else _sorted(parts, nesting, unique=True)
    if len(parts) == 1 or opening == "{":
        return None
    return _ordered(parts, nesting, opening, closing)


def _ordered(parts: list[str], nesting: int, opening: str = "(", closing: str = ")") -> Form:
    forms = [_any(part, nesting) for part in parts]
    return Form(opening + ", ".join(f.text for f in forms) + closing, all(f.exact for f in forms))


def _listed(text: str, nesting: int) -> Form | None:
    parts = split_top(text)
    return _sorted(parts, nesting) if len(parts) > 1 or text.count("\\pm ") == 1 else None


def _sorted(parts: list[str], nesting: int, unique: bool = False) -> Form:
    """Several answers in no order: `1 \\pm x` is two; `x=1, y=2` keeps its names, `x=1, x=2` does not need them."""
    parts = [signed for part in parts if part for signed in _both_signs(part)]
    names = {part.partition("=")[0].strip() for part in parts if "=" in part}
    if len(names) > 1:
        forms = [Form(part.partition("=")[0].strip() + " = " + _any(part.partition("=")[2].strip(), nesting).text, False) for part in parts]
    else:
        forms = [_any(part, nesting) for part in parts]
    texts = [f.text for f in forms]
    return Form(", ".join(sorted(set(texts) if unique else texts)), all(f.exact for f in forms))


def _both_signs(part: str) -> list[str]:
    return [part.replace("\\pm ", sign) for sign in "+-"] if part.count("\\pm ") == 1 else [part]


def _related(text: str, nesting: int) -> Form | None:
    """`x = 5` is 5, `12 + 7 = 19` is 19; other equations have all on one side; inequalities point to the larger side."""
    sides = [side.strip() for side in _RELATION.split(text)]
    relations = set(sides[1::2])
    if not relations or not all(sides[::2]):
        return None
    if relations == {"="}:
        first, last = sides[0], sides[-1]
        if len(sides) > 3 or _NAMED.fullmatch(first) or _constant(first):
            return _any(first if _constant(first) and _NAMED.fullmatch(last) else last, nesting)
        return _any(first, nesting) if _NAMED.fullmatch(last) else _equation(first, last)
    if relations <= {">", ">="}:
        sides = [side.replace(">", "<") if index % 2 else side for index, side in enumerate(sides)][::-1]
    elif not relations <= {"<", "<="}:
        return None
    return Form(" ".join(side if index % 2 else _any(side, nesting).text for index, side in enumerate(sides)), False)


def _equation(left: str, right: str) -> Form | None:
    """left - right = 0 with leading coefficient 1; an equation that says what one symbol is becomes that value."""
    try:
        difference = parse(left) - parse(right)
        terms = difference.ordered()
        if not terms or difference.constant is not None:
            return None
        scaled = difference * constant(1 / terms[0][1])
    except NoNormalForm:
        return None
    monomial = terms[0][0]
    rest = Polynomial({m: -c for m, c in scaled.terms.items() if m != monomial})
    if monomial.radicand == 1 and [e for _, e in monomial.powers] == [1] and rest.constant is not None:
        return Form(str(rest), scaled.exact)
    return Form(f"{scaled} = 0", scaled.exact)


def _worded(text: str, nesting: int) -> Form | None:
    """Choice letters, times of day and plain words, in lower case."""
    if match := _LETTER.fullmatch(text):
        return Form(match[1].lower(), True)
    if match := _TIME.fullmatch(text):
        return Form(match[1].replace(" ", "") + re.sub(r"[^apm]", "", match[2].lower()), True)
    if _WORDS.fullmatch(text) and max(len(word) for word in re.findall(r"[A-Za-z]+", text)) >= 3:
        words = text.lower().split()
        known = {"sqrt", "sin", "cos", "tan", "cot", "sec", "csc", "log", "exp"}.intersection(words)
        return None if known else Form(" ".join(words[1:] if words[0] in ("a", "an", "the") and len(words) > 1 else words), True)
    return None


def _computed(text: str, nesting: int) -> Form | None:
    """Expressions; unit words after a number are dropped."""
    body, _ = split_unit(text)
    if body != text and (value := number(body)) is not None:
        return Form(show(value), True)
    if body != text and (value := _constant(body)):
        return Form(str(value), value.exact)
    try:
        value = parse(text)
    except NoNormalForm:
        return None
    return Form(str(value), value.exact)


def _constant(text: str) -> Polynomial | None:
    """The value of an expression without variables, else None."""
    try:
        value = parse(text)
    except NoNormalForm:
        return None
    free = {atom for monomial in value.terms for atom, _ in monomial.powers}
    return value if free <= {"pi", "i", "e"} else None


def _as_text(text: str) -> Form:
    return Form(_LOOSE_SPACE.sub("", " ".join(text.split())), False)


def _choice(text: str) -> Form:
    """SC, MC: option letters in upper case, sorted: `A, C`, `CA`, `(A) and (C)`, `B: 12 m`."""
    if re.fullmatch(r"[A-Z]+", text):
        letters = list(text)
    else:
        parts = [_LETTER.fullmatch(part) for part in split_top(text) if part]
        letters = [part[1].upper() for part in parts if part] if all(parts) else []
    if not letters and (match := _OPTION.match(text)):
        letters = [match[1].upper()]
    return Form("".join(sorted(set(letters))), True) if letters else _any(text)


def _truth(text: str) -> Form:
    word = _TRUTH.get(text.lower())
    return Form(word, True) if word else _any(text)


def _numerical(text: str) -> Form:
    """NV: as '', but a unit stays: `10 cm` is neither `10` nor `10 m`."""
    for gap in re.finditer(r"(?<=[\d)}i]) (?=[A-Za-zΩµμ])", text):
        body, unit = text[: gap.start()], text[gap.end() :]
        value = number(body)
        shown = show(value) if value is not None else str(_constant(body) or "")
        if shown and number(unit) is None:
            return Form(f"{shown} {_LOOSE_SPACE.sub('', unit)}", False)
    return _any(text)


def _equated(text: str) -> Form:
    left, sign, right = text.partition("=")
    found = _equation(left, right) if sign and "=" not in right and not set("<>") & set(text) else None
    return found or _any(text)


def _tuple(text: str) -> Form:
    found = enclosed(text)
    parts = split_top(found[1] if found and found[0] != "{" else text)
    return _ordered(parts, 1) if len(parts) > 1 else _any(text)


def _several(text: str) -> Form:
    """MA, SET: in no order, with or without braces."""
    found = enclosed(text)
    if found and found[0] in (SET_OPEN, "{") and found[1]:
        text = found[1]
    return _sorted(split_top(text), 1, unique=True)


_BY_KIND = {
    **{"": _any, "IN": _any, "EX": _any},
    **{"SC": _choice, "MC": _choice, "TF": _truth, "NV": _numerical, "EQ": _equated, "TUP": _tuple, "MPV": _tuple},
    **{"SET": _several, "MA": _several},
}
