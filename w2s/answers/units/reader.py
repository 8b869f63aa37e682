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
    text = _spelled(text)
    if (noun := described(text)) is not None:
        return Measure(((noun, 1),), Unit(Fraction(1), ((noun, 1),)))
    parts = _Parts(text).read()
    if not parts or any(abs(power) > MAX_EXPONENT for _, _, power in parts):
        return None
    if _ADJECTIVE.search(text) and sum(not unit.known for _, unit, _ in parts) > 1:
        return None  # `red balls` may be an adjective and a noun
    return Measure(tuple((symbol, power) for symbol, _, power in parts), product([part[1:] for part in parts]))


def _spelled(text: str) -> str:
    """`text` with one spelling of each sign, and a symbol for each phrase such as `metric tons`."""
    text = text.translate(_SPELLINGS).replace("\\mu ", "µ").replace("\\Omega", "Ω").replace("\\AA", "Å").strip()
    if " " in text or "-" in text:
        for phrase, symbol in _PHRASES:
            text = phrase.sub(symbol, text)
        text = _HYPHEN.sub(" ", text)
    return text


class _Parts:
    """Reads the factors of a unit, token by token, from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.parts: list[tuple[str, Unit, int]] = []
        self.sign = 1  # -1 below a fraction's line
        self.coming = 1  # the power that `square` gives to the next name
        self.in_brackets = False
        self.has_name = False  # since the last `/` or bracket

    def read(self) -> list[tuple[str, Unit, int]] | None:
        """(symbol, unit, power) of each factor; None if the text is no unit or ambiguous."""
        for token in _TOKEN.finditer(self.text):
            if token["other"] or not self._take(token):
                return None
        return self.parts if self.has_name and not self.in_brackets and self.coming == 1 else None

    def _take(self, token: re.Match[str]) -> bool:
        name, mark = token["name"], token["mark"]
        if name == "per" or mark == "/":
            return self._divide(mark)
        if name in ("square", "cubic", "sq", "cu") and not self._ends_with_power(token):
            self.coming = _POWERS[name]
            return True
        if name in ("squared", "cubed") or (token["power"] and not name):
            return self._raise(int(token["power"]) if token["power"] else _POWERS[name])
        if name:
            return self._multiply(name, token)
        return self._bracket(mark) if mark in ("(", ")") else self._star(mark)

    def _ends_with_power(self, token: re.Match[str]) -> bool:
        """Whether `square` is the last word, as in `metres square`."""
        return self.has_name and self.sign > 0 and not self.text[token.end() :].strip()

    def _divide(self, mark: str | None) -> bool:
        if (not self.has_name and self.parts) or (self.sign < 0 and self.in_brackets) or (mark and not self.parts):
            return False
        self.sign, self.has_name = -1, False
        return True

    def _raise(self, power: int) -> bool:
        if not self.has_name or self.parts[-1][2] not in (1, -1):
            return False
        symbol, unit, exponent = self.parts[-1]
        self.parts[-1] = symbol, unit, exponent * power
        return True

    def _multiply(self, name: str, token: re.Match[str]) -> bool:
        read = _names(name, self.text[token.end() : token.end() + 3], self.sign)
        if not read or (self.has_name and self.sign < 0 and not self.in_brackets):
            return False  # `J/mol K`
        self.parts += [(symbol, unit, self.sign * self.coming) for symbol, unit in read]
        if token["glued"]:  # `m3`
            symbol, unit, exponent = self.parts[-1]
            self.parts[-1] = symbol, unit, exponent * int(token["glued"])
        self.coming, self.has_name = 1, True
        return True

    def _bracket(self, mark: str) -> bool:
        if mark == "(":
            opened = not self.has_name and not self.in_brackets
            self.in_brackets = True
            return opened
        closed = self.in_brackets and self.has_name
        self.in_brackets, self.sign = False, 1
        return closed

    def _star(self, mark: str | None) -> bool:
        if mark and self.sign < 0 and not self.in_brackets:
            self.sign, self.has_name = 1, False
        return True


def _names(name: str, after: str, sign: int) -> list[tuple[str, Unit]]:
    """The units of one word; two for `kJmol`, which is followed by a power; none for `ms^{-1}`, which may be m/s.

    `after`: the three characters after the word. Who types `ms^-2` means m/s^2, since no one counts by inverse square
    milliseconds; `ms^-1` may be a rate, and in LaTeX `ms` may come from one macro, so that `ms^{-2}` stays open.
    """
    known = named(name)
    if name == "c" and sign < 0:
        return [("c", _LIGHT)]
    if after.startswith("^") or name in _TOGETHER:
        pairs = [(named(name[:cut]), named(name[cut:])) for cut in range(1, len(name))]
        together = [[first, second] for first, second in pairs if first and second and name not in ("kg", "mol")]
        if together and (known is None or name in ("kmh", "kph")):
            first, second = next((pair for pair in together if pair[1][0] != "ms"), together[0])
            apart = [named("m"), named("s")] if second[0] == "ms" else [second]  # `kgms^{-1}` is kg m/s
            return [first, *filter(None, apart)]
        if known and name == "ms":
            return [unit for unit in map(named, name) if unit] if after == "^-2" else []
    if known:
        return [known]
    noun = counted(name)
    return [(noun, Unit(Fraction(1), ((noun, 1),)))] if noun else []
