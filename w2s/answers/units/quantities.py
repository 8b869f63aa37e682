"""Quantities, numbers with units: `10 cm`, `9.8 m/s^2`, `2 hours 30 minutes`, as written and in base units."""

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from w2s.answers.algebra.errors import NoNormalForm
from w2s.answers.algebra.normal_form import constant_of
from w2s.answers.algebra.number import number
from w2s.answers.algebra.polynomial import Polynomial, constant, symbol
from w2s.answers.text.words import SCALES
from w2s.answers.units.nouns import described, is_plural
from w2s.answers.units.reader import unit_of
from w2s.answers.units.table import named
from w2s.answers.units.unit import CURRENCIES, Measure, Unit

_GAP = re.compile(
    r"(?<=[\d)}\]]) ?(?=[A-Za-zΩµμÅ\\])|(?<=[ie]) (?=[A-Za-zΩµμÅ\\])|(?<=\d)(?= (?:per |/))"
    r"|(?<=dred) (?=[A-Za-z])|(?<=sand) (?=[A-Za-z])|(?<=lion) (?=[A-Za-z])"
)
_COMPOUND = re.compile(r"(?:\d+(?:[./]\d+)? ?[A-Za-z]+(?:,? and |, | |$)){2,4}", re.ASCII)
_COMPOUND_PART = re.compile(r"(\d+(?:[./]\d+)?) ?([A-Za-z]+)", re.ASCII)
_SCALED = re.compile(rf"(.*\d) ?({'|'.join(SCALES)})", re.IGNORECASE)
_LETTER = re.compile("[A-Za-zΩµÅ]")
_NAME = re.compile(r"\\?[A-Za-zΩµ]+")
_ROW = re.compile(r"\d[\d.]*(?: ?[-/] ?\d[\d.]*)+")
_OF = re.compile(r"(?<!percent) of (?!them\b)(?:[a-z]{3,} ?){1,3}$")
_AS_VARIABLE = frozenset("t u d M B P D S n p q x y z i e a b c k r".split())
"""Symbols that are units only where they must be, because an answer such as `4 t` may be a product."""


class Quantity(NamedTuple):
    """A number and the unit it counts, as written and in base units."""

    value: Polynomial
    measure: Measure
    base: Polynomial
    """The value in base units."""
    base_unit: str
    """'' for a plain number."""
    sum_of: str = ""
    """The parts of a sum such as `2 h 30 min`, which no single number stands for."""

    @property
    def exact(self) -> bool:
        """Whether the value is exact: exact values of one unit that are written differently are different."""
        return self.base.exact

    @property
    def known(self) -> bool:
        """Whether the unit is in the table; the unit of `10 apples` is a noun."""
        return self.measure.unit.known

    @property
    def is_money(self) -> bool:
        """Whether the unit is a currency."""
        return self.base_unit in CURRENCIES

    def as_written(self) -> str:
        """Such as `3/2 km*h^-1`."""
        return self.sum_of or f"{_factor(str(self.value))} {self.measure}"

    def in_base_units(self) -> str:
        """Such as `5/12 m*s^-1`; without a unit for 50 percent, which is 1/2."""
        text = str(self.base)
        return f"{_factor(text)} {self.base_unit}" if self.base_unit else text


def quantity(text: str, symbols: bool = True) -> Quantity | None:
    """The quantity that `text` (cleaned or canonical) spells; None if no unit follows a number.

    Without `symbols`, a single letter directly after a number is a variable: `10m`, but not `10 m` and `10cm`.
    """
    return None if text.isdigit() or not _LETTER.search(text) else _quantity_in(_OF.sub("", text), symbols)


@lru_cache(maxsize=1 << 14)
def _quantity_in(text: str, symbols: bool) -> Quantity | None:
    for gap in _GAP.finditer(text):
        body, rest = text[: gap.start()], text[gap.end() :]
        letter = _NAME.match(rest)
        name = letter[0] if letter else ""
        if (
            not symbols
            and len(name) == 1
            and (name in _AS_VARIABLE or (not gap[0] and ("." not in body or name == "K")))
        ):
            continue
        if not gap[0] and name.lower() == "e":
            continue
        measure = unit_of(rest)
        if measure is None or (not gap[0] and not measure.unit.known and len(name) < 4):
            continue
        name = next((word for word in _NAME.findall(rest) if word not in ("square", "cubic", "sq", "cu")), name)
        name = name if described(rest) is None else rest.partition(" ")[2]
        value = None if body in ("e", "i") else _value(body)
        if value is None or (not measure.unit.known and not _may_count(value, name)):
            continue
        try:
            return _quantity([(value, measure)])
        except NoNormalForm:
            return None
    return _compound(text)


def _may_count(value: Polynomial, noun: str) -> bool:
    """Whether a noun agrees with its number: a plural, or one thing at most."""
    size = value.constant
    return (
        not noun.isalpha()
        or noun == "per"
        or is_plural(noun.lower())
        or named(noun) is not None
        or (size is not None and abs(size) <= 1)
    )


def _compound(text: str) -> Quantity | None:
    """The sum that `2 hours 30 minutes` or `5 ft 3 in` spells, if all units measure one dimension; else None."""
    if not _COMPOUND.fullmatch(text):
        return None
    parts = [(_value(size), unit_of(name)) for size, name in _COMPOUND_PART.findall(text)]
    known = [(value, measure) for value, measure in parts if value is not None and measure is not None]
    if len(known) < len(parts) or len({measure.unit.powers for _, measure in known}) > 1:
        return None
    sizes = [measure.unit.factor for _, measure in known]
    if not known[0][1].unit.known or sizes != sorted(set(sizes), reverse=True):
        return None
    return _quantity(known)


def _value(body: str) -> Polynomial | None:
    if _ROW.fullmatch(body) and number(body) is None:
        return None  # `1991-10-21`
    scaled = _SCALED.fullmatch(body)
    value = number(scaled[1] if scaled else body)
    if scaled:
        return None if value is None else constant(value * 10 ** SCALES[scaled[2].lower()])
    try:
        return constant(value) if value is not None else constant_of(body)
    except NoNormalForm:
        return None


def _quantity(parts: list[tuple[Polynomial, Measure]]) -> Quantity:
    base = constant(0)
    for value, measure in parts:
        base = base + value * constant(measure.unit.factor)
    value, measure = parts[0]
    for name, power in measure.unit.powers:
        if name == "pi":
            base = base * symbol("pi").power(Fraction(power))
    powers = tuple((name, power) for name, power in measure.unit.powers if name != "pi")
    if powers == (("percent", 1),):
        return Quantity(value, measure, base * constant(Fraction(1, 100)), "")
    sum_of = " ".join(f"{size} {part}" for size, part in parts) if len(parts) > 1 else ""
    return Quantity(value, measure, base, str(Unit(measure.unit.factor, powers)), sum_of)


def _factor(text: str) -> str:
    return f"({text})" if " " in text else text
