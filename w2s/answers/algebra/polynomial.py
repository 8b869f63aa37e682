"""Polynomials with rational coefficients in symbols, square roots of integers and i: one form per value.

They cover most answers of school mathematics, in bounded time and memory. Functions and denominators with several
symbols become opaque atoms: two different forms with such atoms may still be equal; `Polynomial.exact` tells.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import gcd, lcm

from w2s.answers.algebra.errors import NoNormalForm
from w2s.answers.algebra.number import show
from w2s.answers.algebra.roots import square_free, whole_root

MAX_TERMS = 64
MAX_TERM_PRODUCTS = 256
MAX_BITS = 1200
MAX_POWER = 400
MAX_NAME_CHARS = 400
"""Bounds on one polynomial, one multiplication, one coefficient (in bits), one exponent and one atom's name.

A polynomial beyond them has no normal form. With `MAX_ANSWER_CHARS` they bound time and memory on any text.
"""


@dataclass(frozen=True, slots=True, order=True)
class Monomial:
    """sqrt(radicand) * product of atom ** exponent; the radicand is square-free, no exponent is 0, atoms are sorted."""

    powers: tuple[tuple[str, int], ...] = ()
    radicand: int = 1

    def __str__(self) -> str:
        root = [f"sqrt({self.radicand})"] if self.radicand > 1 else []
        return "*".join(root + [_power_text(atom, exponent) for atom, exponent in self.powers])

    @property
    def degree(self) -> int:
        """Sum of the exponents."""
        return sum(e for _, e in self.powers)


ONE = Monomial()


@dataclass(frozen=True)
class Polynomial:
    """Sum of coefficient * monomial; no coefficient is 0. Operators raise NoNormalForm beyond the bounds above."""

    terms: dict[Monomial, Fraction]

    @cached_property
    def exact(self) -> bool:
        """Whether it has no opaque atom: two different exact forms certainly have different values."""
        return not any("(" in atom for monomial in self.terms for atom, _ in monomial.powers)

    @property
    def constant(self) -> Fraction | None:
        """The rational value; None if it is not a rational number."""
        if not self.terms:
            return Fraction(0)
        return self.terms[ONE] if len(self.terms) == 1 and ONE in self.terms else None

    @property
    def is_constant(self) -> bool:
        """Whether it is a number, rational or not: it has no variable."""
        return {atom for monomial in self.terms for atom, _ in monomial.powers} <= {"pi", "i", "e"}

    def ordered(self) -> list[tuple[Monomial, Fraction]]:
        """Terms by falling degree, then by name."""
        return sorted(self.terms.items(), key=lambda term: (-term[0].degree, term[0]))

    def __str__(self) -> str:
        text = ""
        for monomial, coefficient in self.ordered():
            size = "" if abs(coefficient) == 1 and monomial != ONE else show(abs(coefficient))
            body = "*".join(part for part in (size, str(monomial)) if part)
            sign = ("-" if coefficient < 0 else "") if not text else (" - " if coefficient < 0 else " + ")
            text += sign + body
        return text or "0"

    def __add__(self, other: "Polynomial") -> "Polynomial":
        terms = dict(self.terms)
        for monomial, coefficient in other.terms.items():
            terms[monomial] = terms.get(monomial, Fraction(0)) + coefficient
        return _bounded(terms)

    def __neg__(self) -> "Polynomial":
        return Polynomial({monomial: -coefficient for monomial, coefficient in self.terms.items()})

    def __sub__(self, other: "Polynomial") -> "Polynomial":
        return self + -other

    def __mul__(self, other: "Polynomial") -> "Polynomial":
        if len(self.terms) * len(other.terms) > MAX_TERM_PRODUCTS:
            raise NoNormalForm
        first, under = _whole(self.terms)
        second, other_under = _whole(other.terms)
        terms: dict[Monomial, int] = {}
        for a, x in first:
            for b, y in second:
                factor, monomial = _times(a, b)
                terms[monomial] = terms.get(monomial, 0) + factor * x * y
        return _bounded({monomial: Fraction(x, under * other_under) for monomial, x in terms.items()})

    def __truediv__(self, other: "Polynomial") -> "Polynomial":
        return self * inverse(other)

    def power(self, exponent: Fraction) -> "Polynomial":
        """self ** exponent: whole exponents by multiplication, fractions by a root."""
        if exponent.denominator != 1:
            return root(self, exponent.denominator).power(Fraction(exponent.numerator))
        size = abs(exponent.numerator)
        if size > MAX_POWER or (self.constant is None and len(self.terms) > 1 and size > 32):
            raise NoNormalForm
        base, result = (self if exponent >= 0 else inverse(self)), constant(Fraction(1))
        while size:
            if size & 1:
                result = result * base
            size >>= 1
            if size:
                base = base * base
        return result


def constant(value: Fraction | int) -> Polynomial:
    """A rational number."""
    return _bounded({ONE: value if isinstance(value, Fraction) else Fraction(value)})


def symbol(name: str) -> Polynomial:
    """A variable, a constant such as `pi`, or an opaque atom: a function, or any other text in parentheses."""
    if len(name) > MAX_NAME_CHARS:
        raise NoNormalForm
    return Polynomial({Monomial(((name, 1),)): Fraction(1)})


def root(value: Polynomial, index: int) -> Polynomial:
    """The index-th root: exact for rational roots and for square roots of rational numbers, else an opaque atom.

    The square root of a negative number is i * sqrt(-value).
    """
    number = value.constant
    if number is not None and (rational := whole_root(number, index)) is not None:
        return constant(rational)
    if index != 2:
        return symbol(f"(({value})^(1/{index}))")
    if number is None:
        return symbol(f"sqrt({value})")
    parts = square_free(abs(number.numerator) * number.denominator)
    if parts is None:
        raise NoNormalForm
    outside, radicand = parts
    return _bounded({Monomial((("i", 1),) if number < 0 else (), radicand): Fraction(outside, number.denominator)})


def _power_text(atom: str, exponent: int) -> str:
    if exponent == 1:
        return atom
    base = f"({atom})" if "(" in atom and not atom.startswith("(") else atom
    return f"{base}^{exponent}" if exponent > 0 else f"{base}^({exponent})"


def _bounded(terms: dict[Monomial, Fraction]) -> Polynomial:
    kept = {monomial: c for monomial, c in terms.items() if c}
    if len(kept) > MAX_TERMS:
        raise NoNormalForm
    for c in kept.values():
        if c.numerator.bit_length() > MAX_BITS or c.denominator.bit_length() > MAX_BITS:
            raise NoNormalForm
    return Polynomial(kept)


def _whole(terms: dict[Monomial, Fraction]) -> tuple[list[tuple[Monomial, int]], int]:
    """The terms with whole coefficients over one denominator, because products of fractions take ten times as long."""
    under = lcm(*(c.denominator for c in terms.values()))
    return [(monomial, c.numerator * (under // c.denominator)) for monomial, c in terms.items()], under


def _times(a: Monomial, b: Monomial) -> tuple[int, Monomial]:
    """a * b as (integer factor, monomial); sqrt(6) * sqrt(2) = 2 * sqrt(3), i * i = -1."""
    if a == ONE or b == ONE:
        return 1, b if a == ONE else a
    common = gcd(a.radicand, b.radicand)
    radicand = a.radicand // common * (b.radicand // common)
    exponents = dict(a.powers)
    for atom, exponent in b.powers:
        exponents[atom] = exponents.get(atom, 0) + exponent
    turns = exponents.pop("i", 0) % 4
    if turns % 2:
        exponents["i"] = 1
    powers = tuple(sorted((atom, e) for atom, e in exponents.items() if e))
    if radicand.bit_length() > MAX_BITS or any(abs(e) > MAX_POWER for _, e in powers):
        raise NoNormalForm
    return (-common if turns >= 2 else common), Monomial(powers, radicand)


def inverse(value: Polynomial) -> Polynomial:
    """1 / value: exact for one term and, by the conjugate, for two numbers; else an opaque atom."""
    terms = value.ordered()
    if not terms:
        raise NoNormalForm
    monomial, coefficient = terms[0]
    if len(terms) == 1:
        powers = tuple((atom, -e) for atom, e in monomial.powers if atom != "i")
        turned = Monomial(
            tuple(sorted((*powers, *((("i", 1),) if ("i", 1) in monomial.powers else ())))), monomial.radicand
        )
        sign = -1 if ("i", 1) in monomial.powers else 1
        return _bounded({turned: sign / (coefficient * monomial.radicand)})
    if len(terms) == 2 and all(set(m.powers) <= {("i", 1)} for m, _ in terms):
        conjugate = Polynomial({terms[0][0]: terms[0][1], terms[1][0]: -terms[1][1]})
        return conjugate * inverse(value * conjugate)
    monic = value * constant(1 / coefficient)
    return inverse(symbol(f"({monic})")) * constant(1 / coefficient)
