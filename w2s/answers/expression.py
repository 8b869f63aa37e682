"""Parses one expression, LaTeX or plain (`\\frac{1}{2}x^2`, `1/2*x^2`), into a polynomial. Nothing is ever evaluated as code."""

import re
from fractions import Fraction
from math import comb, factorial

from .polynomial import NoNormalForm, Polynomial, constant, root, symbol

MAX_DEPTH = 25
MAX_FACTORIAL = 25
MAX_CHOOSE = 200

_FUNCTIONS = ("arcsin", "arccos", "arctan", "sin", "cos", "tan", "cot", "sec", "csc", "log", "ln", "exp", "lg")
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3}(?![\d.]))?)"
    r"|(?P<name>\\[A-Za-z]+|sqrt|pi|" + "|".join(_FUNCTIONS) + r"|[A-Za-z])"
    r"|(?P<mark>[-+*/^_(){}\[\]|!'])|(?P<other>\S))",
    re.ASCII,
)
_GREEK = frozenset(
    (
        *("alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "vartheta", "iota", "kappa", "lambda", "mu"),
        *("nu", "xi", "rho", "sigma", "tau", "phi", "varphi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi"),
        *("Sigma", "Phi", "Psi", "Omega", "hbar", "ell", "infty"),
    )
)


def parse(text: str) -> Polynomial:
    """The polynomial that `text` denotes. Raises NoNormalForm where it is no such expression or over a bound."""
    parser = _Parser(text)
    value = parser.sum(0)
    if parser.peek():
        raise NoNormalForm
    return value


class _Parser:
    """Recursive descent: sum, product, power, atom; `depth` bounds the recursion."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        for match in _TOKEN.finditer(text):
            if match["other"]:
                raise NoNormalForm
            self.tokens.append(match["number"] or match["name"] or match["mark"])
        self.tokens.reverse()

    def peek(self) -> str:
        """The next token, '' at the end."""
        return self.tokens[-1] if self.tokens else ""

    def take(self, expected: str = "") -> str:
        """Removes and returns the next head, which must be `expected` where that is given."""
        if not self.tokens or (expected and self.tokens[-1] != expected):
            raise NoNormalForm
        return self.tokens.pop()

    def sum(self, depth: int) -> Polynomial:
        """[+-] product ([+-] product)*"""
        if depth > MAX_DEPTH:
            raise NoNormalForm
        value = constant(0)
        sign = self.take() if self.peek() in ("+", "-") else "+"
        while True:
            term = self.product(depth)
            value = value - term if sign == "-" else value + term
            if self.peek() not in ("+", "-"):
                return value
            sign = self.take()

    def product(self, depth: int) -> Polynomial:
        """power (('*' | '/' | nothing) power)*; `2\\frac{1}{3}` of whole numbers is a mixed number."""
        whole = self.peek()
        value = self.power(depth)
        if whole.isdigit() and self.peek() == "\\frac":
            part = self.power(depth)
            share = part.constant
            mixed = share is not None and 0 < share < 1 and value.constant == int(whole)
            value = value + part if mixed else value * part
        while True:
            head = self.peek()
            if head in ("*", "/"):
                self.take()
                negative = self.peek() == "-" and bool(self.take())
                factor = self.power(depth)
                factor = -factor if negative else factor
                value = value * factor if head == "*" else value / factor
            elif head and (head in "([{" or head[0] == "\\" or head[0].isalpha()):
                value = value * self.power(depth)
            else:
                return value

    def power(self, depth: int) -> Polynomial:
        """atom ['!'] ['^' exponent]; a second '^' has no agreed meaning."""
        base = self.atom(depth)
        if self.peek() == "!":
            self.take()
            base = _factorial(base)
        if self.peek() != "^":
            return base
        self.take()
        exponent = self.sum_in_braces(depth) if self.peek() in ("{", "(") else self.signed(depth)
        if self.peek() == "^":
            raise NoNormalForm
        value = exponent.constant
        return base.power(value) if value is not None else symbol(f"(({base})^({exponent}))")

    def signed(self, depth: int) -> Polynomial:
        """['-'] atom"""
        if self.peek() == "-":
            self.take()
            return -self.atom(depth)
        return self.atom(depth)

    def sum_in_braces(self, depth: int) -> Polynomial:
        """A sum in any brackets."""
        closing = {"(": ")", "{": "}", "[": "]", "|": "|"}[self.take()]
        value = self.sum(depth + 1)
        self.take(closing)
        return value

    def argument(self, depth: int) -> Polynomial:
        """A braced sum, or as in LaTeX one digit or one name."""
        head = self.peek()
        if head == "{":
            return self.sum_in_braces(depth)
        if head.isdigit() and len(head) > 1:
            self.tokens[-1] = head[1:]
            return constant(int(head[0]))
        return self.atom(depth + 1)

    def atom(self, depth: int) -> Polynomial:
        """A number, a symbol with its subscript, a bracket, a fraction, a root or a function."""
        if depth > MAX_DEPTH:
            raise NoNormalForm
        head = self.peek()
        if head in ("(", "{", "["):
            return self.sum_in_braces(depth)
        if head == "|":
            inside = self.sum_in_braces(depth)
            value = inside.constant
            return constant(abs(value)) if value is not None else symbol(f"(|{inside}|)")
        head = self.take()
        if head[0].isdigit() or head[0] == ".":
            return constant(Fraction(head.removesuffix(".")))
        name = head.removeprefix("\\")
        if name == "frac":
            over = self.argument(depth)
            return over / self.argument(depth)
        if name == "sqrt":
            return self.root(depth)
        if name in _FUNCTIONS:
            return self.function(name, depth)
        if name == "binom":
            total = self.argument(depth)
            return _choose(total, self.argument(depth))
        if name in _GREEK:
            return symbol(f"\\{name}" + self.subscript())
        if not head[0].isalpha() and name != "pi":
            raise NoNormalForm
        return symbol(name + self.subscript())

    def root(self, depth: int) -> Polynomial:
        """`\\sqrt[n]{x}`, `\\sqrt{x}`, `sqrt(x)`, `\\sqrt2`."""
        index = self.sum_in_braces(depth).constant if self.peek() == "[" else Fraction(2)
        if index is None or index < 1 or index.denominator != 1:
            raise NoNormalForm
        return root(self.atom(depth + 1), index.numerator)

    def function(self, name: str, depth: int) -> Polynomial:
        """`\\sin^2 x`, `log_2(8)`: an opaque atom of the function and its argument's normal form."""
        name += self.subscript()
        exponent = constant(1)
        if self.peek() == "^":
            self.take()
            exponent = self.argument(depth)
        if self.peek() == "(":
            inside = self.sum_in_braces(depth)
        else:
            inside = self.power(depth + 1)
            while self.peek() and self.peek() not in _FUNCTIONS and (self.peek()[0].isalnum() or self.peek()[1:] in {"pi", *_GREEK}):
                inside = inside * self.power(depth + 1)
        value = exponent.constant
        if value is None:
            raise NoNormalForm
        return symbol(f"{name}({inside})").power(value)

    def subscript(self) -> str:
        """`_1`, `_{max}`, `_\\theta` as part of a name."""
        if self.peek() != "_":
            return ""
        self.take()
        parts: list[str] = []
        if self.peek() == "{":
            self.take()
            while self.peek() != "}":
                parts.append(self.take())
            self.take()
        else:
            parts.append(self.take())
        if not parts or any(not part[0].isalnum() and part[1:] not in _GREEK for part in parts):
            raise NoNormalForm
        text = "".join(parts)
        return f"_{{{text}}}" if len(parts) > 1 else f"_{text}"


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
