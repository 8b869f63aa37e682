"""The canonical form of an answer: one string per value, so that equality of answers is equality of strings.

Numbers are exact fractions; expressions are polynomials in a fixed order; lists and sets are sorted, tuples are not; what none of
the rules reads stays as normalised text. Pure functions of bounded time: nothing is evaluated as code.
"""

import re
from functools import lru_cache

from w2s.answers.algebra.polynomial import NoNormalForm
from w2s.answers.forms.forms import (
    NAMED,
    Form,
    any_form,
    equation_form,
    expression_form,
    ordered_form,
    sorted_form,
    text_form,
)
from w2s.answers.text.latex import SET_OPEN, clean
from w2s.answers.text.number import plain_integer
from w2s.answers.text.structure import enclosed, relation_sides, split_top
from w2s.answers.types import MAX_ANSWER_CHARS
from w2s.answers.units.quantities import quantity
from w2s.answers.units.units import spell_out

KINDS = ("", "SC", "MC", "TF", "NV", "SET", "IN", "EX", "EQ", "TUP", "MPV", "MA")
"""Answer kinds. '': any number or mathematical answer (GSM8K, MATH). The others are OlympicArena's answer types: single choice, multiple
choice, true or false, numerical value, set, interval, expression, equation, tuple, several quantities in order, several answers."""

UNIT_KINDS = ("NV", "SET", "TUP", "MPV", "MA")
"""In these a unit belongs to its number, a percent sign is 1/100, and letters are no variables. In the others count nouns and units
after a number are dropped, `15 apples` is 15 and so `10 cm` is 10, because a question of theirs asks for a number and names its unit
(`how many?`), and gold has none."""
_MAX_ROUNDS = 30
"""Of the rules applied to their own result, until that changes nothing: two or three for almost all answers."""
_OPTION = re.compile(r"\(? ?([A-Ja-j]) ?\)?")
_OPTION_WITH_TEXT = re.compile(r"\(? ?([A-Ja-j]) ?[).:]")
_TRUTH = {
    **dict.fromkeys(("true", "t", "yes", "correct"), "true"),
    **dict.fromkeys(("false", "f", "no", "incorrect"), "false"),
}


def canonical(answer: str, kind: str = "") -> str:
    """The canonical form of `answer` for an answer kind of `KINDS`; canonical(canonical(a)) = canonical(a).

    Never raises on any answer; ValueError for an unknown kind.
    """
    return form(answer, kind).text


def form(answer: str, kind: str = "") -> Form:
    """The canonical form of `answer`, with whether it is exact."""
    if kind not in _BY_KIND:
        raise ValueError(f"unknown answer kind {kind!r}: the kinds are {', '.join(repr(k) for k in KINDS)}")
    if len(answer) > MAX_ANSWER_CHARS:  # never in the cache, which it would fill with gigabytes
        answer = " ".join(answer.split())
        if len(answer) > MAX_ANSWER_CHARS:
            return Form(answer, False)
    return _form(answer, kind)


@lru_cache(maxsize=1 << 16)
def _form(answer: str, kind: str) -> Form:
    """What the rules make of their own result in the end, so that a canonical form is its own; of results that recur in turn, the first."""
    path = [_rules(answer, kind)]
    if path[0].exact and plain_integer(path[0].text):  # most answers: their own form, as `_rules` begins
        return path[0]
    for _ in range(_MAX_ROUNDS):
        found = _rules(path[-1].text, kind)
        if found in path:
            return min(path[path.index(found) :])
        path.append(found)
    return Form(path[-1].text, False)


def _rules(answer: str, kind: str) -> Form:
    if plain_integer(answer):
        return Form(answer, True)
    text = clean(spell_out(answer) if kind in UNIT_KINDS else answer)
    try:
        found = _BY_KIND[kind](text)
    except NoNormalForm:
        found = text_form(text)
    return found if len(found.text) <= MAX_ANSWER_CHARS else Form(answer, False)


def _choice(text: str) -> Form:
    """SC, MC: option letters in upper case, sorted: `A, C`, `CA`, `(A) and (C)`, `B: 12 m`."""
    if re.fullmatch(r"[A-J]+", text):
        letters = list(text)
    else:
        parts = [_OPTION.fullmatch(part) for part in split_top(text) if part]
        letters = [part[1].upper() for part in parts if part] if all(parts) else []
    if not letters and (match := _OPTION_WITH_TEXT.match(text)):
        letters = [match[1].upper()]
    if letters:
        return Form("".join(sorted(set(letters))), True)
    found = any_form(text)
    return Form(found.text.upper(), True) if _OPTION.fullmatch(found.text) else found


def _truth(text: str) -> Form:
    word = _TRUTH.get(text.lower())
    return Form(word, True) if word else any_form(text)


def _numerical(text: str, nesting: int = 0) -> Form:
    """NV: as '', but a unit stays, in base units: `10 cm` is `1/10 m`, and neither `10` nor `10 m`."""
    sides = relation_sides(text)
    value = sides[2] if len(sides) == 3 and sides[1] == "=" and NAMED.fullmatch(sides[0]) else text
    found = quantity(value)
    return any_form(text, nesting) if found is None else Form(str(found), found.exact)


def _expression(text: str) -> Form:
    """EX: letters are variables, `mgh` is a product."""
    sides = relation_sides(text)
    value = sides[2] if len(sides) == 3 and sides[1] == "=" and NAMED.fullmatch(sides[0]) else text
    return expression_form(value) or any_form(text)


def _equated(text: str) -> Form:
    left, sign, right = text.partition("=")
    plain = sign and "=" not in right and not set("<>,;") & set(text)
    return (equation_form(left, right) if plain else None) or any_form(text)


def _tuple(text: str) -> Form:
    found = enclosed(text)
    parts = split_top(found[1] if found and found[0] != "{" else text)
    if len(parts) > 1:
        return ordered_form(parts, 1, part_form=_numerical)
    one = _numerical(text)
    return Form(f"({one.text})", one.exact) if len(split_top(one.text)) > 1 else one


def _several(text: str) -> Form:
    """MA, SET: in no order, with or without braces."""
    found = enclosed(text)
    if found and found[0] in (SET_OPEN, "{") and found[1]:
        text = found[1]
    return sorted_form(split_top(text), 1, unique=True, part_form=_numerical)


_BY_KIND = {
    **{"": any_form, "IN": any_form, "EX": _expression},
    **{"SC": _choice, "MC": _choice, "TF": _truth, "NV": _numerical, "EQ": _equated, "TUP": _tuple, "MPV": _tuple},
    **{"SET": _several, "MA": _several},
}
