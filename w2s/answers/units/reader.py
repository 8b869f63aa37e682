"""Reads the unit after a number: products, quotients and powers of the table's names, in symbols or words."""

import re
from functools import lru_cache

from w2s.answers.units.table import named
from w2s.answers.units.unit import MAX_EXPONENT, Unit, product

_TOKEN = re.compile(
    r"(?P<name>[A-Za-zΩµÅ]+)|\^ ?\{? ?(?P<power>-?\d{1,2}) ?\}?|(?P<mark>[*/()])|(?P<space> +)|(?P<other>.)", re.DOTALL
)
_POWERS = {"squared": 2, "cubed": 3, "square": 2, "cubic": 3}
_SPELLINGS = str.maketrans({"μ": "µ", "·": "*", "Ω": "Ω"})


@lru_cache(maxsize=4096)
def unit_of(text: str) -> Unit | None:
    """The unit that a text spells: `km / h`, `m*s^{-2}`, `J/(mol K)`, `miles per hour`, `meters per second squared`.

    None for anything else, and for `J/mol K`, which is ambiguous.
    """
    text = text.translate(_SPELLINGS).replace("\\mu ", "µ").replace("\\Omega", "Ω").replace("\\AA", "Å")
    parts: list[tuple[Unit, int]] = []
    sign, coming, brackets, has_name = 1, 1, 0, False
    for token in _TOKEN.finditer(text):
        name, power, mark = token["name"], token["power"], token["mark"]
        if token["other"]:
            return None
        if name == "per" or mark == "/":
            if not has_name or (sign < 0 and brackets):
                return None
            sign, has_name = -1, False
        elif name in ("square", "cubic") and not (has_name and sign > 0 and text[token.end() :].strip() == ""):
            coming = _POWERS[name]
        elif power or name in ("squared", "cubed"):
            if not has_name or parts[-1][1] not in (1, -1):
                return None
            parts[-1] = parts[-1][0], parts[-1][1] * (int(power) if power else _POWERS[name])
        elif name:
            unit = named(name)
            if unit is None or (has_name and sign < 0 and not brackets):
                return None
            parts.append((unit, sign * coming))
            coming, has_name = 1, True
        elif mark == "(":
            if has_name or brackets:
                return None
            brackets = 1
        elif mark == ")":
            if not brackets or not has_name:
                return None
            brackets, sign = 0, 1
        elif mark == "*" and sign < 0 and not brackets:
            sign, has_name = 1, False
    if not parts or not has_name or brackets or coming != 1 or any(abs(power) > MAX_EXPONENT for _, power in parts):
        return None
    return product(parts)
