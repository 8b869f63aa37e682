"""Reads exact numbers as answers spell them, such as `1,000`, `$13.50`, `-.5`, `1e3`, `27 1/2`, and shows them."""

import re
from fractions import Fraction

MAX_EXPONENT = 300
"""Of scientific notation; a number with a larger power of ten stays text."""

_PLAIN = re.compile(r"-?(?:0|[1-9]\d{0,17})", re.ASCII)
_DECIMAL = re.compile(
    r"(?P<sign>[+-]?)\$?(?P<inner>-?)(?P<whole>\d{1,3}(?:,\d{3})+|\d+|(?=\.\d))(?P<decimals>\.\d*)?"
    r"(?:[eE](?P<exponent>[+-]?\d{1,3}))?\.?",
    re.ASCII,
)
_FRACTION = re.compile(
    r"(?P<sign>[+-]?)\$?(?:(?P<whole>\d+)\s+)?(?P<over>-?(?:\d{1,3}(?:,\d{3})+|\d+))\s*/\s*(?P<under>\d{1,3}(?:,\d{3})+|\d+)\.?",
    re.ASCII,
)


def plain_integer(text: str) -> bool:
    """Whether `text` is an integer of at most 18 digits in its canonical spelling."""
    return _PLAIN.fullmatch(text) is not None and text != "-0"


def number(text: str) -> Fraction | None:
    """The exact value of a written number; None for every other text.

    A percent sign is dropped and not divided by, because `75%` and `75` both answer "what percentage".
    """
    text = text.strip().removesuffix("%").removesuffix("\\").rstrip()
    if match := _DECIMAL.fullmatch(text):
        return _decimal(match)
    if match := _FRACTION.fullmatch(text):
        return _fraction(match)
    return None


def show(value: Fraction) -> str:
    """The canonical spelling: in lowest terms, as `27/2`; integers without a denominator."""
    return str(value.numerator) if value.denominator == 1 else f"{value.numerator}/{value.denominator}"


def _decimal(match: re.Match[str]) -> Fraction | None:
    if match["sign"] and match["inner"]:
        return None
    digits = (match["whole"] or "0").replace(",", "")
    decimals = (match["decimals"] or ".")[1:]
    exponent = int(match["exponent"] or 0)
    if abs(exponent) > MAX_EXPONENT:
        return None
    power = exponent - len(decimals)
    value = Fraction(int(digits + decimals))
    value = value * 10**power if power >= 0 else value / 10**-power
    return -value if "-" in (match["sign"], match["inner"]) else value


def _fraction(match: re.Match[str]) -> Fraction | None:
    over, under = int(match["over"].replace(",", "")), int(match["under"].replace(",", ""))
    if under == 0 or (match["whole"] and not 0 < over < under):
        return None
    value = int(match["whole"] or 0) + Fraction(over, under)
    return -value if match["sign"] == "-" else value
