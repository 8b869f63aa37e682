"""Turns an expression's tree into its polynomial: exact, within bounds."""

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from math import ceil, comb, factorial, floor, gcd, lcm

from w2s.answers.algebra.errors import NoNormalForm
from w2s.answers.algebra.parser import parse
from w2s.answers.algebra.polynomial import Polynomial, constant, inverse, root, symbol
from w2s.answers.algebra.tree import Node

MAX_FACTORIAL = 25
MAX_CHOOSE = 1000
MAX_SERIES = 200


def polynomial(text: str) -> Polynomial:
    """The polynomial that `text` denotes. Raises NoNormalForm if it is no expression, or beyond a bound."""
    if "\\infty" in text and text.strip() not in ("\\infty", "-\\infty", "+\\infty"):
        raise NoNormalForm  # infinity - infinity has no value
    return polynomial_of(parse(text))


def polynomial_of(node: Node) -> Polynomial:
    """The polynomial of a tree. Raises NoNormalForm beyond a bound and for a division by zero."""
    match node.op:
        case "number":
            return constant(node.number)
        case "symbol":
            return symbol(node.name)
        case "power":
            return _power(node)
        case "root":
            index = polynomial_of(node.args[0]).constant
            if index is None or index < 1 or index.denominator != 1:
                raise NoNormalForm
            return root(polynomial_of(node.args[1]), index.numerator)
        case "function" | "application":
            return symbol(f"{node.name}({', '.join(str(polynomial_of(arg)) for arg in node.args)})")
        case "sum_over" | "product_over":
            return _series(node)
        case "degrees":
            return polynomial_of(node.args[0]) * constant(Fraction(1, 180)) * symbol("pi")
        case "floor" | "ceil" | "gcd" | "lcm" | "max" | "min" | "mod":
            return _of_numbers(node.op, [polynomial_of(arg) for arg in node.args])
        case _:
            return _arithmetic(node.op, [polynomial_of(arg) for arg in node.args])


@lru_cache(maxsize=1 << 12)
def _power(node: Node) -> Polynomial:
    """Cached, because a power is the dearest operation, and answers repeat theirs."""
    base, exponent = (polynomial_of(arg) for arg in node.args)
    value = exponent.constant
    return base.power(value) if value is not None else symbol(f"(({base})^({exponent}))")


def _arithmetic(op: str, values: list[Polynomial]) -> Polynomial:
    first = values[0]
    match op:
        case "sum":
            for value in values[1:]:
                first = first + value
            return first
        case "product":
            for value in values[1:]:
                first = first * value
            return first
        case "negative":
            return -first
        case "inverse":
            return inverse(first)
        case "factorial":
            return _factorial(first)
        case "choose":
            return _choose(first, values[1])
        case _:
            assert op == "absolute"
            return constant(abs(first.constant)) if first.constant is not None else symbol(f"(|{first}|)")


def _series(node: Node) -> Polynomial:
    """A sum or product over whole numbers, term by term; a symbol's bound leaves it as written."""
    low, high = (polynomial_of(bound) for bound in node.args[:2])
    if low.constant is None or high.constant is None:
        body = polynomial_of(node.args[2])
        return symbol(f"\\{'sum' if node.op == 'sum_over' else 'prod'}[{node.name}, {low}, {high}]({body})")
    total = constant(0 if node.op == "sum_over" else 1)
    for value in series_range(low.constant, high.constant):
        term = polynomial_of(inserted(node.args[2], node.name, Fraction(value)))
        total = total + term if node.op == "sum_over" else total * term
    return total


def series_range(low: Fraction, high: Fraction) -> range:
    """The whole numbers of a sum. Raises NoNormalForm for bounds that are not whole, and for too many terms."""
    if low.denominator != 1 or high.denominator != 1 or high - low >= MAX_SERIES:
        raise NoNormalForm
    return range(low.numerator, high.numerator + 1)


def inserted(node: Node, name: str, value: Fraction) -> Node:
    """The tree with a number in place of a symbol."""
    if node.op == "symbol":
        return (
            Node("number", number=abs(value))
            if node.name == name and value >= 0
            else (Node("negative", (Node("number", number=-value),)) if node.name == name else node)
        )
    return node._replace(args=tuple(inserted(arg, name, value) for arg in node.args))


def of_numbers(name: str, values: list[Fraction]) -> Fraction:
    """A function of rational numbers. Raises NoNormalForm where it is not defined, such as gcd of fractions."""
    whole = all(value.denominator == 1 for value in values)
    if name in ("gcd", "lcm") and whole:
        return Fraction(_WHOLE[name](*(value.numerator for value in values)))
    if name in ("floor", "ceil") and len(values) == 1:
        return Fraction(floor(values[0]) if name == "floor" else ceil(values[0]))
    if name == "mod" and len(values) == 2 and values[1] > 0:
        return values[0] % values[1]
    if name in ("max", "min"):
        return max(values) if name == "max" else min(values)
    raise NoNormalForm


_WHOLE: dict[str, Callable[..., int]] = {"gcd": gcd, "lcm": lcm}


def _of_numbers(name: str, values: list[Polynomial]) -> Polynomial:
    constants = [value.constant for value in values]
    if all(value is not None for value in constants):
        return constant(of_numbers(name, [value for value in constants if value is not None]))
    return symbol(f"{name}({', '.join(map(str, values))})")


def _factorial(base: Polynomial) -> Polynomial:
    value = base.constant
    if value is None or value.denominator != 1 or not 0 <= value <= MAX_FACTORIAL:
        return symbol(f"(({base})!)")
    return constant(factorial(value.numerator))


def _choose(total: Polynomial, chosen: Polynomial) -> Polynomial:
    n, k = total.constant, chosen.constant
    if n is None and k is not None and k.denominator == 1 and 0 <= k <= 8:
        value = constant(Fraction(1, factorial(k.numerator)))
        for step in range(k.numerator):
            value = value * (total - constant(step))
        return value
    if n is None or k is None or n.denominator != 1 or k.denominator != 1 or not 0 <= k <= n <= MAX_CHOOSE:
        raise NoNormalForm
    return constant(comb(n.numerator, k.numerator))


def constant_of(text: str) -> Polynomial | None:
    """The value of an expression without variables; None for every other text."""
    try:
        value = polynomial(text)
    except NoNormalForm:
        return None
    return value if value.is_constant else None
