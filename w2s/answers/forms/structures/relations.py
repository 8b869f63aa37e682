"""Forms of equations and inequalities."""

import re

from w2s.answers.algebra.normal_form import constant_of
from w2s.answers.algebra.number import number
from w2s.answers.forms.form import Form, PartForm
from w2s.answers.forms.numbers.spoken import spoken_value
from w2s.answers.forms.structures.equations import equation_form
from w2s.answers.forms.structures.intervals import interval_form
from w2s.answers.forms.structures.names import is_kept, is_name
from w2s.answers.text.brackets import relation_sides
from w2s.answers.units.quantities import quantity

_WORD = re.compile(r"(?<![A-Za-z])(?=[A-Za-z]*[aeiouAEIOU])[A-Za-z]{3,}(?![A-Za-z])|\bpi\b")
_VARIABLE = re.compile(r"[A-Za-z\\_]")
"""In a text without its words: a letter, a command or an index may be a variable."""


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


def _is_value(side: str) -> bool:
    """Whether a side is a number, a constant or a quantity."""
    return (
        number(side) is not None
        or spoken_value(side) is not None
        or quantity(side) is not None
        or constant_of(side) is not None
    )


def _equated(sides: list[str], nesting: int, part_form: PartForm) -> Form | None:
    first, last = sides[0], sides[-1]
    if _is_value(last) and (_is_value(first) or not _VARIABLE.search(_WORD.sub("", first))):
        return part_form(last, nesting)  # `10 + 2 = 12 apples`, `1 m = 100 cm`
    if len(sides) == 3 and is_name(first) and is_kept(first):
        value = part_form(last, nesting)
        return Form(f"{first.replace(' ', '')} = {value.text}", False)
    constant = constant_of(first)
    if len(sides) > 3 or is_name(first) or (constant and (is_name(last) or constant_of(last))):
        if (
            len(sides) == 3
            and re.match("[A-Z]{2}", first)
            and not _is_value(last)
            and (form := equation_form(first, last))
        ):
            return form  # `AB = 5` names a length, `PV = nRT` relates four variables
        return part_form(first if constant and is_name(last) else last, nesting)
    if is_name(last):
        value = part_form(first, nesting)
        return Form(f"{last.replace(' ', '')} = {value.text}", False) if is_kept(last) else value
    return equation_form(first, last)
