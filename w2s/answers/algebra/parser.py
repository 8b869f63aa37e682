"""Parses one expression, LaTeX or plain (`\\frac{1}{2}x^2`, `1/2*x^2`), into a tree. No text is ever evaluated as code.

Not here: the value of a tree, which normal_form.py computes exactly and evaluation.py at a point.
"""

from fractions import Fraction

from w2s.answers.algebra.errors import NoNormalForm
from w2s.answers.algebra.tokens import FUNCTIONS, GREEK, OF_NUMBERS, tokens
from w2s.answers.algebra.tree import Node

MAX_DEPTH = 25
"""Of nested brackets; it bounds the recursion of the parser and of everything that walks a tree."""

_IN_NAMES = GREEK | frozenset("odot oplus ast star perp parallel prime".split())
_CLOSING = ("\\rfloor", "\\rceil")
_INVERSES = {name: f"arc{name}" for name in ("sin", "cos", "tan")}


def parse(text: str) -> Node:
    """The tree of an expression. Raises NoNormalForm if `text` is no expression, too deeply nested or ambiguous."""
    parser = _Parser(text)
    tree = parser.sum(0)
    if parser.peek():
        raise NoNormalForm
    return tree


def _number(value: int) -> Node:
    return Node("number", number=Fraction(value))


class _Parser:
    """Recursive descent: sum, product, power, atom; `depth` bounds the recursion."""

    def __init__(self, text: str) -> None:
        self.tokens = tokens(text)[::-1]  # the next token is the last
        if text[:3] in ("pi(", "pi ") and len(self.tokens) == 4 and self.tokens[0] == ")" and self.tokens[1].isdigit():
            raise NoNormalForm  # `pi(10)` counts the primes up to 10, or is a product

    def peek(self) -> str:
        """The next token, '' at the end."""
        return self.tokens[-1] if self.tokens else ""

    def take(self, expected: str = "") -> str:
        """Remove and return the next token; with `expected`, no other token is accepted."""
        if not self.tokens or (expected and self.tokens[-1] != expected):
            raise NoNormalForm
        return self.tokens.pop()

    def sum(self, depth: int) -> Node:
        """[+-] product ([+-] product)*"""
        if depth > MAX_DEPTH:
            raise NoNormalForm
        terms: list[Node] = []
        sign = self.take() if self.peek() in ("+", "-") else "+"
        while True:
            term = self.product(depth)
            terms.append(Node("negative", (term,)) if sign == "-" else term)
            if self.peek() not in ("+", "-"):
                return terms[0] if len(terms) == 1 else Node("sum", tuple(terms))
            sign = self.take()

    def product(self, depth: int) -> Node:
        """power (('*' | '/' | nothing) power)*, from left to right; `2\\frac{1}{3}` of whole numbers is a mixed number.

        A factor that follows a slash and a denominator, as in `1/2x` and `mv^2/2r`, is ambiguous: NoNormalForm.
        """
        whole = self.peek()
        factors = [self.power(depth)]
        if whole.isdigit() and self.peek() == "\\frac":
            factors.append(self.power(depth))
            if factors[0].op == "number" and _proper(factors[1]):
                factors = [Node("sum", tuple(factors))]
        after_slash = False
        while True:
            head = self.peek()
            if head in ("*", "\\times", "/"):
                self.take()
                head = "*" if head == "\\times" else head
                negative = self.peek() == "-" and bool(self.take())
                factor = self.power(depth)
                factor = Node("negative", (factor,)) if negative else factor
                after_slash = head == "/"
                factors.append(factor if head == "*" else Node("inverse", (factor,)))
            elif head in ("mod", "\\mod", "\\bmod"):
                self.take()
                left = factors[0] if len(factors) == 1 else Node("product", tuple(factors))
                factors = [Node("mod", (left, self.power(depth)))]
            elif head == "deg":
                self.take()
                factors[-1] = Node("degrees", (factors[-1],))
            elif head and head not in _CLOSING and (head in "([{" or head[0] == "\\" or head[0].isalpha()):
                if after_slash:
                    if not (head.isupper() and factors[-1].op == "inverse" and factors[-1].args[0].name.isupper()):
                        raise NoNormalForm
                    factors.append(Node("inverse", (self.power(depth),)))  # `t/RC` is t/(RC), as in physics
                    continue
                factors.append(self.power(depth))
            elif head.isdigit() and factors[-1].op == "factorial" and not after_slash:  # `5!5!`
                factors.append(self.power(depth))
            else:
                return factors[0] if len(factors) == 1 else Node("product", tuple(factors))

    def power(self, depth: int) -> Node:
        """atom ['!'] ['^' exponent]; a second '^' is ambiguous: NoNormalForm."""
        base = self.atom(depth)
        if self.peek() == "!":
            self.take()
            base = Node("factorial", (base,))
        if self.peek() != "^":
            return base
        self.take()
        if self.tokens[-2:] in (["(", "{"], ["[", "{"]) or self.peek() == "[":
            raise NoNormalForm  # `x^{(2)}` is a second derivative, or an index
        exponent = self.bracketed_sum(depth) if self.peek() in ("{", "(") else self.signed(depth)
        if self.peek() == "^":
            raise NoNormalForm
        return Node("power", (base, exponent))

    def signed(self, depth: int) -> Node:
        """['-'] atom"""
        if self.peek() == "-":
            self.take()
            return Node("negative", (self.atom(depth),))
        return self.atom(depth)

    def bracketed_sum(self, depth: int) -> Node:
        """A sum between `()`, `{}`, `[]` or `||`; takes both brackets."""
        closing = {"(": ")", "{": "}", "[": "]", "|": "|"}[self.take()]
        tree = self.sum(depth + 1)
        self.take(closing)
        return tree

    def argument(self, depth: int) -> Node:
        """A sum in braces, or one digit or one name, as in LaTeX."""
        head = self.peek()
        if head == "{":
            return self.bracketed_sum(depth)
        if head.isdigit() and len(head) > 1:
            self.tokens[-1] = head[1:]
            return _number(int(head[0]))
        return self.atom(depth + 1)

    def atom(self, depth: int) -> Node:
        """A number, a symbol with its subscript, a bracket, a fraction, a root or a function."""
        if depth > MAX_DEPTH:
            raise NoNormalForm
        head = self.peek()
        if head in ("(", "{", "["):
            return self.bracketed_sum(depth)
        if head == "|":
            return Node("absolute", (self.bracketed_sum(depth),))
        head = self.take()
        if head[0].isdigit() or head[0] == ".":
            return Node("number", number=Fraction(head.removesuffix(".")))
        name = head.removeprefix("\\")
        if name == "frac":
            over = self.argument(depth)
            return Node("product", (over, Node("inverse", (self.argument(depth),))))
        if name == "sqrt":
            index = self.bracketed_sum(depth) if self.peek() == "[" else _number(2)
            return Node("root", (index, self.atom(depth + 1)))
        if name in FUNCTIONS:
            return self.function(name, depth)
        if name in OF_NUMBERS:
            return Node(name, self.arguments(depth))
        if name in ("sum", "prod") and self.peek() == "[":
            bounds = self.arguments(depth)
            if len(bounds) != 3:
                raise NoNormalForm
            symbol, low, high = bounds
            term = self.product(depth + 1)
            if symbol.op != "symbol" or _has_series(term):  # a sum of sums could take hours
                raise NoNormalForm
            return Node("sum_over" if name == "sum" else "product_over", (low, high, term), symbol.name)
        if name in ("lfloor", "lceil"):
            inside = self.sum(depth + 1)
            self.take("\\rfloor" if name == "lfloor" else "\\rceil")
            return Node("floor" if name == "lfloor" else "ceil", (inside,))
        if name == "binom":
            total = self.argument(depth)
            return Node("choose", (total, self.argument(depth)))
        if name in GREEK:
            name = f"\\{name}" + self.subscript()
            if self.peek() == "(" and (self.numbers_follow() or name in ("\\Gamma", "\\zeta", "\\phi", "\\varphi")):
                return Node("application", self.arguments(depth), name)
            return Node("symbol", name=name)
        if not head[0].isalpha() and name != "pi":
            raise NoNormalForm
        name += self.subscript()
        if self.peek() == "[" and name in ("E", "P", "V"):
            return Node("application", self.arguments(depth), name)
        applied = name not in ("e", "i", "pi") and self.numbers_follow()
        if self.peek() == "(" and (
            applied or name == "f" or ((name in "gh" or name.isupper()) and self.one_term_follows())
        ):
            arguments = self.arguments(depth)
            return (
                Node("choose", arguments)
                if name == "C" and len(arguments) == 2
                else Node("application", arguments, name)
            )
        return Node("symbol", name=name)

    def numbers_follow(self) -> bool:
        """Whether a bracket with numbers alone comes next: `f(2)` is no product, `x(x + 1)` is one."""
        for token in self.tokens[-2::-1]:
            if token == ")":
                return True
            if not (token[0].isdigit() or token in (",", "-", "/", ".")):
                return False
        return False

    def one_term_follows(self) -> bool:
        """Whether a bracket with one term in the usual variables comes next: `g(x)` and `T(-2x)` are no products."""
        for index, token in enumerate(self.tokens[-2::-1]):
            if token == ")":
                return index > 0
            if not (
                token.isdigit() or token in ("x", "y", "z", "t", "n", "^", "{", "}") or (token == "-" and index == 0)
            ):
                return False
        return False

    def arguments(self, depth: int) -> tuple[Node, ...]:
        """Sums between brackets, separated by commas."""
        closing = {"(": ")", "{": "}", "[": "]"}.get(self.peek())
        if closing is None:
            raise NoNormalForm
        self.take()
        found = [self.sum(depth + 1)]
        while self.peek() == ",":
            self.take()
            found.append(self.sum(depth + 1))
        self.take(closing)
        return tuple(found)

    def function(self, name: str, depth: int) -> Node:
        """`\\sin^2 x`, `log_2(8)`; `\\sin^{-1}` is the inverse function."""
        name += self.subscript()
        exponent = None
        if self.peek() == "^":
            self.take()
            exponent = self.argument(depth) if self.peek() != "(" else self.bracketed_sum(depth)
            if exponent == Node("negative", (_number(1),)):
                name, exponent = _INVERSES.get(name, ""), None
        if not name:
            raise NoNormalForm
        if self.peek() == "(":
            inside = self.bracketed_sum(depth)
        else:
            factors = [self.power(depth + 1)]
            while (
                self.peek()
                and self.peek() not in (*FUNCTIONS, *OF_NUMBERS, "deg")
                and (self.peek()[0].isalnum() or self.peek()[1:] in {"pi", *GREEK})
            ):
                factors.append(self.power(depth + 1))
            inside = factors[0] if len(factors) == 1 else Node("product", tuple(factors))
            if self.peek() == "deg":
                self.take()
                inside = Node("degrees", (inside,))
        applied = Node("function", (inside,), name)
        return applied if exponent is None else Node("power", (applied, exponent))

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
        if not parts or any(not part[0].isalnum() and part[1:] not in _IN_NAMES and part != "," for part in parts):
            raise NoNormalForm
        text = "".join(parts)
        return f"_{{{text}}}" if len(parts) > 1 else f"_{text}"


def _proper(node: Node) -> bool:
    """Whether `node` is a fraction of two numbers, between 0 and 1."""
    if (
        node.op != "product"
        or node.args[0].op != "number"
        or node.args[1].op != "inverse"
        or node.args[1].args[0].op != "number"
    ):
        return False
    return 0 < node.args[0].number < node.args[1].args[0].number


def _has_series(node: Node) -> bool:
    return node.op in ("sum_over", "product_over") or any(map(_has_series, node.args))
