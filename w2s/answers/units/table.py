"""The table of units: names, exact factors to SI base units, prefixes and currencies.

A unit without one exact factor is its own base and is never converted: a year (365 or 365.25 days), a parsec, and
degrees Celsius and Fahrenheit (a temperature converts differently from a difference of temperatures).
"""

from fractions import Fraction

from w2s.answers.units.unit import BASES, Unit, product

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
    **{"femto": -15, "pico": -12, "nano": -9, "micro": -6, "milli": -3, "centi": -2, "deci": -1},
    **{"hecto": 2, "kilo": 3, "mega": 6, "giga": 9},
}
_PREFIXED = frozenset("m g s A K mol Hz N J W Pa C V Ω F T H Wb L l bar eV cal pc".split())
"""Symbols that take a one-letter prefix."""
_SPOKEN = frozenset(
    "meter metre gram second amp hertz newton joule watt pascal volt ohm liter litre farad mole".split()
)
"""Names that take a prefix of several letters."""


def named(name: str) -> Unit | None:
    """The unit with this name, prefix included; None for an unknown name. Symbols of one or two letters keep case."""
    if unit := _UNITS.get(name):
        return unit
    lower = name.lower()
    if len(name) > 2 and (unit := _UNITS.get(lower)):
        return unit
    for prefix, power in _PREFIXES.items():
        rest = name.removeprefix(prefix) if len(prefix) == 1 else lower.removeprefix(prefix)
        if len(rest) + len(prefix) == len(name) and (
            rest in _PREFIXED if len(prefix) == 1 else rest.removesuffix("s") in _SPOKEN
        ):
            unit = _UNITS[rest]
            return Unit(unit.factor * Fraction(10) ** power, unit.powers)
    return None


def _table() -> dict[str, Unit]:
    table = {base: Unit(Fraction(1), ((base, 1),)) for base in BASES if base != "pi"}
    table["g"] = Unit(Fraction(1, 1000), (("kg", 1),))
    for names, factor, base in _DEFINED:
        known = product([(table[part.partition("^")[0]], int(part.partition("^")[2] or 1)) for part in base.split()])
        for name in names.split():
            table[name] = Unit(Fraction(factor) * known.factor, known.powers)
    radian = Unit(Fraction(180), (("deg", 1), ("pi", -1)))
    return table | {"percent": Unit(Fraction(1, 100)), "rad": radian, "radian": radian, "radians": radian}


_UNITS = _table()
