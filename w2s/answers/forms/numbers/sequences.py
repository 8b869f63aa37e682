"""Forms of numbers in a row that are not computed: ranges, dimensions, scores and numbers joined by hyphens.

`10 to 15` is a range and not -5, `2x3` may be dimensions or a product, `1 1 1` may be a vector.
"""

import re
from fractions import Fraction

from w2s.answers.algebra.number import number
from w2s.answers.forms.form import Form
from w2s.answers.text.characters import EN_DASH
from w2s.answers.units.reader import unit_of

_PLAIN = r"\d+(?:\.\d+)?"
_UNIT = r"(?: ?([A-Za-z][A-Za-z ./^*\d]*))?"
_SIZE = rf"\d+/\d+|{_PLAIN}"
_RANGE = re.compile(
    rf"(?:(?:from|between) )?(-?(?:{_SIZE})){_UNIT} ?(?:{EN_DASH}|-{{1,3}}|to|and|through) ?({_SIZE}){_UNIT}", re.ASCII
)
_JOINED = re.compile(rf"-?\d+(?:[-{EN_DASH}]\d+){{2,}}|\d+(?:/\d+){{2,}}|\d{{3}}-\d{{4}}", re.ASCII)
_BY = re.compile(rf"({_PLAIN})((?: ?(?:[xX]|by|\\times) ?{_PLAIN})+){_UNIT}", re.ASCII)
_SIDE_BY_SIDE = re.compile(rf"[-+]?{_PLAIN}(?: [-+]?{_PLAIN})+", re.ASCII)


def sequence_form(text: str) -> Form | None:
    """`10 to 15 m` with an en dash, `3 x 4`, `3-4-5` or `1 1 1` as written, in one spelling; None for other texts.

    A minus sign with spaces, `100 - 40`, may be a difference; the comparison with a number leaves it open.
    """
    if _JOINED.fullmatch(text):
        return Form(text.replace(EN_DASH, "-"), False)
    if (match := _RANGE.fullmatch(text)) and _is_range(text, match):
        units = [unit_of(unit) for unit in (match[2], match[4]) if unit]
        if None in units:
            return None
        low = f"{_decimal(match[1])} {units[0]}" if len(units) == 2 and units[0] != units[1] else _decimal(match[1])
        return Form(f"{low} {EN_DASH} {_decimal(match[3])}{f' {units[-1]}' if units else ''}", False)
    if (match := _BY.fullmatch(text)) and not re.search(r"\d[xX]\d+ ?\^|10 ?$", text):
        measure = unit_of(match[3]) if match[3] else None
        if match[3] and (measure is None or not measure.unit.known):
            return None
        sizes = re.findall(_PLAIN, match[1] + match[2])
        body = (" by " if "by" in match[2] else " x ").join(map(_decimal, sizes))
        return Form(f"{body} {measure}" if measure else body, False)
    if _SIDE_BY_SIDE.fullmatch(text) and not re.fullmatch(r"-?\d+ \d+/\d+", text):
        return Form(re.sub(r" \+", " ", text), False)
    return None


def _decimal(text: str) -> str:
    """`8.50` as `8.5`."""
    text = text.lstrip("0") if text[:1] == "0" and text[1:2].isdigit() else text
    return text.rstrip("0").rstrip(".") if "." in text else text


def _is_range(text: str, match: re.Match[str]) -> bool:
    unsigned = not match[1].startswith("-")
    if text.startswith(("from ", "between ")):
        return True
    if "/" in (match[1] + match[3]) and " - " in text:
        return False  # a difference of fractions
    if re.search(r"\d(?: [A-Za-z]+)? and ", text) or (match[2] and not match[4]):
        return False
    return unsigned or EN_DASH in text or " to " in text


def numbers_in(text: str) -> list[Fraction]:
    """The numbers of a canonical sequence, in order, without signs of their own after a space-less hyphen."""
    sizes = re.findall(_PLAIN if _JOINED.fullmatch(text) else _SIZE, text)
    return [value for value in map(number, sizes) if value is not None]


def mixed_value(text: str) -> Fraction | None:
    """5/2 for the range from 2 to 1/2, which may be a mixed number with a hyphen; None for other sequences."""
    values = numbers_in(text)
    if len(values) != 2 or EN_DASH not in text or values[0].denominator != 1 or not 0 < values[1] < 1:
        return None
    return values[0] + values[1]


def computed_value(text: str) -> Fraction | None:
    """The number that a canonical sequence would be if its marks were arithmetic: what it may also mean."""
    values = numbers_in(text)
    if not values:
        return None
    if " x " in text:
        total = Fraction(1)
        for value in values:
            total *= value
        return total
    if "/" in text and _JOINED.fullmatch(text):
        total = values[0]
        for value in values[1:]:
            if value == 0:
                return None
            total /= value
        return total
    signs = [sign or "" for sign in re.findall(rf"([-+{EN_DASH}]?) ?(?:{_SIZE})", text)]
    if any(not sign for sign in signs[1:]):
        return None
    return sum(
        (-value if sign in ("-", EN_DASH) else value for sign, value in zip(signs, values, strict=True)), Fraction(0)
    )
