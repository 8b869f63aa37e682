"""The form of one equation: a polynomial that is zero."""

from fractions import Fraction

from w2s.answers.algebra.errors import NoNormalForm
from w2s.answers.algebra.normal_form import polynomial
from w2s.answers.algebra.polynomial import Monomial, Polynomial, constant
from w2s.answers.forms.form import Form
from w2s.answers.forms.numbers.expressions import has_word
from w2s.answers.units.quantities import quantity


def equation_form(left: str, right: str, collapse: bool = True) -> Form | None:
    """left - right = 0 with leading coefficient 1; an equation that gives the value of one symbol becomes that value
    if it may `collapse`.

    None if the sides are no expressions, have words or units, or differ by a constant.
    """
    if any(has_word(side) or (" " in side and quantity(side) is not None) for side in (left, right)):
        return None
    try:
        difference = polynomial(left) - polynomial(right)
        terms = difference.ordered()
        if not terms or difference.constant is not None:
            return None
        if (shared := _denominators(difference)) is not None:
            difference = difference * shared
            terms = difference.ordered()
        scaled = difference * constant(1 / terms[0][1])
    except NoNormalForm:
        return None
    monomial = terms[0][0]
    rest = Polynomial({other: -coefficient for other, coefficient in scaled.terms.items() if other != monomial})
    one_symbol = monomial.radicand == 1 and [exponent for _, exponent in monomial.powers] == [1]
    if collapse and scaled.exact and one_symbol and rest.constant is not None:
        return Form(str(rest), scaled.exact)
    return Form(f"{scaled} = 0", scaled.exact)


def _denominators(value: Polynomial) -> Polynomial | None:
    """The product that clears the negative powers of a polynomial's atoms, as in y = 1/x; None if there are none."""
    lowest: dict[str, int] = {}
    for monomial in value.terms:
        for atom, exponent in monomial.powers:
            if "(" not in atom:  # a factor that is not constant would hide two proportional equations
                lowest[atom] = min(lowest.get(atom, 0), exponent)
    found = None
    for atom, exponent in lowest.items():
        if exponent < 0:
            factor = Polynomial({Monomial(((atom, -exponent),)): Fraction(1)})
            found = factor if found is None else found * factor
    return found
