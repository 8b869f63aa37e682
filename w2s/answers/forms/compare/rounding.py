"""Whether two numbers may be one value, of which at least one is rounded."""

from fractions import Fraction

from w2s.answers.algebra.number import number
from w2s.answers.algebra.same_value import size_of

TOLERANCE = Fraction(1, 20)
"""The relative distance that rounding may explain; 5 and 5.4 differ by more."""
_MAX_DIGITS = 6
"""Of a rounded number."""


def may_be_rounded(a: str, b: str, measured: bool = False) -> bool:
    """Whether one number is the other rounded to its own digits, at most 5 % away: 0.667 and 2/3, 3.14 and pi.

    Whole numbers below a million are counts, and never rounded: 100 and 101 differ. Of `measured` numbers, one of two
    digits and two zeros may be rounded: 12300 J and 12345 J.
    """
    first, second = number(a), number(b)
    if first is not None and second is not None and first.denominator == second.denominator == 1:
        small = max(abs(first), abs(second)) < 10**6
        if small and not (measured and any(abs(value) > 1000 and value % 100 == 0 for value in (first, second))):
            return False
    x, y = size_of(a), size_of(b)
    if not isinstance(x, Fraction) or not isinstance(y, Fraction) or x * y <= 0:
        return False
    distance = abs(x - y) / max(abs(x), abs(y))
    return distance <= TOLERANCE and (_rounds_to(x, y) or _rounds_to(y, x))


def within(a: str, b: str, tolerance: float) -> bool:
    """Whether two numbers may be one value rounded and are at most `tolerance` apart."""
    x, y = size_of(a), size_of(b)
    return x is not None and y is not None and may_be_rounded(a, b) and abs(x - y) <= tolerance


def _rounds_to(exact: Fraction, rounded: Fraction) -> bool:
    """Whether `rounded` is a decimal of at most 6 digits and `exact` to its last one."""
    digits, power = abs(rounded), 0
    while digits.denominator != 1 and power < 400:
        digits, power = digits * 10, power + 1
    if digits.denominator != 1:
        return False
    whole = digits.numerator
    while whole and whole % 10 == 0:
        whole, power = whole // 10, power - 1
    return len(str(whole)) <= _MAX_DIGITS and abs(exact - rounded) * 2 * Fraction(10) ** power <= 1
