"""Forms of answers with several parts: matrices, unions, tuples, intervals, sets and lists."""

import re

from w2s.answers.algebra.errors import NoNormalForm
from w2s.answers.forms.form import Form, PartForm
from w2s.answers.text.brackets import enclosed, matrix_rows, split_top
from w2s.answers.text.latex import SET_OPEN
from w2s.answers.text.words import LOOSE_SPACE

QUANTITY_NAME = re.compile(r"[A-Za-z](?: ?_ ?(?:\w+|\{\w+\}))?'?(?: ?\( ?[A-Za-z] ?\))?|\\[A-Za-z]+")
"""The left side of `x = 5`, `f(x) = 2x`, `v_{max} = 3` or `\\theta = 1`: the name of a quantity."""
_MEMBER = re.compile(r"(?:[A-Za-z]|\\[A-Za-z]+) ?\\in (.+)")


def matrix(text: str, nesting: int, part_form: PartForm) -> Form | None:
    """A LaTeX matrix of any brackets, cell by cell."""
    rows = matrix_rows(text)
    if rows is None:
        return None
    forms = [[part_form(cell, nesting) for cell in row] for row in rows]
    body = " \\\\ ".join(" & ".join(cell.text for cell in row) for row in forms)
    return Form(f"\\begin{{matrix}} {body} \\end{{matrix}}", all(cell.exact for row in forms for cell in row))


def union(text: str, nesting: int, part_form: PartForm) -> Form | None:
    """A union of intervals, sorted; `x \\in A` is A."""
    if member := _MEMBER.fullmatch(text):
        return part_form(member[1], nesting)
    if "\\cup " not in text:
        return None
    parts = {part_form(part.strip(), nesting) for part in text.split("\\cup ")}
    return Form(" \\cup ".join(sorted(part.text for part in parts)), all(part.exact for part in parts))


def bracketed(text: str, nesting: int, part_form: PartForm) -> Form | None:
    """Tuples and intervals keep order and brackets; sets are sorted and lose repetitions and braces."""
    brackets = enclosed(text)
    if brackets is None:
        return None
    opening, inside, closing = brackets
    parts = split_top(inside)
    if opening == SET_OPEN or (opening == "{" and len(parts) > 1):
        if not inside:
            return Form("\\emptyset", True)
        return sorted_form(parts, nesting, part_form, part_form, unique=True)
    if len(parts) == 1 or opening == "{":
        return None
    return ordered_form(parts, nesting, part_form, opening, closing)


def ordered_form(parts: list[str], nesting: int, part_form: PartForm, opening: str = "(", closing: str = ")") -> Form:
    """Several values whose order counts, in brackets."""
    forms = [part_form(part, nesting) for part in parts]
    return Form(opening + ", ".join(form.text for form in forms) + closing, all(form.exact for form in forms))


def listed(text: str, nesting: int, part_form: PartForm) -> Form | None:
    """Several values without brackets, in any order; `1 \\pm x` is two values."""
    parts = split_top(text)
    if len(parts) == 1 and text.count("\\pm ") != 1:
        return None
    return sorted_form(parts, nesting, part_form, part_form)


def sorted_form(
    parts: list[str], nesting: int, part_form: PartForm, value_form: PartForm, unique: bool = False
) -> Form:
    """Several values in any order: `x=1, y=2` keeps its names, `x=1, x=2` does not need them.

    `value_form` gives the right sides of parts that keep their names, `part_form` all other parts.
    """
    parts = [signed for part in parts if part for signed in _both_signs(part)]
    left_sides = [part.partition("=")[0].strip() for part in parts if "=" in part]
    names = {left for left in left_sides if QUANTITY_NAME.fullmatch(left)}
    if not parts or (len(names) > 1 and len(left_sides) < len(parts)):
        raise NoNormalForm
    if len(names) > 1:
        forms = [_named_form(part, nesting, value_form) for part in parts]
    else:
        forms = [part_form(part, nesting) for part in parts]
    texts = [form.text for form in forms]
    return Form(", ".join(sorted(set(texts) if unique else texts)), all(form.exact for form in forms))


def _named_form(part: str, nesting: int, value_form: PartForm) -> Form:
    name, _, value = (side.strip() for side in part.partition("="))
    if not QUANTITY_NAME.fullmatch(name):
        raise NoNormalForm
    return Form(f"{LOOSE_SPACE.sub('', name)} = {value_form(value, nesting).text}", False)


def _both_signs(part: str) -> list[str]:
    return [part.replace("\\pm ", sign) for sign in "+-"] if part.count("\\pm ") == 1 else [part]
