"""A unit of measure: an exact factor and whole powers of base units."""

from fractions import Fraction
from typing import NamedTuple

CURRENCIES = tuple("USD EUR GBP JPY INR".split())
BASES = (*"kg m s A K mol cd deg degC degF yr month pc u dB bit".split(), *CURRENCIES, "percent", "pi")
"""In this order in a canonical unit. `pi` is moved from the unit to its number, because 1 rad = 180/pi degrees."""
UNCONVERTED = ("deg", "yr", "month", "pc", "u", "dB")
"""Bases that may measure the same as another base; `deg` also matches degC and degF."""
MAX_EXPONENT = 12


class Unit(NamedTuple):
    """`factor` times base units to whole powers: those of `BASES` in their order, then things that are counted."""

    factor: Fraction
    powers: tuple[tuple[str, int], ...] = ()

    @property
    def known(self) -> bool:
        """Whether all bases are measures; `apple` counts things and may have another name, such as `fruit`."""
        return all(base in BASES for base, _ in self.powers)

    def __str__(self) -> str:
        return "*".join(base if power == 1 else f"{base}^{power}" for base, power in self.powers)


class Measure(NamedTuple):
    """A unit as an answer writes it, in symbols (`km h^-1`), and its value."""

    symbols: tuple[tuple[str, int], ...]
    unit: Unit

    def __str__(self) -> str:
        return "*".join(symbol if power == 1 else f"{symbol}^{power}" for symbol, power in self.symbols)


def product(parts: list[tuple[Unit, int]]) -> Unit:
    """The product of units to whole powers."""
    factor, powers = Fraction(1), dict[str, int]()
    for unit, exponent in parts:
        factor *= unit.factor**exponent
        for base, power in unit.powers:
            powers[base] = powers.get(base, 0) + power * exponent
    order = (*BASES, *sorted(set(powers).difference(BASES)))
    return Unit(factor, tuple((base, powers[base]) for base in order if powers.get(base)))
