"""The value of an expression's tree at a point: rational values exact, others with 120 digits.

Every step and every number is bounded, and no text is evaluated as code.
"""

# mpmath comes without types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import operator
from collections.abc import Callable
from fractions import Fraction
from math import comb, factorial

from w2s.answers.algebra.errors import NoNormalForm
from w2s.answers.algebra.functions import ANGLES, exponential, function
from w2s.answers.algebra.normal_form import inserted, of_numbers, series_range
from w2s.answers.algebra.points import Reading, point
from w2s.answers.algebra.precision import MAX_BITS, NoValue, Value, bounded, mpmath_context, or_zero, product, to_float
from w2s.answers.algebra.roots import whole_root
from w2s.answers.algebra.tokens import OF_NUMBERS
from w2s.answers.algebra.tree import Node

MAX_EXACT_FACTORIAL = 3000
_MAX_RATIO = 10**45
"""Of two terms of a sum that are not both rational."""

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
    if node.op in ("sum_over", "product_over"):
        return below - {node.name}
    if node.op in ("symbol", "application"):
        return below | {node.name}
    return below | {OPEN_BASE} if node.op == "function" and node.name == "log" else below


def _evaluate(node: Node, reading: Reading, index: int) -> Value:
    if node.op == "number":
        return bounded(node.number)
    if node.op == "symbol":
        return _symbol(node.name, reading, index)
    if node.op in ("sum_over", "product_over"):
        return _series(node, reading, index)
    values = [_evaluate(arg, reading, index) for arg in node.args]
    if node.op == "application":
        if not all(isinstance(value, Fraction) for value in values):
            raise NoValue
        return point(f"{node.name}({', '.join(map(str, values))})", reading.domain, index)
    if node.op == "degrees":
        return product(values[0], mpmath_context().pi, Fraction(1, 180))
    if node.op in OF_NUMBERS:
        return _of_numbers(node.op, values)
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
    sizes = [size for size in map(abs, (*others, to_float(exact))) if size]
    if sizes and max(sizes) > min(sizes) * _MAX_RATIO:
        raise NoValue  # the smaller term would be lost in the rounding
    result = bounded(sum(others[1:], others[0]) + to_float(exact))
    return or_zero(result, max(abs(value) for value in (*others, to_float(exact))))


def _inverse(value: Value) -> Value:
    return 1 / value


def _power(base: Value, exponent: Value) -> Value:
    if isinstance(exponent, Fraction):
        if exponent.denominator == 1 and abs(exponent) <= MAX_BITS:
            exact = isinstance(base, Fraction) and abs(exponent) * _bits(base) <= MAX_BITS
            return (base if exact else to_float(base)) ** int(exponent)
        if exponent.denominator != 1 and exponent.denominator <= 64:
            exact_root = whole_root(base, exponent.denominator) if isinstance(base, Fraction) else None
            if exact_root is not None:
                return _power(exact_root, Fraction(exponent.numerator))
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


def _series(node: Node, reading: Reading, index: int) -> Value:
    low, high = (_evaluate(bound, reading, index) for bound in node.args[:2])
    if not (isinstance(low, Fraction) and isinstance(high, Fraction)):
        raise NoValue
    try:
        steps = series_range(low, high)
    except NoNormalForm:
        raise NoValue from None
    terms = [_evaluate(inserted(node.args[2], node.name, Fraction(step)), reading, index) for step in steps]
    if node.op == "product_over":
        return product(*terms)
    return bounded(_sum(*terms)) if terms else Fraction(0)


def _of_numbers(name: str, values: list[Value]) -> Value:
    if not all(isinstance(value, Fraction) for value in values):
        if name not in ("floor", "ceil"):
            raise NoValue
        size = values[0]
        if (
            not isinstance(size, mpmath_context().mpf)
            or abs(size - mpmath_context().nint(size)) < mpmath_context().mpf(10) ** -40
        ):
            raise NoValue
        return Fraction(int(mpmath_context().floor(size))) + (name == "ceil")
    try:
        return of_numbers(name, values)
    except NoNormalForm:
        raise NoValue from None


def _factorial(value: Value) -> Value:
    if isinstance(value, Fraction) and value.denominator == 1 and 0 <= value <= MAX_EXACT_FACTORIAL:
        return Fraction(factorial(value.numerator))
    if not isinstance(value, Fraction) or abs(value) > 170:
        raise NoValue
    return mpmath_context().gamma(to_float(value + 1))


def _choose(total: Value, chosen: Value) -> Value:
    if not (isinstance(total, Fraction) and isinstance(chosen, Fraction)):
        raise NoValue
    if total.denominator == 1 == chosen.denominator and 0 <= chosen <= total <= MAX_EXACT_FACTORIAL:
        return Fraction(comb(total.numerator, chosen.numerator))
    return product(_factorial(total), _inverse(product(_factorial(chosen), _factorial(total - chosen))))


_OPERATIONS: dict[str, Callable[..., Value]] = {
    **{"sum": _sum, "product": product, "inverse": _inverse, "power": _power, "root": _root},
    **{"factorial": _factorial, "choose": _choose, "negative": operator.neg, "absolute": abs},
}
