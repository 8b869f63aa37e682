"""Forms of equations and inequalities."""

import re

from w2s.answers.algebra.normal_form import constant_of
from w2s.answers.forms.form import Form, PartForm
from w2s.answers.forms.structures.equations import equation_form
from w2s.answers.forms.structures.intervals import interval_form
from w2s.answers.forms.structures.names import is_application, is_name
from w2s.answers.text.brackets import relation_sides


def related(text: str, nesting: int, part_form: PartForm) -> Form | None:
    """Equations and inequalities: `x = 5` is 5, `12 + 7 = 19` is 19, `x < 3` is an interval, `f(2) = 5` stays.

    Other equations have all terms on the left side; other inequalities have the larger side on the right.
    """
    left, unequal, right = text.partition("\\neq ")
    if unequal and is_name(left.strip()) and "=" not in right:
        return Form(f"\\neq {part_form(right.strip(), nesting).text}", False)
    sides = relation_sides(text)
    relations = set(sides[1::2])
    if not relations or not all(sides[::2]):
        return None
    if relations == {"="}:
        return _equated(sides, nesting, part_form)
    if relations <= {">", ">="}:
        sides = [side.replace(">", "<") if index % 2 else side for index, side in enumerate(sides)][::-1]
    elif not relations <= {"<", "<="}:
        return None
    if (interval := interval_form(sides)) is not None:
        return interval
    texts = [side if index % 2 else part_form(side, nesting).text for index, side in enumerate(sides)]
    return Form(" ".join(texts), False)


def _equated(sides: list[str], nesting: int, part_form: PartForm) -> Form | None:
    first, last = sides[0], sides[-1]
    if len(sides) == 3 and is_application(first):
        value = part_form(last, nesting)
        return Form(f"{first.replace(' ', '')} = {value.text}", False)
    constant = constant_of(first)
    if len(sides) > 3 or is_name(first) or (constant and (is_name(last) or constant_of(last))):
        if (
            len(sides) == 3
            and re.match("[A-Z]{2}", first)
            and constant_of(last) is None
            and (form := equation_form(first, last))
        ):
            return form  # `AB = 5` names a length, `PV = nRT` relates four variables
        return part_form(first if constant and is_name(last) else last, nesting)
    return part_form(first, nesting) if is_name(last) else equation_form(first, last)
