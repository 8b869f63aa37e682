"""Forms of equations and inequalities."""

import re

from w2s.answers.algebra.normal_form import constant_of
from w2s.answers.algebra.number import number
from w2s.answers.algebra.same_value import size_of
from w2s.answers.algebra.tokens import NAME
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


_SYMBOL = re.compile(r"[A-Za-z](?:_\w|_\{\w+\})?")
_CALCULUS = re.compile(r"\\(?:i{1,3}nt|oint|lim|sum|prod) ?_ ?(\{[^{}]*\}|\w|\\infty)")
_COMMAND = re.compile(r"\\[A-Za-z]+")


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


def _is_closed(side: str) -> bool:
    """Whether a side has no variable of its own, as `\\log_2 8`, `\\int_0^1 x dx` and `\\lim_{x\\to 0} x/\\sin x`."""
    if (found := _CALCULUS.match(side)) is None:
        return "=" not in side and size_of(side) is not None
    bound = {side[-1], "d"} if "nt" in found[0] else set(_COMMAND.sub("", found[1])[:2])
    letters = {letter for letter in NAME.sub("", side) if letter.isalpha()}
    return letters <= bound | {"e", "p", "i"}


def _chained(sides: list[str], nesting: int, part_form: PartForm) -> Form | None:
    """`a = b = 3`, with its names in order, and 3 for `x + 1 = 3 = y`; None for a chain that ends with its value."""
    values = [side for side in sides if _is_value(side)]
    names = [side for side in sides if _SYMBOL.fullmatch(side)]
    if len(names) == len(sides):
        return Form(" = ".join(sorted(names)), False)
    if not values or not (sides[-1] in names or (len(names) > 1 and len(names) + len(values) == len(sides))):
        return None
    value = part_form(values[-1], nesting)
    return Form(" = ".join((*sorted(names), value.text)), False) if len(names) > 1 else value


def _equated(sides: list[str], nesting: int, part_form: PartForm) -> Form | None:
    first, last = sides[0], sides[-1]
    if len(sides) > 3 and (chain := _chained(sides[::2], nesting, part_form)) is not None:
        return chain
    if _is_value(last) and (_is_value(first) or _is_closed(first) or not _VARIABLE.search(_WORD.sub("", first))):
        return part_form(last, nesting)  # `10 + 2 = 12 apples`, `1 m = 100 cm`, `\\log_2 8 = 3`
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
