"""The value of an expression's tree at a point: rational values exactly, others to 120 digits, every step and number bounded."""

# mpmath comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import hashlib
import operator
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any, Literal, NamedTuple

from w2s.answers.algebra.expression import Node

DIGITS = 120
_MAX_BITS = 2000
_MAX_SIZE = 10**30
"""A computed value above it could lose, in a difference, the digits that are compared."""
_MAX_ANGLE = 10**6
_MIN_ANGLE = 10.0**-50
"""A function's value at a smaller one could not be told from 0."""
ANGLES = ("sin", "cos", "tan", "cot", "sec", "csc")

Value = Any
"""Fraction, or mpmath's mpf or mpc."""


class _Unknown(Exception):
    """The expression has no value at this point, or none within the bounds."""


class Reading(NamedTuple):
    """One way to read what a text leaves open, on one domain."""

    domain: Literal["positive", "any", "whole"]
    """Of the variables: rationals in (1/2, 5/2), the same with signs, whole numbers from 1 to 9."""
    log: Literal["any base", "natural", "decimal"]
    """The base of `log` without one."""
    degrees: bool
    """Whether a trigonometric function of a plain number means degrees."""


@cache
def mpmath_context() -> Any:
    """mpmath at `DIGITS` digits; a context of its own, which no other user of mpmath changes."""
    import mpmath  # 0.1 s, and few answers need it

    context = mpmath.MPContext()
    context.dps = DIGITS
    return context


def value_at(tree: Node, reading: Reading, index: int) -> Value | None:
    """The value at a domain's point `index`, None where there is none within the bounds."""
    try:
        return _evaluate(tree, reading, index)
    except (
        _Unknown,
        ZeroDivisionError,
        ValueError,
        OverflowError,
    ):  # the last three are what mpmath raises at poles and over its bounds
        return None


def names_in(node: Node) -> frozenset[str]:
    """Symbols, and `log ` where the base of a logarithm is open."""
    below = frozenset[str]().union(*(names_in(arg) for arg in node.args))
    if node.op == "symbol":
        return below | {node.name}
    return below | {"log "} if node.op == "function" and node.name == "log" else below


def _point(name: str, domain: str, index: int) -> Fraction:
    """A variable's value at a point: the same for every expression and every run."""
    digest = hashlib.sha256(f"{name} {index}".encode("utf-8", "surrogatepass")).digest()
    if domain == "whole":
        return Fraction(1 + digest[0] % 9)
    size = Fraction(1, 2) + Fraction(2 * int.from_bytes(digest[1:5]), 2**32 + 15)
    return -size if domain == "any" and (index == 0 or digest[5] % 2) else size


def to_float(value: Value) -> Value:
    """`value` as mpmath's number."""
    return mpmath_context().mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else value


def _bounded(value: Value) -> Value:
    if isinstance(value, Fraction):
        return (
            value
            if max(value.numerator.bit_length(), value.denominator.bit_length()) <= _MAX_BITS
            else _bounded(to_float(value))
        )
    if not abs(value) <= _MAX_SIZE:
        raise _Unknown
    return value


def _evaluate(node: Node, reading: Reading, index: int) -> Value:
    if node.op == "number":
        return _bounded(node.number)
    if node.op == "symbol":
        return _symbol(node.name, reading, index)
    values = [_evaluate(arg, reading, index) for arg in node.args]
    if node.op == "function":
        return _bounded(_function(node, values[0], reading, index))
    return _bounded(_OPERATIONS[node.op](*values))


def _symbol(name: str, reading: Reading, index: int) -> Value:
    if name == "\\infty":
        raise _Unknown
    constants: dict[str, Callable[[], Value]] = {
        "pi": lambda: +mpmath_context().pi,
        "e": lambda: mpmath_context().exp(1),
        "i": lambda: mpmath_context().mpc(0, 1),
    }
    return constants[name]() if name in constants else _point(name, reading.domain, index)


def _sum(*values: Value) -> Value:
    exact = sum((v for v in values if isinstance(v, Fraction)), Fraction(0))
    others = [v for v in values if not isinstance(v, Fraction)]
    if not others:
        return exact
    result = _bounded(sum(others[1:], others[0]) + to_float(exact))
    return _or_zero(result, max(abs(value) for value in (*others, to_float(exact))))


def _or_zero(value: Value, size: Value) -> Value:
    """0 for what is left of terms of `size` that cancel: only their rounding."""
    return Fraction(0) if abs(value) <= size * mpmath_context().mpf(10) ** -100 else value


def _product(*values: Value) -> Value:
    result: Value = Fraction(1)
    for value in values:
        both = isinstance(result, Fraction) and isinstance(value, Fraction)
        result = _bounded(result * value if both else to_float(result) * to_float(value))
    return result


def _inverse(value: Value) -> Value:
    return 1 / value


def _power(base: Value, exponent: Value) -> Value:
    context = mpmath_context()
    if isinstance(exponent, Fraction):
        if exponent.denominator == 1 and abs(exponent) <= 1000:
            if (
                isinstance(base, Fraction)
                and abs(exponent) * max(base.numerator.bit_length(), base.denominator.bit_length()) <= _MAX_BITS
            ):
                return base ** int(exponent)
            return to_float(base) ** int(exponent)
        if exponent.denominator != 1 and exponent.denominator <= 64:
            return _power(_root(Fraction(exponent.denominator), base), Fraction(exponent.numerator))
    base, exponent = to_float(base), to_float(exponent)
    if base == 0:
        raise _Unknown
    return _exp(exponent * context.ln(base))


def _root(index: Value, value: Value) -> Value:
    """The real root where there is one, as in normal_form.py, else the principal one."""
    if not isinstance(index, Fraction) or index.denominator != 1 or not 1 <= index <= 64:
        raise _Unknown
    context, value = mpmath_context(), to_float(value)
    if isinstance(value, context.mpf) and value < 0 and index % 2:
        return -context.root(-value, int(index))
    return context.root(value, int(index))


def _exp(value: Value) -> Value:
    if abs(value) > 200:
        raise _Unknown
    return mpmath_context().exp(to_float(value))


def _factorial(value: Value) -> Value:
    if not isinstance(value, Fraction) or abs(value) > 170:
        raise _Unknown
    return mpmath_context().gamma(to_float(value + 1))


def _choose(total: Value, chosen: Value) -> Value:
    if not (isinstance(total, Fraction) and isinstance(chosen, Fraction)):
        raise _Unknown
    return _product(_factorial(total), _inverse(_product(_factorial(chosen), _factorial(total - chosen))))


_OPERATIONS: dict[str, Callable[..., Value]] = {
    **{
        "sum": _sum,
        "product": _product,
        "inverse": _inverse,
        "power": _power,
        "root": _root,
        "factorial": _factorial,
        "choose": _choose,
    },
    "negative": operator.neg,
    "absolute": abs,
}


def _function(node: Node, value: Value, reading: Reading, index: int) -> Value:
    context, (name, _, base) = mpmath_context(), node.name.partition("_")
    if name in ("log", "ln", "lg"):
        return _logarithm(name, base.strip("{}"), value, reading, index)
    if base or abs(value) > _MAX_ANGLE:
        raise _Unknown
    if name == "exp":
        return _exp(value)
    if reading.degrees and name in ANGLES and not names_in(node.args[0]):
        value = to_float(value) * context.pi / 180
    if name in ("sinh", "cosh", "tanh") and abs(value) > 100:
        raise _Unknown
    call = {"arcsin": context.asin, "arccos": context.acos, "arctan": context.atan}.get(name) or getattr(context, name)
    if value != 0 and abs(value) < _MIN_ANGLE:
        raise _Unknown
    return _or_zero(call(to_float(value)), 1 + abs(value))


def _logarithm(name: str, base: str, value: Value, reading: Reading, index: int) -> Value:
    if name == "lg" or (name == "log" and not base and reading.log == "decimal"):
        base = "10"
    if name == "log" and not base and reading.log == "any base":
        return _product(_ln(value), _point("log", "positive", index))
    if base in ("", "e"):
        return _ln(value)
    if base.isdigit() and len(base) < 9 and int(base) > 1:
        return _product(_ln(value), _inverse(_ln(Fraction(int(base)))))
    if len(base) == 1 and base.isalpha() and base != "i":
        return _product(_ln(value), _inverse(_ln(_point(base, reading.domain, index))))
    raise _Unknown


def _ln(value: Value) -> Value:
    if value == 0 or (value != 1 and abs(value - 1) < _MIN_ANGLE):
        raise _Unknown
    return _or_zero(mpmath_context().ln(to_float(value)), 1)
