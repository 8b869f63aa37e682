"""The forms of cleaned answers by answer kind; the kinds are those of kinds.py."""

import re
from collections.abc import Callable

from w2s.answers.algebra.errors import NoNormalForm
from w2s.answers.algebra.normal_form import constant_of
from w2s.answers.forms.any_answer import any_form
from w2s.answers.forms.form import Form, text_form
from w2s.answers.forms.numbers.expressions import expression_form
from w2s.answers.forms.numbers.spoken import in_digits
from w2s.answers.forms.structures.equations import equation_form
from w2s.answers.forms.structures.lists import ordered_form, sorted_form
from w2s.answers.forms.structures.names import is_application, is_name
from w2s.answers.forms.structures.reactions import reaction_form
from w2s.answers.forms.words.choices import choice_form, truth_form
from w2s.answers.forms.words.letters import formula_form
from w2s.answers.text.brackets import enclosed, relation_sides, split_top
from w2s.answers.text.latex import SET_OPEN
from w2s.answers.text.words import LOOSE_SPACE
from w2s.answers.units.quantities import quantity

_TWO_VARIABLES = re.compile(r"(?<![A-Za-z\\])(?<!_\{)(?!pi)([a-z])([a-z])(?![A-Za-z_])")
"""In an equation `at` is a product and no word."""
_OPTION = re.compile(r"[A-Za-z]")


def _choice(text: str, several: bool) -> Form:
    """SC, MC: option letters in upper case, sorted."""
    if (form := choice_form(text, several)) is not None:
        return form
    form = any_form(text)
    return Form(form.text.upper(), True) if _OPTION.fullmatch(form.text) else form


def _numerical(text: str, nesting: int = 0) -> Form:
    """Kind NV, a numerical value: as without a kind, but a unit is in base units: `10 cm` is `1/10 m`."""
    bare = _without_name(text)
    if (brackets := enclosed(bare)) and brackets[0] == "(" and "," not in brackets[1]:
        inside = quantity(brackets[1])
        bare = brackets[1] if inside is not None and not inside.is_money else bare
    bare = in_digits(bare) or bare
    measured = quantity(bare)
    return (
        any_form(bare, nesting)
        if measured is None
        else Form(measured.in_base_units(), measured.exact and measured.known)
    )


def _expression(text: str) -> Form:
    """EX: letters are variables, `mgh` is a product, unless they are the elements of a chemical formula."""
    bare = _without_name(text)
    if (form := formula_form(bare, letters=True) or expression_form(bare)) is not None:
        return form
    try:
        return any_form(bare)
    except NoNormalForm:
        return text_form(bare)


def _without_name(text: str) -> str:
    """The right side of `x = 5`; any other text unchanged."""
    sides = relation_sides(text)
    named = len(sides) == 3 and sides[1] == "=" and is_name(sides[0]) and not is_application(sides[0])
    return sides[2] if named else text


def _equation(text: str) -> Form:
    """EQ: a single equation has all terms on its left side; a reaction has its sides sorted."""
    if (reaction := reaction_form(text)) is not None:
        return reaction
    left, sign, right = _TWO_VARIABLES.sub(r"\1*\2", text).partition("=")
    plain = sign and "=" not in right and not set("<>,;") & set(text) and " or " not in text
    if plain and (form := equation_form(left, right, collapse=False)) is not None:
        return form
    if plain and is_name(left.strip()) and not _is_constant(right):
        return Form(f"{LOOSE_SPACE.sub('', left.strip())} = {any_form(right.strip()).text}", False)
    return any_form(text)


def _is_constant(text: str) -> bool:
    return constant_of(text) is not None


def _tuple(text: str) -> Form:
    """TUP, MPV: values in order, with or without brackets; half-open brackets are kept."""
    sides = relation_sides(text)
    if len(sides) == 3 and sides[1] == "=" and is_name(sides[0]):
        text = sides[2]
    text = re.sub(r"^[A-Z]'? ?(?=\(.+,.+\)$)", "", text)
    brackets = enclosed(text)
    parts = split_top(brackets[1] if brackets and brackets[0] != "{" else text)
    if len(parts) > 1:
        pairs = [tuple(side.strip() for side in part.partition("=")) for part in parts]
        if all(sign and is_name(name) for name, sign, _ in pairs) and len({name for name, _, _ in pairs}) == len(pairs):
            named = ", ".join(f"{LOOSE_SPACE.sub('', name)} = {_numerical(value).text}" for name, _, value in pairs)
            return Form(f"({named})", False)
        half_open = brackets is not None and brackets[0] + brackets[2] in ("(]", "[)")
        opening, closing = (brackets[0], brackets[2]) if brackets and half_open else ("(", ")")
        return ordered_form(parts, 1, _numerical, opening, closing)
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
    **{"SC": lambda text: _choice(text, several=False), "MC": lambda text: _choice(text, several=True)},
    **{"TF": lambda text: truth_form(text, any_form), "NV": _numerical, "EQ": _equation, "TUP": _tuple, "MPV": _tuple},
    **{"SET": _several, "MA": _several},
}
