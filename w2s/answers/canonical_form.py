"""The canonical form of an answer: one string per value, so that equality of answers is equality of strings.

Numbers are exact fractions; expressions are polynomials in a fixed order; lists and sets are sorted, tuples are not; what none of
the rules reads stays as normalised text. Pure functions of bounded time: nothing is evaluated as code.
"""

import re
from functools import lru_cache

from .answer import MAX_ANSWER_CHARS
from .forms import LOOSE_SPACE, Form, any_form, equation_form, ordered_form, sorted_form, text_form
from .latex import SET_OPEN, clean
from .normal_form import constant_of
from .number import number, plain_integer, show
from .polynomial import NoNormalForm
from .structure import enclosed, split_top

KINDS = ("", "SC", "MC", "TF", "NV", "SET", "IN", "EX", "EQ", "TUP", "MPV", "MA")
"""Answer kinds. '': any number or mathematical answer (GSM8K, MATH). The others are OlympicArena's answer types: single choice, multiple
choice, true or false, numerical value, set, interval, expression, equation, tuple, several quantities in order, several answers."""

_TEXT_ROUNDS = 4
"""What no rule reads is cleaned until that changes nothing."""
_OPTION = re.compile(r"\(? ?([A-Ja-j]) ?\)?")
_OPTION_WITH_TEXT = re.compile(r"\(? ?([A-Ja-j]) ?[).:]")
_TRUTH = {**dict.fromkeys(("true", "t", "yes", "correct"), "true"), **dict.fromkeys(("false", "f", "no", "incorrect"), "false")}


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
        return Form(" ".join(answer.split()), False)
    return _form(answer, kind)


@lru_cache(maxsize=1 << 16)
def _form(answer: str, kind: str) -> Form:
    if plain_integer(answer):
        return Form(answer, True)
    text = clean(answer)
    for _ in range(_TEXT_ROUNDS):
        try:
            found = _BY_KIND[kind](text)
            if len(found.text) <= MAX_ANSWER_CHARS:
                return found
        except NoNormalForm:
            pass
        before, text = text, clean(text_form(text).text)
        if text == before:
            break
    return text_form(text)


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


def _numerical(text: str) -> Form:
    """NV: as '', but a unit stays: `10 cm` is neither `10` nor `10 m`."""
    for gap in re.finditer(r"(?<=[\d)}i]) (?=[A-Za-zΩµμ])", text):
        body, unit = text[: gap.start()], text[gap.end() :]
        value = number(body)
        shown = show(value) if value is not None else str(constant_of(body) or "")
        if shown and number(unit) is None:
            return Form(f"{shown} {LOOSE_SPACE.sub('', unit)}", False)
    return any_form(text)


def _equated(text: str) -> Form:
    left, sign, right = text.partition("=")
    plain = sign and "=" not in right and not set("<>,;") & set(text)
    return (equation_form(left, right) if plain else None) or any_form(text)


def _tuple(text: str) -> Form:
    found = enclosed(text)
    parts = split_top(found[1] if found and found[0] != "{" else text)
    if len(parts) > 1:
        return ordered_form(parts, 1)
    one = any_form(text)
    return Form(f"({one.text})", one.exact) if len(split_top(one.text)) > 1 else one


def _several(text: str) -> Form:
    """MA, SET: in no order, with or without braces."""
    found = enclosed(text)
    if found and found[0] in (SET_OPEN, "{") and found[1]:
        text = found[1]
    return sorted_form(split_top(text), 1, unique=True)


_BY_KIND = {
    **{"": any_form, "IN": any_form, "EX": any_form},
    **{"SC": _choice, "MC": _choice, "TF": _truth, "NV": _numerical, "EQ": _equated, "TUP": _tuple, "MPV": _tuple},
    **{"SET": _several, "MA": _several},
}
