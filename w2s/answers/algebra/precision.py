"""Numbers of the evaluation: rational ones exact, others with 120 digits of mpmath, all of bounded size."""

# mpmath comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from fractions import Fraction
from functools import cache
from typing import Any

DIGITS = 120
MAX_BITS = 1 << 15
"""Of an exact number's numerator and denominator; a larger number is rounded to `DIGITS`."""
_MAX_SIZE = 10**30
"""A difference of larger values could lose the digits that are compared."""

Value = Any
"""Fraction, or mpmath's mpf or mpc."""


class NoValue(Exception):
    """The expression has no value at this point, or none within the bounds."""


@cache
def mpmath_context() -> Any:
    """mpmath at `DIGITS` digits, in a context of its own, so that no other user of mpmath changes the precision."""
    import mpmath  # late, because it takes 0.1 s and few answers need it

    context = mpmath.MPContext()
    context.dps = DIGITS
    return context


def to_float(value: Value) -> Value:
    """`value` as a number of mpmath."""
    return mpmath_context().mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else value


def bounded(value: Value) -> Value:
    """`value`, rounded if it is a long fraction. Raises NoValue if its size is too large, or not a number."""
    if isinstance(value, Fraction):
        bits = max(value.numerator.bit_length(), value.denominator.bit_length())
        return value if bits <= MAX_BITS else bounded(to_float(value))
    if not abs(value) <= _MAX_SIZE:
        raise NoValue
    return value


def product(*values: Value) -> Value:
    """The product, bounded at every step."""
    result: Value = Fraction(1)
    for value in values:
        exact = isinstance(result, Fraction) and isinstance(value, Fraction)
        result = bounded(result * value if exact else to_float(result) * to_float(value))
    return result


def or_zero(value: Value, size: Value) -> Value:
    """`value`, or exactly 0 if terms of `size` cancelled and only their rounding is left."""
    return Fraction(0) if abs(value) <= size * mpmath_context().mpf(10) ** -100 else value
