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
        return _between(sides[0], sides[1], sides[3], sides[4])
    if len(sides) != 3:
        return None
    return _of_distance(*sides) or _of_polynomial(*sides)


def _of_distance(left: str, relation: str, right: str) -> Form | None:
    """`|x - 1| < 3` is `(-2, 4)`, `|x| > 3` a union; None for other inequalities."""
    if (match := _ABSOLUTE.fullmatch(left)) and (size := constant_of(right)) is not None:
        middle = _middle(match)
        if match[3] is None or middle.terms:
            return _between(str(middle - size), relation, relation, str(middle + size))
    if (match := _ABSOLUTE.fullmatch(right)) and not match[3] and (low := constant_of(left)) is not None:
        return _outside(low, relation) if low.constant is not None and low.constant > 0 else None
    return None


def _middle(match: re.Match[str]) -> Polynomial:
    """1 for `|x - 1|`; 0 for `|x|` and for what is no number."""
    shift = match[3]
    if not shift or shift.count(".") > 1 or "/" in shift:
        return constant(0)
    return constant(Fraction(shift)) if match[2] == "-" else -constant(Fraction(shift))


def _of_polynomial(left: str, relation: str, right: str) -> Form | None:
    """The interval of a linear or pure quadratic inequality in one symbol, else `p < 0` with leading coefficient 1."""
    try:
        difference = polynomial(left) - polynomial(right)
        terms = difference.ordered()
        if not terms or difference.constant is not None:
            return None
        monomial, coefficient = terms[0]
        scaled = difference * constant(1 / abs(coefficient))
    except NoNormalForm:
        return None
    rest = Polynomial({other: -factor for other, factor in scaled.terms.items() if other != monomial})
    one_power = monomial.radicand == 1 and len(monomial.powers) == 1 and rest.is_constant
    if one_power and _SYMBOL.fullmatch(monomial.powers[0][0]):
        exponent = monomial.powers[0][1]
        if exponent == 1:
            return _half_line(rest, relation, below=coefficient > 0)
        square = rest.constant if coefficient > 0 else (-rest).constant
        if exponent == 2 and square is not None and square > 0:
            return _of_square(square, relation, below=coefficient > 0)
    return Form(f"{scaled} {relation} 0", False)


def _half_line(bound: Polynomial, relation: str, below: bool) -> Form:
    """x < bound, or -x < bound."""
    left, right = ("[", "]") if relation == "<=" else ("(", ")")
    return Form(f"(-\\infty, {bound}{right}" if below else f"{left}{-bound}, \\infty)", bound.exact)


def _of_square(square: Fraction, relation: str, below: bool) -> Form | None:
    """x^2 < square, or x^2 > square."""
    try:
        bound = root(constant(square), 2)
    except NoNormalForm:
        return None
    return _between(str(-bound), relation, relation, str(bound)) if below else _outside(bound, relation)


def _outside(bound: Polynomial, relation: str) -> Form:
    """|x| > bound."""
    left, right = ("]", "[") if relation == "<=" else (")", "(")
    return Form(f"(-\\infty, {-bound}{left} \\cup {right}{bound}, \\infty)", bound.exact)


def _between(low: str, low_relation: str, high_relation: str, high: str) -> Form | None:
    ends = [constant_of(low), constant_of(high)]
    if ends[0] is None or ends[1] is None:
        return None
    brackets = "[" if low_relation == "<=" else "(", "]" if high_relation == "<=" else ")"
    return Form(f"{brackets[0]}{ends[0]}, {ends[1]}{brackets[1]}", ends[0].exact and ends[1].exact)
