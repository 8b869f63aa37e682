"""Reads the unit after a number: products, quotients and powers of the table's names, in symbols or words."""

import re
from fractions import Fraction
from functools import lru_cache

from w2s.answers.units.nouns import counted, described
from w2s.answers.units.table import named
from w2s.answers.units.unit import MAX_EXPONENT, Measure, Unit, product

_TOKEN = re.compile(
    r"(?P<name>[A-Za-zΩµÅ]+)(?P<glued>-?\d(?!\d))?|\^ ?[{(]? ?(?P<power>-?\d{1,2}) ?[})]?|(?P<mark>[*/().])"
    r"|(?P<space> +)|(?P<other>.)",
    re.DOTALL,
)
_POWERS = {"squared": 2, "cubed": 3, "square": 2, "cubic": 3, "sq": 2, "cu": 3}
_PHRASES = (
    (re.compile(r"\blight[- ]years?\b", re.IGNORECASE), "ly"),
    (re.compile(r"\bnautical miles?\b", re.IGNORECASE), "nmi"),
    (re.compile(r"\b(?:fluid ounces?|fl\.? ?oz)\b", re.IGNORECASE), "floz"),
    (re.compile(r"\bmetric tons?\b", re.IGNORECASE), "t"),
    (re.compile(r"\b(?:revolutions?|rotations?) per minute\b", re.IGNORECASE), "rpm"),
    (re.compile(r"\b(?:unified )?atomic mass units?\b", re.IGNORECASE), "u"),
    (re.compile(r"\belectron[- ]volts?\b", re.IGNORECASE), "eV"),
    (re.compile(r"\bdegrees? (?:Celsius|centigrade|C)\b", re.IGNORECASE), "degC"),
    (re.compile(r"\bdegrees? (?:Fahrenheit|F)\b", re.IGNORECASE), "degF"),
    (re.compile(r"\bper cent\b", re.IGNORECASE), "percent"),
)
_HYPHEN = re.compile(r"(?<=[A-Za-z]{3})-(?=[A-Za-z]{3})(?!pounds?\b)")
"""Of `kilowatt-hours`; a foot-pound is not a foot times a pound."""
_TOGETHER = frozenset("Nm Js As Vs Tm".split())
"""Products that are written without a space and without a power."""
_ADJECTIVE = re.compile(r"(?!per )\b[A-Za-z]{3,} (?!per\b)[A-Za-z]{3}")
_LIGHT = Unit(Fraction(299792458), (("m", 1), ("s", -1)))
"""The speed of light, in `GeV/c^2`."""
_SPELLINGS = str.maketrans({"μ": "µ", "·": "*", "Ω": "Ω"})


@lru_cache(maxsize=4096)
def unit_of(text: str) -> Measure | None:
    """The unit that a text spells: `km / h`, `m*s^{-2}`, `J/(mol K)`, `miles per hour`, `apples`, `molecules/cm^3`.

    Units written together (`kJmol^{-1}`) are read if they cannot be one name. None for anything else, and for `J/mol
    K`, which is ambiguous.
    """
    text = text.translate(_SPELLINGS).replace("\\mu ", "µ").replace("\\Omega", "Ω").replace("\\AA", "Å")
    text = text.strip()
    if " " in text or "-" in text:
        for phrase, symbol in _PHRASES:
            text = phrase.sub(symbol, text)
        text = _HYPHEN.sub(" ", text)
    if (noun := described(text)) is not None:
        return Measure(((noun, 1),), Unit(Fraction(1), ((noun, 1),)))
    parts: list[tuple[str, Unit, int]] = []
    sign, coming, brackets, has_name = 1, 1, 0, False
    for token in _TOKEN.finditer(text):
        name, power, mark = token["name"], token["power"] or token["glued"], token["mark"]
        if token["other"]:
            return None
        if name == "per" or mark == "/":
            if (not has_name and parts) or (sign < 0 and brackets) or (mark and not parts):
                return None
            sign, has_name = -1, False
        elif name in ("square", "cubic", "sq", "cu") and not (
            has_name and sign > 0 and text[token.end() :].strip() == ""
        ):
            coming = _POWERS[name]
        elif name in ("squared", "cubed") or (power and not name):
            if not has_name or parts[-1][2] not in (1, -1):
                return None
            symbol, unit, exponent = parts[-1]
            parts[-1] = symbol, unit, exponent * (int(power) if power else _POWERS[name])
        elif name:
            read = _names(name, text[token.end() : token.end() + 1], sign)
            if not read or (has_name and sign < 0 and not brackets):
                return None
            parts += [(symbol, unit, sign * coming) for symbol, unit in read]
            if token["glued"]:
                symbol, unit, exponent = parts[-1]
                parts[-1] = symbol, unit, exponent * int(token["glued"])
            coming, has_name = 1, True
        elif mark == "(":
            if has_name or brackets:
                return None
            brackets = 1
        elif mark == ")":
            if not brackets or not has_name:
                return None
            brackets, sign = 0, 1
        elif mark in ("*", ".") and sign < 0 and not brackets:
            sign, has_name = 1, False
    if not parts or not has_name or brackets or coming != 1 or any(abs(part[2]) > MAX_EXPONENT for part in parts):
        return None
    if _ADJECTIVE.search(text) and sum(not unit.known for _, unit, _ in parts) > 1:
        return None  # `red balls` may be an adjective and a noun
    return Measure(tuple((symbol, power) for symbol, _, power in parts), product([part[1:] for part in parts]))


def _names(name: str, after: str, sign: int) -> list[tuple[str, Unit]]:
    """The units of one word; two for `kJmol`, which is followed by a power; none for `ms^{-1}`, which may be m/s."""
    known = named(name)
    if name == "c" and sign < 0:
        return [("c", _LIGHT)]
    if after == "^" or name in _TOGETHER:
        pairs = [(named(name[:cut]), named(name[cut:])) for cut in range(1, len(name))]
        together = [[first, second] for first, second in pairs if first and second and name not in ("kg", "mol")]
        if together and (known is None or name in ("kmh", "kph")):
            first, second = next((pair for pair in together if pair[1][0] != "ms"), together[0])
            apart = [named("m"), named("s")] if second[0] == "ms" else [second]  # `kgms^{-1}` is kg m/s
            return [first, *filter(None, apart)]
        if known and name == "ms":
            return []
    if known:
        return [known]
    noun = counted(name)
    return [(noun, Unit(Fraction(1), ((noun, 1),)))] if noun else []
