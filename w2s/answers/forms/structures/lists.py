"""Forms of answers with several parts: matrices, unions, tuples, intervals, sets and lists."""

import re

from w2s.answers.algebra.errors import NoNormalForm
from w2s.answers.algebra.normal_form import constant_of
from w2s.answers.algebra.number import number, show
from w2s.answers.forms.form import Form, PartForm
from w2s.answers.forms.structures.names import is_application, is_name
from w2s.answers.forms.structures.unions import symbols_of
from w2s.answers.text.brackets import enclosed, matrix_rows, split_top
from w2s.answers.text.latex import SET_OPEN
from w2s.answers.text.words import LOOSE_SPACE
from w2s.answers.units.quantities import quantity

_FRENCH = re.compile(r"\](.+)[\[\]]|[\[(](.+)\[")
_NAMED = re.compile(r"[A-Za-z]{2,}(?: [A-Za-z]+)*")
_VARIABLE = re.compile(r"(?<![A-Za-z\\])(?!e\b|i\b)[a-z](?![A-Za-z])")
_VECTOR = re.compile(r"^\\langle ?([^\\<>]*(?:\\(?!langle|rangle)[^\\<>]*)*,[^<>]*)\\rangle$")
_POINT = re.compile(r"^[AD-OQ-Z]'? ?(\(.+,.+\))$")
"""A point with its name, `A(1, 2)`; `B(2, 3)` may be a value of the beta function, `C(10, 3)` and `P(10, 3)` counts."""


def matrix(text: str, nesting: int, part_form: PartForm) -> Form | None:
    """A LaTeX matrix of any brackets, cell by cell."""
    factor, begin, body = text.partition("\\begin ")
    rows = matrix_rows(begin + body)
    if rows is None:
        return None
    factor = factor.strip().removesuffix("*").strip()
    if factor:
        if constant_of(factor) is None:
            return None
        rows = [[f"({factor})*({cell})" for cell in row] for row in rows]
    forms = [[part_form(cell, nesting) for cell in row] for row in rows]
    body = " \\\\ ".join(" & ".join(cell.text for cell in row) for row in forms)
    return Form(f"\\begin{{matrix}} {body} \\end{{matrix}}", all(cell.exact for row in forms for cell in row))


def bracketed(text: str, nesting: int, part_form: PartForm) -> Form | None:
    """Tuples and intervals keep order and brackets; sets are sorted and lose repetitions and braces."""
    if _FRENCH.fullmatch(text) and len(split_top(text[1:-1])) == 2:  # `]1, 2[` is open at both ends
        text = f"{'(' if text[0] == ']' else text[0]}{text[1:-1]}{')' if text[-1] == '[' else text[-1]}"
    text = _VECTOR.sub(r"(\1)", _POINT.sub(r"\1", text))
    brackets = enclosed(text)
    if brackets is None:
        return None
    opening, inside, closing = brackets
    parts = split_top(inside)
    if opening == SET_OPEN or (opening == "{" and len(parts) > 1):
        nested = nesting > 1 and opening == SET_OPEN
        return _set_form(inside, parts, nesting, part_form, nested)
    if len(parts) == 1:
        return _one_in_brackets(inside, nesting, part_form) if opening + closing == "()" else None
    return None if opening == "{" else ordered_form(parts, nesting, part_form, opening, closing)


def _one_in_brackets(inside: str, nesting: int, part_form: PartForm) -> Form | None:
    """`(5)` is 5 and `(5 cm)` is 5 cm; None for other values."""
    if "|" in inside or inside.startswith(("(", "[")):
        return None
    if (value := number(inside)) is not None:
        return Form(show(value), True)
    measured = quantity(inside) if re.search(r"\d ?[A-Za-z]", inside) and "=" not in inside else None
    if measured is None or not measured.known or measured.is_money:  # `($5)` is -5 dollars in accounts
        return None
    return part_form(inside, nesting)


def _set_form(inside: str, parts: list[str], nesting: int, part_form: PartForm, nested: bool) -> Form:
    """The members in one order, each once; a nested set keeps its braces, and so does the set of one set."""
    if not inside:
        return Form("\\emptyset", True)
    if len(parts) == 1 and inside.startswith(SET_OPEN) and not nested:
        members = part_form(inside, nesting)
    else:
        members = sorted_form(parts, nesting, part_form, part_form, unique=True)
        if not nested and inside.strip() != "\\emptyset":
            return members
    return Form(f"\\{{{members.text}\\}}", members.exact)


def ordered_form(parts: list[str], nesting: int, part_form: PartForm, opening: str = "(", closing: str = ")") -> Form:
    """Several values whose order counts, in brackets."""
    forms = [part_form(part, nesting) for part in parts]
    return Form(opening + ", ".join(form.text for form in forms) + closing, all(form.exact for form in forms))


def listed(text: str, nesting: int, part_form: PartForm) -> Form | None:
    """Several values without brackets, in any order; `1 \\pm x` is two values."""
    parts = split_top(text)
    if len(parts) == 1 and text.count("\\pm ") != 1:
        return None
    if ";" in text and (tuples := _named_tuples(text)):
        parts = tuples
    return sorted_form(parts, nesting, part_form, part_form)


def sorted_form(
    parts: list[str], nesting: int, part_form: PartForm, value_form: PartForm, unique: bool = False
) -> Form:
    """Several values in any order: `x=1, y=2` keeps its names, `x=1, x=2` does not need them.

    `value_form` gives the right sides of parts that keep their names, `part_form` all other parts.
    """
    parts = [signed for part in parts if part for signed in _both_signs(part)]
    if len(symbols_of(parts)) > 1:
        raise NoNormalForm
    left_sides = [part.partition("=")[0].strip() for part in parts if "=" in part]
    names = {left for left in left_sides if is_name(left)}
    if not parts or (len(names) > 1 and len(left_sides) < len(parts)):
        raise NoNormalForm
    worded = len(set(left_sides)) == len(parts) > 1 and all(_NAMED.fullmatch(left) for left in left_sides)
    curves = names and any(_VARIABLE.search(part.partition("=")[2]) for part in parts)
    if (
        len(names) > 1
        or worded
        or (curves and len(left_sides) == len(parts) > 1)
        or any(is_application(left) for left in left_sides)
    ):
        forms = [_named_form(part, nesting, value_form) for part in parts]
    else:
        forms = [part_form(part, nesting) for part in parts]
    texts = [form.text for form in forms]
    return Form(", ".join(sorted(set(texts) if unique else texts)), all(form.exact for form in forms))


def _named_tuples(text: str) -> list[str] | None:
    """`p=5,q=2; p=7,q=2` as `(5,2)`, `(7,2)`; None for other lists."""
    groups = [[part.partition("=") for part in split_top(group)] for group in text.split(";")]
    names = {tuple(name.strip() for name, _, _ in group) for group in groups}
    if len(names) != 1 or len(groups[0]) < 2 or not all(is_name(name) for name in next(iter(names))):
        return None
    return [f"({', '.join(value for _, _, value in group)})" for group in groups]


def _named_form(part: str, nesting: int, value_form: PartForm) -> Form:
    name, _, value = (side.strip() for side in part.partition("="))
    if not is_name(name) and not _NAMED.fullmatch(name):
        raise NoNormalForm
    return Form(f"{LOOSE_SPACE.sub('', name)} = {value_form(value, nesting).text}", False)


def _both_signs(part: str) -> list[str]:
    return [part.replace("\\pm ", sign) for sign in "+-"] if part.count("\\pm ") == 1 else [part]
