"""Units of measure: exact factors to SI base units, with the SI prefixes, and currencies.

A unit without one exact factor is its own base and is never converted: a year (365 or 365.25 days), a parsec, degrees Celsius and
Fahrenheit (a temperature and a difference of temperatures convert differently).
"""

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

_BASES = (
    "kg",
    "m",
    "s",
    "A",
    "K",
    "mol",
    "cd",
    "deg",
    "degC",
    "degF",
    "yr",
    "month",
    "pc",
    "u",
    "dB",
    "bit",
    "USD",
    "EUR",
    "GBP",
    "pi",
)
"""In this order in a canonical unit; `pi` never stays in one, it belongs to the number (1 rad = 180/pi degrees)."""
UNCONVERTED = ("deg", "yr", "month", "pc", "u", "dB")
"""Bases beside which another base may measure the same; `deg` is in degC and degF too."""
MAX_EXPONENT = 12


class Unit(NamedTuple):
    """`factor` times base units to whole powers, in the order of the bases."""

    factor: Fraction
    powers: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        return "*".join(base if power == 1 else f"{base}^{power}" for base, power in self.powers)


def _table() -> dict[str, Unit]:
    table = {base: Unit(Fraction(1), ((base, 1),)) for base in _BASES if base != "pi"}
    table["g"] = Unit(Fraction(1, 1000), (("kg", 1),))
    for names, factor, base in _DEFINED:
        known = _product([(table[part.partition("^")[0]], int(part.partition("^")[2] or 1)) for part in base.split()])
        for name in names.split():
            table[name] = Unit(Fraction(factor) * known.factor, known.powers)
    return table


def _product(parts: list[tuple[Unit, int]]) -> Unit:
    factor, powers = Fraction(1), dict[str, int]()
    for unit, exponent in parts:
        factor *= unit.factor**exponent
        for base, power in unit.powers:
            powers[base] = powers.get(base, 0) + power * exponent
    return Unit(factor, tuple((base, powers[base]) for base in _BASES if powers.get(base)))


_DEFINED = (
    # names, factor, unit
    ("meter metre meters metres", "1", "m"),
    ("gram grams", "1", "g"),
    ("second seconds sec secs", "1", "s"),
    ("ampere amperes amp amps", "1", "A"),
    ("kelvin kelvins", "1", "K"),
    ("mole moles", "1", "mol"),
    ("degree degrees", "1", "deg"),
    ("minute minutes min mins", "60", "s"),
    ("hour hours hr hrs h", "3600", "s"),
    ("day days", "86400", "s"),
    ("week weeks", "604800", "s"),
    ("year years yrs", "1", "yr"),
    ("months", "1", "month"),
    ("Hz hertz", "1", "s^-1"),
    ("N newton newtons", "1", "kg m s^-2"),
    ("J joule joules", "1", "kg m^2 s^-2"),
    ("W watt watts", "1", "kg m^2 s^-3"),
    ("Pa pascal pascals", "1", "kg m^-1 s^-2"),
    ("C coulomb coulombs", "1", "A s"),
    ("V volt volts", "1", "kg m^2 s^-3 A^-1"),
    ("Ω ohm ohms", "1", "kg m^2 s^-3 A^-2"),
    ("F farad farads", "1", "A^2 s^4 kg^-1 m^-2"),
    ("T tesla", "1", "kg s^-2 A^-1"),
    ("H henry henries", "1", "kg m^2 s^-2 A^-2"),
    ("Wb weber", "1", "kg m^2 s^-2 A^-1"),
    ("L l liter liters litre litres", "1/1000", "m^3"),
    ("cc", "1/1000000", "m^3"),
    ("M", "1000", "mol m^-3"),
    ("bar", "100000", "Pa"),
    ("atm", "101325", "Pa"),
    ("torr Torr mmHg", "101325/760", "Pa"),
    ("eV", "1.602176634e-19", "J"),
    ("Wh", "3600", "J"),
    ("kWh", "3600000", "J"),
    ("cal calorie calories", "4.184", "J"),
    ("inch inches in", "0.0254", "m"),
    ("foot feet ft", "0.3048", "m"),
    ("yard yards yd", "0.9144", "m"),
    ("mile miles mi", "1609.344", "m"),
    ("mph", "0.44704", "m s^-1"),
    ("kph kmh", "5/18", "m s^-1"),
    ("knot knots", "1852/3600", "m s^-1"),
    ("AU au", "149597870700", "m"),
    ("ly", "9460730472580800", "m"),
    ("Å angstrom angstroms", "1e-10", "m"),
    ("acre acres", "4046.8564224", "m^2"),
    ("ha hectare hectares", "10000", "m^2"),
    ("lb lbs pound pounds", "0.45359237", "kg"),
    ("t tonne tonnes", "1000", "kg"),
    ("dollar dollars", "1", "USD"),
    ("cent cents", "1/100", "USD"),
    ("euro euros", "1", "EUR"),
    ("bits", "1", "bit"),
    ("byte bytes B", "8", "bit"),
)
_PREFIXES = {
    **{"f": -15, "p": -12, "n": -9, "µ": -6, "m": -3, "c": -2, "d": -1, "h": 2, "k": 3, "M": 6, "G": 9, "T": 12},
    **{
        "femto": -15,
        "pico": -12,
        "nano": -9,
        "micro": -6,
        "milli": -3,
        "centi": -2,
        "deci": -1,
        "hecto": 2,
        "kilo": 3,
        "mega": 6,
        "giga": 9,
    },
}
_UNITS = _table()
_UNITS.update({"percent": Unit(Fraction(1, 100)), "rad": Unit(Fraction(180), (("deg", 1), ("pi", -1)))})
_UNITS.update({"radian": _UNITS["rad"], "radians": _UNITS["rad"]})
_PREFIXED = frozenset(
    (
        "m",
        "g",
        "s",
        "A",
        "K",
        "mol",
        "Hz",
        "N",
        "J",
        "W",
        "Pa",
        "C",
        "V",
        "Ω",
        "F",
        "T",
        "H",
        "Wb",
        "L",
        "l",
        "bar",
        "eV",
        "cal",
        "pc",
    )
)
_SPOKEN = (
    "meter",
    "metre",
    "gram",
    "second",
    "amp",
    "hertz",
    "newton",
    "joule",
    "watt",
    "pascal",
    "volt",
    "ohm",
    "liter",
    "litre",
    "farad",
    "mole",
)
_TOKEN = re.compile(
    r"(?P<name>[A-Za-zΩµÅ]+)|\^ ?\{? ?(?P<power>-?\d{1,2}) ?\}?|(?P<mark>[*/()])|(?P<space> +)|(?P<other>.)", re.DOTALL
)
_POWERS = {"squared": 2, "cubed": 3, "square": 2, "cubic": 3}
_SPELLINGS = str.maketrans({"μ": "µ", "·": "*", "Ω": "Ω"})
_BEFORE_CLEANING = (
    (
        re.compile(r"(?:\^ ?\{? ?\\circ ?\}?|°|\\degree)[\s~{}]*(?:\\(?:mathrm|text|rm|,)[\s~{]*)*([CF])\b\}?"),
        r" deg\1 ",
    ),
    (re.compile(r"\^ ?\{ ?\\circ ?\}|\^ ?\\circ\b|°|\\degree\b"), " deg "),
    (re.compile(r"(?<=\d)\s*(?:\\%|%)"), " percent "),
    (re.compile(r"\\\$\s*(\d[\d,]*(?:\.\d+)?)"), r"\1 USD "),
    (re.compile(r"^(\s*-?)\$(\d[\d,]*(?:\.\d+)?)\s*$"), r"\1\2 USD"),
    (re.compile(r"(?:€|\\euro)\s*(\d[\d,]*(?:\.\d+)?)"), r"\1 EUR "),
    (re.compile(r"£\s*(\d[\d,]*(?:\.\d+)?)"), r"\1 GBP "),
)


def spell_out(text: str) -> str:
    """Signs that cleaning would drop, as unit names: `$5` is `5 USD`, `50\\%` is `50 percent`, `90^\\circ` is `90 deg`."""
    for pattern, spelling in _BEFORE_CLEANING:
        text = pattern.sub(spelling, text)
    return text


@lru_cache(maxsize=4096)
def unit_of(text: str) -> Unit | None:
    """The unit that `km / h`, `m*s^{-2}`, `J/(mol K)`, `miles per hour`, `meters per second squared` name; None for anything else.

    `J/mol K` is none: what K belongs to is not agreed on.
    """
    text = text.translate(_SPELLINGS).replace("\\mu ", "µ").replace("\\Omega", "Ω").replace("\\AA", "Å")
    parts: list[tuple[Unit, int]] = []
    sign, coming, brackets, named = 1, 1, 0, False
    for token in _TOKEN.finditer(text):
        name, power, mark = token["name"], token["power"], token["mark"]
        if token["other"]:
            return None
        if name == "per" or mark == "/":
            if not named or (sign < 0 and brackets):
                return None
            sign, named = -1, False
        elif name in ("square", "cubic") and not (named and sign > 0 and text[token.end() :].strip() == ""):
            coming = _POWERS[name]
        elif power or name in ("squared", "cubed"):
            if not named or parts[-1][1] not in (1, -1):
                return None
            parts[-1] = parts[-1][0], parts[-1][1] * (int(power) if power else _POWERS[name])
        elif name:
            unit = _named(name)
            if unit is None or (named and sign < 0 and not brackets):
                return None
            parts.append((unit, sign * coming))
            coming, named = 1, True
        elif mark == "(":
            if named or brackets:
                return None
            brackets = 1
        elif mark == ")":
            if not brackets or not named:
                return None
            brackets, sign = 0, 1
        elif mark == "*" and sign < 0 and not brackets:
            sign, named = 1, False
    if not parts or not named or brackets or coming != 1 or any(abs(power) > MAX_EXPONENT for _, power in parts):
        return None
    return _product(parts)


def _named(name: str) -> Unit | None:
    if found := _UNITS.get(name):
        return found
    lower = name.lower()
    if len(name) > 2 and (found := _UNITS.get(lower)):
        return found
    for prefix, power in _PREFIXES.items():
        rest = name.removeprefix(prefix) if len(prefix) == 1 else lower.removeprefix(prefix)
        if len(rest) + len(prefix) == len(name) and (
            rest in _PREFIXED if len(prefix) == 1 else rest.removesuffix("s") in _SPOKEN
        ):
            unit = _UNITS[rest]
            return Unit(unit.factor * Fraction(10) ** power, unit.powers)
    return None
