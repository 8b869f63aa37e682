"""The forms of cleaned answers by answer kind; the kinds are those of kinds.py."""

import re
from collections.abc import Callable

from w2s.answers.forms.any_answer import any_form
from w2s.answers.forms.equations import equation_form
from w2s.answers.forms.expressions import expression_form
from w2s.answers.forms.form import Form
from w2s.answers.forms.lists import QUANTITY_NAME, ordered_form, sorted_form
from w2s.answers.text.brackets import enclosed, relation_sides, split_top
from w2s.answers.text.latex import SET_OPEN
from w2s.answers.units.quantities import quantity

_OPTION = re.compile(r"\(? ?([A-Ja-j]) ?\)?")
_OPTION_WITH_TEXT = re.compile(r"\(? ?([A-Ja-j]) ?[).:]")
_TRUTH = {
    **dict.fromkeys(("true", "t", "yes", "correct"), "true"),
    **dict.fromkeys(("false", "f", "no", "incorrect"), "false"),
}


def _choice(text: str) -> Form:
    """SC, MC: option letters in upper case, sorted, of `A, C`, `CA`, `(A) and (C)`, `B: 12 m`."""
    if re.fullmatch(r"[A-J]+", text):
        letters = list(text)
    else:
        parts = [_OPTION.fullmatch(part) for part in split_top(text) if part]
        letters = [part[1].upper() for part in parts if part] if all(parts) else []
    if not letters and (match := _OPTION_WITH_TEXT.match(text)):
        letters = [match[1].upper()]
    if letters:
        return Form("".join(sorted(set(letters))), True)
    form = any_form(text)
    return Form(form.text.upper(), True) if _OPTION.fullmatch(form.text) else form


def _truth(text: str) -> Form:
    """TF: `true` or `false`."""
    word = _TRUTH.get(text.lower())
    return Form(word, True) if word else any_form(text)


def _numerical(text: str, nesting: int = 0) -> Form:
    """Kind NV, a numerical value: as without a kind, but a unit is kept, in base units: `10 cm` is `1/10 m`."""
    measured = quantity(_without_name(text))
    return any_form(text, nesting) if measured is None else Form(str(measured), measured.exact)


def _expression(text: str) -> Form:
    """EX: letters are variables, `mgh` is a product."""
    return expression_form(_without_name(text)) or any_form(text)


def _without_name(text: str) -> str:
    """The right side of `x = 5`; any other text unchanged."""
    sides = relation_sides(text)
    named = len(sides) == 3 and sides[1] == "=" and QUANTITY_NAME.fullmatch(sides[0])
    return sides[2] if named else text


def _equation(text: str) -> Form:
    """EQ: a single equation has all terms on its left side."""
    left, sign, right = text.partition("=")
    plain = sign and "=" not in right and not set("<>,;") & set(text)
    return (equation_form(left, right) if plain else None) or any_form(text)


def _tuple(text: str) -> Form:
    """TUP, MPV: values in order, with or without brackets."""
    brackets = enclosed(text)
    parts = split_top(brackets[1] if brackets and brackets[0] != "{" else text)
    if len(parts) > 1:
        return ordered_form(parts, 1, _numerical)
    form = _numerical(text)
    return Form(f"({form.text})", form.exact) if len(split_top(form.text)) > 1 else form


def _several(text: str) -> Form:
    """MA, SET: values in any order, with or without braces."""
    brackets = enclosed(text)
    if brackets and brackets[0] in (SET_OPEN, "{") and brackets[1]:
        text = brackets[1]
    return sorted_form(split_top(text), 1, _numerical, any_form, unique=True)


FORM_BY_KIND: dict[str, Callable[[str], Form]] = {
    **{"": any_form, "IN": any_form, "EX": _expression},
    **{"SC": _choice, "MC": _choice, "TF": _truth, "NV": _numerical, "EQ": _equation, "TUP": _tuple, "MPV": _tuple},
    **{"SET": _several, "MA": _several},
}
