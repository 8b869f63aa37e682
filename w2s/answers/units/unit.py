"""A unit of measure: an exact factor and whole powers of base units."""

from fractions import Fraction
from typing import NamedTuple

BASES = tuple("kg m s A K mol cd deg degC degF yr month pc u dB bit USD EUR GBP pi".split())
"""In this order in a canonical unit. `pi` is moved from the unit to its number, because 1 rad = 180/pi degrees."""
UNCONVERTED = ("deg", "yr", "month", "pc", "u", "dB")
"""Bases that may measure the same as another base; `deg` also matches degC and degF."""
MAX_EXPONENT = 12


class Unit(NamedTuple):
    """`factor` times base units to whole powers, in the order of `BASES`."""

    factor: Fraction
    powers: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        return "*".join(base if power == 1 else f"{base}^{power}" for base, power in self.powers)


def product(parts: list[tuple[Unit, int]]) -> Unit:
    """The product of units to whole powers."""
    factor, powers = Fraction(1), dict[str, int]()
    for unit, exponent in parts:
        factor *= unit.factor**exponent
        for base, power in unit.powers:
            powers[base] = powers.get(base, 0) + power * exponent
    return Unit(factor, tuple((base, powers[base]) for base in BASES if powers.get(base)))
