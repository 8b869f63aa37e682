"""Quantities, numbers with units: `10 cm`, `9.8 m/s^2`, `2 hours 30 minutes`, each as a number of base units."""

import re
from fractions import Fraction
from typing import NamedTuple

from w2s.answers.algebra.errors import NoNormalForm
from w2s.answers.algebra.normal_form import constant_of
from w2s.answers.algebra.number import number
from w2s.answers.algebra.polynomial import Polynomial, constant, symbol
from w2s.answers.text.words import LOOSE_SPACE, NO_UNITS
from w2s.answers.units.reader import unit_of
from w2s.answers.units.unit import Unit

_GAP = re.compile(r"(?<=[\d)}\]]) ?(?=[A-Za-zΩµμÅ\\])|(?<=[ie]) (?=[A-Za-zΩµμÅ\\])")
_COMPOUND = re.compile(r"(?:\d+(?:\.\d+)? ?[A-Za-z]+(?:,? and |, | |$)){2,4}", re.ASCII)
_COMPOUND_PART = re.compile(r"(\d+(?:\.\d+)?) ?([A-Za-z]+)", re.ASCII)


class Quantity(NamedTuple):
    """A number in canonical spelling and the unit it counts."""

    value: str
    unit: str
    """'' for a plain number, such as 50 percent."""
    known: bool
    """Whether the unit is in the table; the unit of `10 apples` stays text."""
    exact: bool
    """Whether two different values are certainly different."""

    def __str__(self) -> str:
        value = f"({self.value})" if self.unit and " " in self.value else self.value
        return f"{value} {self.unit}" if self.unit else self.value


def quantity(text: str) -> Quantity | None:
    """The quantity that `text` (cleaned or canonical) spells; None if no unit follows a number."""
    unknown = None
    for gap in _GAP.finditer(text):
        body, rest = text[: gap.start()], text[gap.end() :]
        unit = unit_of(rest)
        if unit is None and (unknown or not gap[0] or not _word(rest)):
            continue
        value = _value(body)
        if value is None:
            continue
        try:
            if unit is not None:
                return _in_base_units([(value, unit)])
        except NoNormalForm:
            return None
        unknown = Quantity(str(value), LOOSE_SPACE.sub("", rest), False, False)
    return _compound(text) or unknown


def _compound(text: str) -> Quantity | None:
    """The sum that `2 hours 30 minutes` or `5 ft 3 in` spells, if all units measure one dimension; else None."""
    if not _COMPOUND.fullmatch(text):
        return None
    parts = [(_value(size), unit_of(name)) for size, name in _COMPOUND_PART.findall(text)]
    known = [(value, unit) for value, unit in parts if value is not None and unit is not None]
    if len(known) < len(parts) or len({unit.powers for _, unit in known}) > 1:
        return None
    return _in_base_units(known)


def _value(body: str) -> Polynomial | None:
    value = number(body)
    try:
        return constant(value) if value is not None else constant_of(body)
    except NoNormalForm:
        return None


def _in_base_units(parts: list[tuple[Polynomial, Unit]]) -> Quantity:
    total = constant(0)
    for value, unit in parts:
        total = total + value * constant(unit.factor)
    powers = parts[0][1].powers
    for base, power in powers:
        if base == "pi":
            total = total * symbol("pi").power(Fraction(power))
    unit = Unit(parts[0][1].factor, tuple((base, power) for base, power in powers if base != "pi"))
    return Quantity(str(total), str(unit), True, total.exact)


def _word(rest: str) -> bool:
    """Whether the text after a number is a word that may count as a unit, not a variable or a word of `NO_UNITS`."""
    match = re.match(r"[A-Za-z]{2,}", rest)
    return match is not None and match[0].lower() not in NO_UNITS and not re.search(r"\d", rest)
