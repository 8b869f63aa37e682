"""The value of an expression's tree at a point: rational values exact, others with 120 digits.

Every step and every number is bounded, and no text is evaluated as code.
"""

# mpmath comes without types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import operator
from collections.abc import Callable
from fractions import Fraction

from w2s.answers.algebra.functions import ANGLES, exponential, function
from w2s.answers.algebra.points import Reading, point
from w2s.answers.algebra.precision import MAX_BITS, NoValue, Value, bounded, mpmath_context, or_zero, product, to_float
from w2s.answers.algebra.tree import Node

OPEN_BASE = "log "
"""In `names_in`: a logarithm without a base."""


def value_at(tree: Node, reading: Reading, index: int) -> Value | None:
    """The value at the point `index` of the reading's domain; None if it has none within the bounds."""
    try:
        return _evaluate(tree, reading, index)
    # mpmath raises the last three at poles and beyond its own bounds.
    except (NoValue, ZeroDivisionError, ValueError, OverflowError):
        return None


def names_in(node: Node) -> frozenset[str]:
    """The symbols of a tree, and `OPEN_BASE` if it has a logarithm without a base."""
    below = frozenset[str]().union(*(names_in(arg) for arg in node.args))
    if node.op == "symbol":
        return below | {node.name}
    return below | {OPEN_BASE} if node.op == "function" and node.name == "log" else below


def _evaluate(node: Node, reading: Reading, index: int) -> Value:
    if node.op == "number":
        return bounded(node.number)
    if node.op == "symbol":
        return _symbol(node.name, reading, index)
    values = [_evaluate(arg, reading, index) for arg in node.args]
    if node.op == "function":
        degrees = reading.degrees and node.name in ANGLES and not names_in(node.args[0])
        return bounded(function(node.name, values[0], reading, index, degrees))
    return bounded(_OPERATIONS[node.op](*values))


def _symbol(name: str, reading: Reading, index: int) -> Value:
    match name:
        case "\\infty":
            raise NoValue
        case "pi":
            return +mpmath_context().pi
        case "e":
            return mpmath_context().exp(1)
        case "i":
            return mpmath_context().mpc(0, 1)
        case _:
            return point(name, reading.domain, index)


def _sum(*values: Value) -> Value:
    exact = sum((value for value in values if isinstance(value, Fraction)), Fraction(0))
    others = [value for value in values if not isinstance(value, Fraction)]
    if not others:
        return exact
    result = bounded(sum(others[1:], others[0]) + to_float(exact))
    return or_zero(result, max(abs(value) for value in (*others, to_float(exact))))


def _inverse(value: Value) -> Value:
    return 1 / value


def _power(base: Value, exponent: Value) -> Value:
    if isinstance(exponent, Fraction):
        if exponent.denominator == 1 and abs(exponent) <= 1000:
            exact = isinstance(base, Fraction) and abs(exponent) * _bits(base) <= MAX_BITS
            return (base if exact else to_float(base)) ** int(exponent)
        if exponent.denominator != 1 and exponent.denominator <= 64:
            return _power(_root(Fraction(exponent.denominator), base), Fraction(exponent.numerator))
    base, exponent = to_float(base), to_float(exponent)
    if base == 0:
        raise NoValue
    return exponential(exponent * mpmath_context().ln(base))


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _root(index: Value, value: Value) -> Value:
    """The real root if there is one, as in normal_form.py, else the principal root."""
    if not isinstance(index, Fraction) or index.denominator != 1 or not 1 <= index <= 64:
        raise NoValue
    context, value = mpmath_context(), to_float(value)
    if isinstance(value, context.mpf) and value < 0 and index % 2:
        return -context.root(-value, int(index))
    return context.root(value, int(index))


def _factorial(value: Value) -> Value:
    if not isinstance(value, Fraction) or abs(value) > 170:
        raise NoValue
    return mpmath_context().gamma(to_float(value + 1))


def _choose(total: Value, chosen: Value) -> Value:
    if not (isinstance(total, Fraction) and isinstance(chosen, Fraction)):
        raise NoValue
    return product(_factorial(total), _inverse(product(_factorial(chosen), _factorial(total - chosen))))


_OPERATIONS: dict[str, Callable[..., Value]] = {
    **{"sum": _sum, "product": product, "inverse": _inverse, "power": _power, "root": _root},
    **{"factorial": _factorial, "choose": _choose, "negative": operator.neg, "absolute": abs},
}
