"""Pairs of quantities: units dropped, converted, spelled otherwise, with powers, or of one letter."""

from fractions import Fraction
from random import Random

from tests.benchmarks.answer_cases import Case
from tests.benchmarks.answer_pairs.pair import (
    decimal,
    different,
    equal,
    far,
    not_different,
    not_equal,
    other,
    spelled,
    two,
    whole,
)

Scale = dict[str, tuple[tuple[str, ...], Fraction]]
LENGTH: Scale = {
    "mm": (("mm", "millimeters"), Fraction(1, 1000)),
    "cm": (("cm", "centimeters", "\\text{cm}"), Fraction(1, 100)),
    "m": (("m", "meters", "metres", "\\text{ m}"), Fraction(1)),
    "km": (("km", "kilometers", "\\mathrm{km}"), Fraction(1000)),
    "in": (("inches", "in."), Fraction(254, 10_000)),
    "ft": (("feet", "ft"), Fraction(3048, 10_000)),
    "mi": (("miles",), Fraction(1_609_344, 1000)),
}
TIME: Scale = {
    "s": (("seconds", "s", "sec"), Fraction(1)),
    "min": (("minutes", "min", "mins"), Fraction(60)),
    "h": (("hours", "h", "hrs"), Fraction(3600)),
    "d": (("days",), Fraction(86_400)),
    "w": (("weeks",), Fraction(604_800)),
}
MASS: Scale = {
    "mg": (("mg", "milligrams"), Fraction(1, 1000)),
    "g": (("g", "grams", "\\text{ g}"), Fraction(1)),
    "kg": (("kg", "kilograms", "\\mathrm{~kg}"), Fraction(1000)),
}
VOLUME: Scale = {"mL": (("mL", "milliliters", "ml"), Fraction(1, 1000)), "L": (("L", "liters", "litres"), Fraction(1))}
AREA: Scale = {
    "cm2": (("cm^2", "square centimeters", "\\text{cm}^2", "cm²"), Fraction(1, 10_000)),
    "m2": (("m^2", "square meters", "m²"), Fraction(1)),
}
SCALES = (LENGTH, TIME, MASS, VOLUME, AREA)
SPELLINGS = (  # one line a unit; no two lines are one unit
    (
        "m/s",
        "m s^{-1}",
        "m s-1",
        "m·s⁻¹",
        "\\mathrm{m/s}",
        "\\mathrm{~m} / \\mathrm{s}",
        "m \\cdot s^{-1}",
        "meters per second",
        "\\mathrm{m \\cdot s^{-1}}",
        "m.s^{-1}",
    ),
    (
        "m/s^2",
        "m s^{-2}",
        "m s-2",
        "m/s²",
        "\\mathrm{m\\,s^{-2}}",
        "\\mathrm{~m} / \\mathrm{s}^{2}",
        "meters per second squared",
    ),
    ("m^3", "m3", "m³", "cubic meters", "\\mathrm{m}^3", "\\mathrm{m^{3}}"),
    ("kg/m^3", "kg m^{-3}", "kg m-3", "kg/m³", "\\mathrm{kg\\,m^{-3}}", "\\mathrm{~kg} / \\mathrm{m}^{3}"),
    ("mol/L", "M", "mol L^{-1}", "mol dm^{-3}", "mol/dm^3", "\\mathrm{mol/L}"),
    ("kJ/mol", "kJ mol^{-1}", "kJ mol-1", "\\mathrm{kJ \\cdot mol^{-1}}", "\\mathrm{~kJ} / \\mathrm{mol}", "kJ·mol⁻¹"),
    ("J/(mol K)", "J mol^{-1} K^{-1}", "J/mol/K", "\\mathrm{J \\cdot mol^{-1} \\cdot K^{-1}}", "J/(mol·K)"),
    ("N", "newtons", "kg m/s^2", "\\mathrm{N}", "kg m s^{-2}"),
    ("Ω", "ohms", "\\Omega", "\\mathrm{\\Omega}", "ohm"),
    ("μm", "\\mu m", "micrometers", "\\mathrm{\\mu m}", "um"),
    ("°C", "^\\circ C", "^{\\circ}\\mathrm{C}", "degrees Celsius"),
    ("g", "grams", "gram", "\\mathrm{~g}"),
    ("J", "joules", "N m", "\\mathrm{~J}", "N·m"),
    ("eV", "electron volts", "\\mathrm{eV}", "electronvolts"),
    ("Hz", "hertz", "s^{-1}", "\\mathrm{Hz}"),
    ("Å", "angstrom", "angstroms", "\\mathrm{\\AA}"),
    ("h", "hours", "hr", "hour"),
    ("V", "volts", "\\mathrm{V}", "\\text{ V}"),
    ("W/m^2", "W m^{-2}", "W m-2", "\\mathrm{W/m^2}", "W/m²"),
    ("rpm", "revolutions per minute"),
    ("amu", "u", "atomic mass units"),
    ("gallons", "gal"),
    ("oz", "ounces"),
    ("mM", "mmol/L", "\\mathrm{mM}"),
    ("lb", "pounds", "lbs"),
)
LETTERS = {
    "m": "meters",
    "g": "grams",
    "s": "seconds",
    "L": "liters",
    "N": "newtons",
    "V": "volts",
    "W": "watts",
    "J": "joules",
    "h": "hours",
    "A": "amperes",
}
COUNTED = "molecules photons particles people electrons cells bacteria atoms ions stars trees".split()
TOGETHER = (
    ("kJmol^{-1}", "kJ/mol", "kJ mol"),
    ("Nm^{-1}", "N/m", "N m"),
    ("Jmol^{-1}", "J/mol", "J mol"),
    ("gcm^{-3}", "g/cm^3", "g cm^3"),
    ("molL^{-1}", "mol/L", "mol L"),
    ("kmh^{-1}", "km/h", "km h"),
    ("kgm^{-3}", "kg/m^3", "kg m^3"),
    ("Wm^{-2}", "W/m^2", "W m^2"),
    ("Jkg^{-1}", "J/kg", "J kg"),
    ("Vm^{-1}", "V/m", "V m"),
    ("cms^{-1}", "cm/s", "cm s"),
    ("kms^{-1}", "km/s", "km s"),
)


def two_units(rng: Random) -> Case:
    """Units on both sides: converted or different."""
    scale = rng.choice(SCALES)
    (texts, factor), (texts_2, factor_2) = (scale[key] for key in rng.sample(list(scale), 2))
    number = whole(rng)
    kind = rng.choice(("", "", "NV"))
    converted = decimal(number * factor / factor_2)
    foreign = rng.choice([s for s in SCALES if s is not scale])
    match rng.randrange(7):
        case 0 | 1 if converted is not None:
            sides = (f"{number} {rng.choice(texts)}", f"{converted} {rng.choice(texts_2)}")
            return not_different(*sides, kind) if scale is TIME and not kind else equal(*sides, kind)
        case 2 | 3:
            return different(f"{number} {rng.choice(texts)}", f"{number} {rng.choice(texts_2)}", kind)
        case 4:
            wrong = decimal(number * factor / factor_2 * rng.choice((10, 2, Fraction(1, 10))))
            return different(f"{number} {rng.choice(texts)}", f"{wrong or number} {rng.choice(texts_2)}", kind)
        case 5:
            texts_3, _ = rng.choice(list(foreign.values()))
            return different(f"{number} {rng.choice(texts)}", f"{number} {rng.choice(texts_3)}", kind)
        case _:
            hours, minutes = rng.randint(1, 9), rng.randint(1, 59)
            text = rng.choice(
                (f"{hours} hours {minutes} minutes", f"{hours} h {minutes} min", f"{hours} hours and {minutes} minutes")
            )
            if rng.random() < 0.5:
                return equal(text, f"{60 * hours + minutes} {rng.choice(('minutes', 'min'))}", "NV")
            return different(
                text,
                rng.choice((f"{60 * hours + minutes + 1} minutes", f"{hours + minutes} minutes", f"{hours} hours")),
                kind,
            )


def unit_powers(rng: Random) -> Case:
    """Units with powers, known and counted ones."""
    number, thing = whole(rng), rng.choice(COUNTED)
    below, below_2 = rng.sample(("cm^3", "m^3", "cm^2", "m^2", "km^2", "L"), 2)
    energy = ["keV", "MeV", "GeV"]
    match rng.randrange(10):
        case 8 | 9:
            unit, power = rng.choice(("m", "s", "kg", "cm", "mol")), rng.randint(2, 3)
            return equal(f"{number} J/{unit}^{power}", f"{number} J {unit}^{{-{power}}}", "NV")
        case 0 | 1:
            return different(f"{number} {thing}/{below}", f"{number} {thing}/{below_2}", "NV")
        case 2:
            return different(f"{number} {thing}/{below}", f"{far(rng, number)} {thing}/{below}", "NV")
        case 3:
            return not_different(
                f"{number} {thing}/cm^3", f"{number} {thing}{rng.choice((' cm^{-3}', '/cm³', ' per cm^3'))}", "NV"
            )
        case 4:
            first, second = rng.sample(energy, 2)
            return different(f"{number} {first}/c^2", f"{number} {second}/c^2", "NV")
        case 5:
            return not_different(f"{number} GeV/c^2", f"{number * 1000} MeV/c^2", "NV")
        case 6:
            line, line_2 = rng.sample(SPELLINGS, 2)
            return (
                different(f"{number} {rng.choice(line)}", f"{number} {rng.choice(line_2)}", "NV")
                if "pounds" not in line + line_2
                else different(f"{number} m^2", f"{number} m^3", "NV")
            )
        case _:
            unit = rng.choice(("m", "s", "kg", "cm"))
            first, second = rng.sample((1, 2, 3, -1, -2), 2)
            return different(f"{number} {unit}^{{{first}}}", f"{number} {unit}^{{{second}}}", "NV")


def unit_spellings(rng: Random) -> Case:
    line = rng.choice(SPELLINGS)
    number = rng.choice((Fraction(whole(rng)), Fraction(rng.randint(1, 999), 100)))
    text, text_2 = two(rng, list(line))
    first = decimal(number) or ""
    changed = decimal(number * rng.choice((2, 3, 10, -1))) or ""
    gap = rng.choice((" ", " ", "\\ ", "~", "\\,"))
    if rng.random() < 0.6:
        return equal(f"{first}{gap}{text}", f"{first} {text_2}", "NV")
    return different(f"{first}{gap}{text}", f"{changed} {text_2}", "NV")


def units_together(rng: Random) -> Case:
    """Units written without a space before a negative power."""
    glued, apart, wrong = rng.choice(TOGETHER)
    number = whole(rng)
    wrap = rng.choice(("{}", "\\mathrm{{{}}}", "\\text{{ {}}}"))
    match rng.randrange(5):
        case 0 | 1:
            return equal(f"{number} {wrap.format(glued)}", f"{number} {apart}", "NV")
        case 2:
            return different(f"{number} {wrap.format(glued)}", f"{number} {wrong}", "NV")
        case 3:
            return different(f"{number} {wrap.format(glued)}", f"{far(rng, number)} {apart}", "NV")
        case _:
            return not_different(f"{number} ms^{{-1}}", f"{number} m/s", "NV")


def letter_units(rng: Random) -> Case:
    """Units of one letter, and others, beside a plain number: the unit is dropped, a variable is not."""
    letter, letter_2 = rng.sample(list(LETTERS), 2)
    number = whole(rng)
    texts = [
        f"{number} {letter}",
        f"{number}\\text{{ {letter}}}",
        f"{number}\\mathrm{{~{letter}}}",
        f"{number}\\ \\text{{{letter}}}",
        f"{number} {LETTERS[letter]}",
    ]
    powers = [
        f"{number} m/s",
        f"{number} m/s^2",
        f"{number} cm^2",
        f"{number}\\text{{ m}}^3",
        f"{number}^\\circ\\text{{C}}",
        f"{number} km/h",
        f"{number} kg",
        f"{number}\\,\\text{{cm}}",
    ]
    match rng.randrange(8):
        case 0 | 1:
            return equal(rng.choice(texts[:4]), rng.choice((spelled(rng, number), texts[4])))
        case 2:
            return equal(rng.choice(powers), str(number))
        case 3:
            return different(rng.choice([*texts, *powers]), str(other(rng, number)))
        case 4:
            return different(
                rng.choice(texts), rng.choice((f"{number}\\text{{ {letter_2}}}", f"{number} {LETTERS[letter_2]}"))
            )
        case 5:
            return different(
                f"{number}{rng.choice(('', ' '))}{rng.choice('xnz')}",
                rng.choice((str(number), f"{number} m", f"{number}\\text{{ s}}")),
            )
        case 6:
            return equal(*two(rng, texts))
        case _:
            return not_equal(f"{number}{letter}^2", f"{number}{letter}")
