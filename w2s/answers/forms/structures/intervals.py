"""The form of one inequality: an interval if it bounds a single symbol."""

import re
from fractions import Fraction

from w2s.answers.algebra.errors import NoNormalForm
from w2s.answers.algebra.normal_form import constant_of, polynomial
from w2s.answers.algebra.polynomial import Polynomial, constant, root
from w2s.answers.forms.form import Form
from w2s.answers.forms.structures.names import is_name

_SYMBOL = re.compile(r"(?!pi$|[ei]$)(?:[A-Za-z]|\\(?!infty)[A-Za-z]+)(?:_(?:\w|\{\w+\}))?")
_ABSOLUTE = re.compile(r"\| ?([A-Za-z]) ?(?:([-+]) ?([\d./]+) ?)?\|")


def interval_form(sides: list[str]) -> Form | None:
    """`2 < x <= 5` is `(2, 5]`, `2x < 6` is `(-\\infty, 3)`, `|x| < 2` is `(-2, 2)`; others of two sides are `p < 0`.

    `sides` has expressions and `<` or `<=` in turn. None for other chains and for sides that are no expressions.
    """
    if len(sides) == 5 and (_SYMBOL.fullmatch(sides[2]) or is_name(sides[2])):
        return _interval(sides[0], sides[1], sides[3], sides[4])
    if len(sides) != 3:
        return None
    if (match := _ABSOLUTE.fullmatch(sides[0])) and (size := constant_of(sides[2])) is not None:
        middle = (
            constant(Fraction(match[3]))
            if match[3] and match[3].count(".") < 2 and "/" not in match[3]
            else constant(0)
        )
        middle = middle if match[2] == "-" else -middle
        if match[3] is None or middle.terms:
            return _interval(str(middle - size), sides[1], sides[1], str(middle + size))
    if (match := _ABSOLUTE.fullmatch(sides[2])) and not match[3] and (low := constant_of(sides[0])) is not None:
        size = low.constant
        if size is not None and size > 0:  # `|x| > 3`
            left, right = ("]", "[") if sides[1] == "<=" else (")", "(")
            return Form(f"(-\\infty, {-low}{left} \\cup {right}{low}, \\infty)", low.exact)
    try:
        difference = polynomial(sides[0]) - polynomial(sides[2])
        terms = difference.ordered()
        if not terms or difference.constant is not None:
            return None
        monomial, coefficient = terms[0]
        scaled = difference * constant(1 / abs(coefficient))
    except NoNormalForm:
        return None
    rest = Polynomial({other: -factor for other, factor in scaled.terms.items() if other != monomial})
    if (
        monomial.radicand == 1
        and len(monomial.powers) == 1
        and rest.is_constant
        and _SYMBOL.fullmatch(monomial.powers[0][0])
    ):
        exponent = monomial.powers[0][1]
        closed = sides[1] == "<="
        if exponent == 1 and coefficient > 0:
            return Form(f"(-\\infty, {rest}{']' if closed else ')'}", rest.exact)
        if exponent == 1:
            return Form(f"{'[' if closed else '('}{-rest}, \\infty)", rest.exact)
        if exponent == 2 and coefficient > 0 and (square := rest.constant) is not None and square > 0:
            try:
                bound = root(constant(square), 2)
            except NoNormalForm:
                return None
            return _interval(str(-bound), sides[1], sides[1], str(bound))
        if exponent == 2 and coefficient < 0 and (square := rest.constant) is not None and square < 0:
            try:
                bound = root(constant(-square), 2)
            except NoNormalForm:
                return None
            left, right = ("]", "[") if sides[1] == "<=" else (")", "(")
            return Form(f"(-\\infty, {-bound}{left} \\cup {right}{bound}, \\infty)", bound.exact)
    return Form(f"{scaled} {sides[1]} 0", False)


def _interval(low: str, low_relation: str, high_relation: str, high: str) -> Form | None:
    ends = [constant_of(low), constant_of(high)]
    if ends[0] is None or ends[1] is None:
        return None
    brackets = "[" if low_relation == "<=" else "(", "]" if high_relation == "<=" else ")"
    return Form(f"{brackets[0]}{ends[0]}, {ends[1]}{brackets[1]}", ends[0].exact and ends[1].exact)
