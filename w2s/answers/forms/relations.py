"""Forms of equations and inequalities."""

from w2s.answers.algebra.normal_form import constant_of
from w2s.answers.forms.equations import equation_form
from w2s.answers.forms.form import Form, PartForm
from w2s.answers.forms.intervals import interval_form
from w2s.answers.forms.lists import QUANTITY_NAME
from w2s.answers.text.brackets import relation_sides


def related(text: str, nesting: int, part_form: PartForm) -> Form | None:
    """Equations and inequalities: `x = 5` is 5, `12 + 7 = 19` is 19, `x < 3` is an interval.

    Other equations have all terms on the left side; other inequalities have the larger side on the right.
    """
    sides = relation_sides(text)
    relations = set(sides[1::2])
    if not relations or not all(sides[::2]):
        return None
    if relations == {"="}:
        first, last = sides[0], sides[-1]
        if len(sides) > 3 or QUANTITY_NAME.fullmatch(first) or constant_of(first):
            value = first if constant_of(first) and QUANTITY_NAME.fullmatch(last) else last
            return part_form(value, nesting)
        return part_form(first, nesting) if QUANTITY_NAME.fullmatch(last) else equation_form(first, last)
    if relations <= {">", ">="}:
        sides = [side.replace(">", "<") if index % 2 else side for index, side in enumerate(sides)][::-1]
    elif not relations <= {"<", "<="}:
        return None
    if (interval := interval_form(sides)) is not None:
        return interval
    texts = [side if index % 2 else part_form(side, nesting).text for index, side in enumerate(sides)]
    return Form(" ".join(texts), False)
