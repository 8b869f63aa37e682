"""The table of units: names, exact factors to SI base units, prefixes and currencies.

A unit without one exact factor is its own base and is never converted: a year (365 or 365.25 days), a parsec, and
degrees Celsius and Fahrenheit (a temperature converts differently from a difference of temperatures).
"""

import re
from fractions import Fraction

from w2s.answers.units.unit import BASES, Unit, product

_DEFINED = (
    # names (the first is the symbol), factor, unit
    ("m meter metre meters metres", "1", "m"),
    ("g gram grams gm gms", "1/1000", "kg"),
    ("s second seconds sec secs", "1", "s"),
    ("A ampere amperes amp amps", "1", "A"),
    ("K kelvin kelvins", "1", "K"),
    ("mol mole moles", "1", "mol"),
    ("cd candela candelas", "1", "cd"),
    ("deg degree degrees", "1", "deg"),
    ("arcmin arcminute arcminutes", "1/60", "deg"),
    ("arcsec arcsecond arcseconds", "1/3600", "deg"),
    ("min minute minutes mins", "60", "s"),
    ("h hour hours hr hrs", "3600", "s"),
    ("day days", "86400", "s"),
    ("week weeks wk wks", "604800", "s"),
    ("fortnight fortnights", "1209600", "s"),
    ("yr year years yrs", "1", "yr"),
    ("month months", "1", "month"),
    ("decade decades", "10", "yr"),
    ("century centuries", "100", "yr"),
    ("pc parsec parsecs", "1", "pc"),
    ("u amu Da dalton daltons", "1", "u"),
    ("dB decibel decibels", "1", "dB"),
    ("Hz hertz", "1", "s^-1"),
    ("Bq becquerel becquerels", "1", "s^-1"),
    ("rpm RPM", "1/60", "s^-1"),
    ("N newton newtons", "1", "kg m s^-2"),
    ("J joule joules", "1", "kg m^2 s^-2"),
    ("W watt watts", "1", "kg m^2 s^-3"),
    ("Pa pascal pascals", "1", "kg m^-1 s^-2"),
    ("C coulomb coulombs", "1", "A s"),
    ("V volt volts", "1", "kg m^2 s^-3 A^-1"),
    ("Ω ohm ohms", "1", "kg m^2 s^-3 A^-2"),
    ("S siemens mho", "1", "A^2 s^3 kg^-1 m^-2"),
    ("F farad farads", "1", "A^2 s^4 kg^-1 m^-2"),
    ("T tesla teslas", "1", "kg s^-2 A^-1"),
    ("Gs gauss", "1/10000", "T"),
    ("H henry henries henrys", "1", "kg m^2 s^-2 A^-2"),
    ("Wb weber webers", "1", "kg m^2 s^-2 A^-1"),
    ("Gy gray grays", "1", "m^2 s^-2"),
    ("L l liter liters litre litres", "1/1000", "m^3"),
    ("cc", "1/1000000", "m^3"),
    ("M", "1000", "mol m^-3"),
    ("bar bars", "100000", "Pa"),
    ("atm atmosphere atmospheres", "101325", "Pa"),
    ("torr Torr mmHg", "101325/760", "Pa"),
    ("psi", "0.45359237*9.80665/0.0254/0.0254", "Pa"),
    ("dyn dyne dynes", "1/100000", "N"),
    ("erg ergs", "1/10000000", "J"),
    ("P poise", "1/10", "kg m^-1 s^-1"),
    ("eV electronvolt electronvolts", "1.602176634e-19", "J"),
    ("Wh", "3600", "J"),
    ("kWh", "3600000", "J"),
    ("cal calorie calories", "4.184", "J"),
    ("Cal Calorie Calories", "4184", "J"),
    ("hp horsepower", "0.45359237*9.80665*550*0.3048", "W"),
    ("D debye debyes", "1e-21/299792458", "A s m"),
    ("in inch inches", "0.0254", "m"),
    ("ft foot feet", "0.3048", "m"),
    ("yd yard yards", "0.9144", "m"),
    ("mi mile miles", "1609.344", "m"),
    ("nmi", "1852", "m"),
    ("mph", "0.44704", "m s^-1"),
    ("kph kmh kmph", "5/18", "m s^-1"),
    ("knot knots kn", "1852/3600", "m s^-1"),
    ("AU au", "149597870700", "m"),
    ("ly lightyear lightyears", "9460730472580800", "m"),
    ("Å angstrom angstroms ångström", "1e-10", "m"),
    ("micron microns", "1e-6", "m"),
    ("acre acres", "4046.8564224", "m^2"),
    ("ha hectare hectares", "10000", "m^2"),
    ("gal gallon gallons", "0.003785411784", "m^3"),
    ("quart quarts qt qts", "0.000946352946", "m^3"),
    ("pint pints", "0.000473176473", "m^3"),
    ("cup cups", "0.0002365882365", "m^3"),
    ("tbsp tablespoon tablespoons", "0.00001478676478125", "m^3"),
    ("tsp teaspoon teaspoons", "0.00000492892159375", "m^3"),
    ("floz", "0.0000295735295625", "m^3"),
    ("lb lbs pound pounds lbm", "0.45359237", "kg"),
    ("oz ounce ounces", "0.028349523125", "kg"),
    ("ton tons", "907.18474", "kg"),
    ("t tonne tonnes", "1000", "kg"),
    ("stone", "6.35029318", "kg"),
    ("percent pct", "1", "percent"),
    ("USD dollar dollars buck bucks", "1", "USD"),
    ("cents cent", "1/100", "USD"),
    ("EUR euro euros", "1", "EUR"),
    ("GBP", "1", "GBP"),
    ("JPY yen", "1", "JPY"),
    ("INR rupee rupees", "1", "INR"),
    ("bit bits", "1", "bit"),
    ("B byte bytes", "8", "bit"),
)
_PREFIXES = {
    **{"f": -15, "p": -12, "n": -9, "µ": -6, "m": -3, "c": -2, "d": -1, "h": 2, "k": 3, "M": 6, "G": 9, "T": 12},
    "u": -6,
}
_LONG_PREFIXES = {
    **{"femto": "f", "pico": "p", "nano": "n", "micro": "µ", "milli": "m", "centi": "c", "deci": "d"},
    **{"hecto": "h", "kilo": "k", "mega": "M", "giga": "G", "tera": "T"},
}
_PREFIXED = frozenset("m g s A K mol Hz N J W Pa C V Ω ohm F T H Wb L l bar eV cal pc M yr Bq B bit Gy".split())
"""Symbols that take a one-letter prefix."""
_SPOKEN = frozenset(
    "meter metre gram second amp ampere hertz newton joule watt pascal volt ohm liter litre farad mole byte bit "
    "calorie tesla henry coulomb electronvolt parsec".split()
)
"""Names that take a prefix of several letters."""


def named(name: str) -> tuple[str, Unit] | None:
    """(symbol, unit) of a name, prefix included; None for an unknown name. Symbols of one or two letters keep case."""
    if found := _UNITS.get(name):
        return found
    lower = name.lower()
    if len(name) > 2 and (found := _UNITS.get(lower)):
        return found
    prefix, rest = name[:1], name[1:]
    if prefix in _PREFIXES and rest in _PREFIXED and name not in ("Tm", "Ts", "Tg"):  # tesla metre, not terametre
        return _scaled("µ" if prefix == "u" else prefix, rest)
    for spoken, prefix in _LONG_PREFIXES.items():
        rest = lower.removeprefix(spoken)
        if rest != lower and rest.removesuffix("s") in _SPOKEN:
            return _scaled(prefix, rest)
    return None


def _scaled(prefix: str, name: str) -> tuple[str, Unit]:
    symbol, unit = _UNITS[name]
    return prefix + symbol, Unit(unit.factor * Fraction(10) ** _PREFIXES[prefix], unit.powers)


def _table() -> dict[str, tuple[str, Unit]]:
    table = {base: (base, Unit(Fraction(1), ((base, 1),))) for base in BASES if base not in ("pi", "u", "dB")}
    for names, factor, base in _DEFINED:
        parts = [
            (table[part.partition("^")[0]][1], int(part.partition("^")[2] or 1))
            for part in base.split()
            if part.partition("^")[0] in table
        ]
        known = product(parts) if parts else Unit(Fraction(1), ((base, 1),))
        unit = Unit(_exact(factor) * known.factor, known.powers)
        for name in names.split():
            table[name] = (names.split()[0], unit)
    radian = Unit(Fraction(180), (("deg", 1), ("pi", -1)))
    return table | dict.fromkeys(("rad", "radian", "radians"), ("rad", radian))


def _exact(factor: str) -> Fraction:
    """The value of `a*b/c`, from left to right."""
    value, operation = Fraction(1), "*"
    for part in re.split(r"([*/])", factor):
        if part in ("*", "/"):
            operation = part
        else:
            value = value * Fraction(part) if operation == "*" else value / Fraction(part)
    return value


_UNITS = _table()
