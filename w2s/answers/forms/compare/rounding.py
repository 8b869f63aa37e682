"""Whether two numbers may be one value, of which at least one is rounded."""

from fractions import Fraction

from w2s.answers.algebra.number import number
from w2s.answers.algebra.same_value import size_of

TOLERANCE = Fraction(1, 20)
"""The relative distance that rounding may explain; 5 and 5.4 differ by more."""
RELATIVE = Fraction(1, 100)


def may_be_rounded(a: str, b: str) -> bool:
    """Whether one number is the other rounded to its own digits, or the two are within 1 % of each other.

    The first needs a relative distance of at most 5 % and two digits of the shorter number. Whole numbers of the same
    size differ: 10 and 11, 2004 and 2005.
    """
    first, second = number(a), number(b)
    if first is not None and second is not None and first.denominator == second.denominator == 1:
        return False
    x, y = size_of(a), size_of(b)
    if x is None or y is None or x * y <= 0 or abs(x) == float("inf") or abs(y) == float("inf"):
        return False
    x, y = (
        Fraction(str(x)) if not isinstance(x, Fraction) else x,
        Fraction(str(y)) if not isinstance(y, Fraction) else y,
    )
    distance = abs(x - y) / max(abs(x), abs(y))
    if distance <= RELATIVE:
        return True
    return distance <= TOLERANCE and (_rounds_to(x, y) or _rounds_to(y, x))


def _rounds_to(exact: Fraction, rounded: Fraction) -> bool:
    """Whether `rounded` has at most 6 decimals and is `exact` to that many."""
    for decimals in range(7):
        scale = 10**decimals
        if (rounded * scale).denominator == 1:
            return abs(exact - rounded) * scale * 2 <= 1
    return False
