"""Turns an expression's tree into its polynomial: exact, within bounds."""

from math import comb, factorial

from w2s.answers.algebra.errors import NoNormalForm
from w2s.answers.algebra.parser import parse
from w2s.answers.algebra.polynomial import Polynomial, constant, root, symbol
from w2s.answers.algebra.tree import Node

MAX_FACTORIAL = 25
MAX_CHOOSE = 200


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
            base, exponent = (polynomial_of(arg) for arg in node.args)
            value = exponent.constant
            return base.power(value) if value is not None else symbol(f"(({base})^({exponent}))")
        case "root":
            index = polynomial_of(node.args[0]).constant
            if index is None or index < 1 or index.denominator != 1:
                raise NoNormalForm
            return root(polynomial_of(node.args[1]), index.numerator)
        case "function":
            return symbol(f"{node.name}({polynomial_of(node.args[0])})")
        case _:
            return _arithmetic(node.op, [polynomial_of(arg) for arg in node.args])


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
            return constant(1) / first
        case "factorial":
            return _factorial(first)
        case "choose":
            return _choose(first, values[1])
        case _:
            assert op == "absolute"
            return constant(abs(first.constant)) if first.constant is not None else symbol(f"(|{first}|)")


def _factorial(base: Polynomial) -> Polynomial:
    value = base.constant
    if value is None or value.denominator != 1 or not 0 <= value <= MAX_FACTORIAL:
        return symbol(f"(({base})!)")
    return constant(factorial(value.numerator))


def _choose(total: Polynomial, chosen: Polynomial) -> Polynomial:
    n, k = total.constant, chosen.constant
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
