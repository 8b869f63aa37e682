"""The canonical form of an answer: one string per value, so that equality of answers is equality of strings.

Numbers are exact fractions; expressions are polynomials in a fixed order; lists and sets are sorted, tuples are not. An
answer that no rule reads stays normalised text. The functions are pure, take bounded time and evaluate no code.
"""

import re
from functools import lru_cache

from w2s.answers.algebra.errors import NoNormalForm
from w2s.answers.algebra.number import number, plain_integer, show
from w2s.answers.forms.by_kind import FORM_BY_KIND
from w2s.answers.forms.form import Form, text_form
from w2s.answers.forms.numbers.approximations import MARK, approximation_form
from w2s.answers.kinds import KINDS
from w2s.answers.text.latex import clean
from w2s.answers.types import MAX_ANSWER_CHARS
from w2s.answers.units.nouns import is_plural
from w2s.answers.units.reader import unit_of
from w2s.errors import closest

_SIMPLE = re.compile(r"(\$)?(-?\d[\d,]*(?:\.\d+)?)(?:( )?(%|[A-Za-z]{3,20}))?\.?", re.ASCII)
_NUMBER = re.compile(r"-?[1-9]\d{0,17}(?:/[1-9]\d{0,17})?|0", re.ASCII)
_FACTOR = r"(?:sqrt\(\d+\)|pi|[A-Za-z])(?:_\d)?(?:\^\d+)?"
_TERM = rf"(?:\d{{1,18}}(?:/\d{{1,18}})?\*)?{_FACTOR}(?:\*{_FACTOR})*"
_POLYNOMIAL = re.compile(rf"-?(?=.{{2}}){_TERM}(?: [+-] {_TERM})*(?: [+-] \d{{1,18}}(?:/\d{{1,18}})?)?", re.ASCII)
_MAX_ROUNDS = 30
"""Almost all answers reach their fixed point in two or three rounds."""


def canonical(answer: str, kind: str = "") -> str:
    """The canonical form of `answer` for an answer kind of `KINDS`; canonical(canonical(a)) == canonical(a).

    Never raises, whatever the answer; ValueError for an unknown kind.
    """
    return form(answer, kind).text


def form(answer: str, kind: str = "") -> Form:
    """The canonical form of `answer`, and whether it is exact."""
    if kind not in FORM_BY_KIND:
        kinds = ", ".join(repr(k) for k in KINDS)
        raise ValueError(f"unknown answer kind {kind!r}{closest(kind, KINDS)}: the kinds are {kinds}")
    if len(answer) > MAX_ANSWER_CHARS:  # not cached, because long texts would fill the cache with gigabytes
        answer = " ".join(answer.split())
        if len(answer) > MAX_ANSWER_CHARS:
            return Form(answer, False)
    return _form(answer, kind)


@lru_cache(maxsize=1 << 16)
def _form(answer: str, kind: str) -> Form:
    """Apply the rules until a fixed point, so that canonical(canonical(a)) == canonical(a).

    If the rules run in a cycle, take the smallest form of the cycle.
    """
    if kind == "" and (simple := _simple(answer)) is not None:
        return simple
    path = [_apply_rules(answer, kind)]
    # Most answers: the rules would return the same text, number or polynomial again.
    if path[0].text == answer:
        return path[0]
    if path[0].exact and (_NUMBER.fullmatch(path[0].text) or (kind == "" and _POLYNOMIAL.fullmatch(path[0].text))):
        return path[0]
    for _ in range(_MAX_ROUNDS):
        next_form = _apply_rules(path[-1].text, kind)
        if next_form in path:
            return min(path[path.index(next_form) :])
        path.append(next_form)
    return Form(path[-1].text, False)


def _simple(answer: str) -> Form | None:
    """The form of `13.50`, `$1,000`, `75%` or `15 apples`, as the rules give it; None for every other text.

    Most answers are of this kind, and their form is a fixed point by construction.
    """
    match = _SIMPLE.fullmatch(answer)
    if match is None or (value := number(match[2])) is None:
        return None
    word = "USD" if match[1] else match[4]
    if word is None:
        return Form(show(value), True)
    if (match[1] and match[4]) or (match[4] and not match[3] and word.isalpha() and len(word) < 4):
        return None
    measure = unit_of("percent" if word == "%" else word)
    if measure is None or not (measure.unit.known or is_plural(word.lower()) or abs(value) <= 1):
        return None
    return Form(f"{show(value)} {measure}", False)


def _apply_rules(answer: str, kind: str) -> Form:
    if plain_integer(answer):
        return Form(answer, True)
    text = clean(answer)
    if MARK in text:
        if kind in ("", "EX") and (approximation := approximation_form(text)) is not None:
            return approximation
        text = text.replace(MARK, "=").removeprefix("=").strip()
    result = _form_of_clean(text, kind)
    return result if len(result.text) <= MAX_ANSWER_CHARS else Form(answer, False)


@lru_cache(maxsize=1 << 14)
def _form_of_clean(text: str, kind: str) -> Form:
    """Cached, because the second round mostly reads the text of the first."""
    try:
        return FORM_BY_KIND[kind](text)
    except NoNormalForm:
        return text_form(text)
