"""Makes pairs of answers whose right verdict is known, because both sides are made from values and not from texts."""

from collections.abc import Callable
from fractions import Fraction
from random import Random

from tests.benchmarks.answer_cases import Case

Maker = Callable[[Random], Case]
"""Draws one pair; equal draws give equal pairs."""


def equal(a: str, b: str, kind: str = "") -> Case:
    """One value in two spellings."""
    return Case(a, b, kind, "equal")


def different(a: str, b: str, kind: str = "") -> Case:
    """Two values."""
    return Case(a, b, kind, "different")


def undecided(a: str, b: str, kind: str = "") -> Case:
    """Nobody can say without the question."""
    return Case(a, b, kind, "undecided")


def not_different(a: str, b: str, kind: str = "") -> Case:
    """One value, which a careful grader may still leave undecided."""
    return Case(a, b, kind, "equal or undecided")


def not_equal(a: str, b: str, kind: str = "") -> Case:
    """Two values, which a careful grader may still leave undecided."""
    return Case(a, b, kind, "different or undecided")


def two(rng: Random, spellings: list[str]) -> tuple[str, str]:
    """Two of the spellings, not the same one unless there is no other."""
    distinct = list(dict.fromkeys(spellings))
    first, second = rng.sample(distinct, 2) if len(distinct) > 1 else (distinct[0], distinct[0])
    return first, second


def whole(rng: Random, low: int = 2) -> int:
    """A whole number of one to five digits, small ones more often."""
    return rng.randint(low, rng.choice((12, 12, 99, 99, 999, 99999)))


def other(rng: Random, value: int) -> int:
    """Another whole number, near by digits or by size."""
    digits = list(str(abs(value)))
    rng.shuffle(digits)
    near = [value + 1, value - 1, -value, value * 10, value + 10, value * 2, int("".join(digits)), int(f"{value}0") + 3]
    return rng.choice([number for number in near if number != value])


def far(rng: Random, value: int) -> int:
    """Another whole number of which neither is a rounding of the other."""
    return rng.choice((2 * value, 3 * value, 10 * value, -value, 10 * value + 5))


def fraction(rng: Random) -> Fraction:
    """A reduced fraction that is no whole number, at times above 1."""
    while True:
        value = Fraction(rng.randint(1, 40), rng.choice((2, 3, 4, 5, 6, 7, 8, 9, 12, 25)))
        if value.denominator > 1:
            return value


def other_fraction(rng: Random, value: Fraction) -> Fraction:
    """Another fraction with a part changed, turned over or of the other sign."""
    n, d = value.numerator, value.denominator
    near = [Fraction(n + 1, d), Fraction(n, d + 1), Fraction(d, n), -value, value + 1, Fraction(n * 10, d)]
    return rng.choice([number for number in near if number != value])


def decimal(value: Fraction) -> str | None:
    """The exact decimal spelling, or None where it has more than eight decimals or never ends."""
    scaled = value * 10**8
    if scaled.denominator != 1:
        return None
    whole_part, decimals = divmod(abs(scaled.numerator), 10**8)
    text = f"{whole_part}.{decimals:08}".rstrip("0").rstrip(".")
    return f"-{text}" if value < 0 else text


def spellings(value: Fraction | int) -> list[str]:
    """Spellings of one number that every reader takes for the same."""
    value = Fraction(value)
    sign, n, d = "-" if value < 0 else "", abs(value.numerator), value.denominator
    plain = decimal(value)
    if d == 1:
        long = [f"{sign}{n:,}"] if n > 999 else []
        return [f"{sign}{n}", f"{sign}{n}.0", f"{sign}{n}.00", f"${sign}{n}$", f"{sign}\\frac{{{2 * n}}}{{2}}", *long]
    fractions = [f"{sign}{n}/{d}", f"{sign}\\frac{{{n}}}{{{d}}}", f"{sign}\\dfrac{{{3 * n}}}{{{3 * d}}}"]
    return [*fractions, *([plain, f"{plain}0"] if plain else [])]


def spelled(rng: Random, value: Fraction | int) -> str:
    """One spelling of a number."""
    return rng.choice(spellings(value))
