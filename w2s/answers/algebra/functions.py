"""Values of functions: trigonometric, hyperbolic, exponential and logarithms, each on a bounded domain."""

# mpmath comes without types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from fractions import Fraction

from w2s.answers.algebra.points import Reading, point
from w2s.answers.algebra.precision import NoValue, Value, mpmath_context, or_zero, product, to_float

ANGLES = ("sin", "cos", "tan", "cot", "sec", "csc")
_MAX_ANGLE = 10**6
_MIN_ANGLE = 10.0**-30
"""The value of a function at a smaller angle could not be told from its value at 0."""
_MPMATH_NAMES = {"arcsin": "asin", "arccos": "acos", "arctan": "atan"}


def function(name: str, value: Value, reading: Reading, index: int, degrees: bool) -> Value:
    """The function `name` (with its subscript) of `value`, which is an angle in degrees with `degrees`.

    `reading` and the point's `index` decide an open base of a logarithm. Raises NoValue outside the bounds.
    """
    name, _, base = name.partition("_")
    if name in ("log", "ln", "lg"):
        return _logarithm(name, base.strip("{}"), value, reading, index)
    if base or abs(value) > _MAX_ANGLE:
        raise NoValue
    if name == "exp":
        return exponential(value)
    if degrees:
        value = to_float(value) * mpmath_context().pi / 180
    if name in ("sinh", "cosh", "tanh") and abs(value) > 100:
        raise NoValue
    if value != 0 and abs(value) < _MIN_ANGLE:
        raise NoValue
    if name == "cis":
        context = mpmath_context()
        return or_zero(context.expj(to_float(value)), 1)
    call = getattr(mpmath_context(), _MPMATH_NAMES.get(name, name))
    return or_zero(call(to_float(value)), 1 + abs(value))


def exponential(value: Value) -> Value:
    """e to the power of `value`."""
    if abs(value) > 200:
        raise NoValue
    return mpmath_context().exp(to_float(value))


def _logarithm(name: str, base: str, value: Value, reading: Reading, index: int) -> Value:
    if name == "lg" or (name == "log" and not base and reading.log == "decimal"):
        base = "10"
    if name == "log" and not base and reading.log == "any base":
        return product(_ln(value), point("log", "positive", index))
    if base in ("", "e"):
        return _ln(value)
    if base.isdigit() and len(base) < 9 and int(base) > 1:
        return product(_ln(value), 1 / _ln(Fraction(int(base))))
    if len(base) == 1 and base.isalpha() and base != "i":
        return product(_ln(value), 1 / _ln(point(base, reading.domain, index)))
    raise NoValue


def _ln(value: Value) -> Value:
    if value == 0 or (value != 1 and abs(value - 1) < _MIN_ANGLE):
        raise NoValue
    return or_zero(mpmath_context().ln(to_float(value)), 1)
