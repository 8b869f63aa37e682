"""The form of one inequality: an interval if it bounds a single symbol."""

import re

from w2s.answers.algebra.errors import NoNormalForm
from w2s.answers.algebra.normal_form import constant_of, polynomial
from w2s.answers.algebra.polynomial import Polynomial, constant
from w2s.answers.forms.form import Form

_SYMBOL = re.compile(r"(?!pi$|[ei]$)(?:[A-Za-z]|\\(?!infty)[A-Za-z]+)(?:_(?:\w|\{\w+\}))?")


def interval_form(sides: list[str]) -> Form | None:
    """`2 < x <= 5` is `(2, 5]` and `2x < 6` is `(-\\infty, 3)`; any other inequality of two sides is `p < 0`.

    `sides` has expressions and `<` or `<=` in turn. None for other chains and for sides that are no expressions.
    """
    if len(sides) == 5 and _SYMBOL.fullmatch(sides[2]):
        ends = [constant_of(side) for side in sides[::4]]
        if ends[0] is None or ends[1] is None:
            return None
        brackets = "[" if sides[1] == "<=" else "(", "]" if sides[3] == "<=" else ")"
        return Form(f"{brackets[0]}{ends[0]}, {ends[1]}{brackets[1]}", ends[0].exact and ends[1].exact)
    try:
        difference = polynomial(sides[0]) - polynomial(sides[2]) if len(sides) == 3 else constant(0)
        terms = difference.ordered()
        if not terms or difference.constant is not None:
            return None
        monomial, coefficient = terms[0]
        scaled = difference * constant(1 / abs(coefficient))
    except NoNormalForm:
        return None
    rest = Polynomial({other: -factor for other, factor in scaled.terms.items() if other != monomial})
    one_symbol = monomial.radicand == 1 and [exponent for _, exponent in monomial.powers] == [1]
    if one_symbol and rest.is_constant and _SYMBOL.fullmatch(str(monomial)):
        closed = sides[1] == "<="
        if coefficient > 0:
            return Form(f"(-\\infty, {rest}{']' if closed else ')'}", rest.exact)
        return Form(f"{'[' if closed else '('}{-rest}, \\infty)", rest.exact)
    return Form(f"{scaled} {sides[1]} 0", False)
