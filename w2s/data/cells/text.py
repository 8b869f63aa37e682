"""Cells as text: the shortest text of a value in its own type, or an error that says why there is none."""

import re
from datetime import date, time
from decimal import Decimal
from typing import Any, cast

_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?")
_LONGEST_NUMBER = 30
"""Digits before or after the point; a number of more is written with an exponent."""


def cell_text(value: Any) -> str:
    """A cell as text without surrounding white space: '' where it is missing, which pandas writes as NaN.

    A number has the fewest digits that give it back, a boolean is `true` or `false` as in JSON, a date is in ISO 8601,
    and the values of a list are joined by commas. Raises ValueError with the reason for any other value.
    """
    if isinstance(value, list):
        parts = [_part_text(part) for part in cast("list[Any]", value)]
        if len(parts) > 1 and (split := [part for part in parts if _has_separator(part)]):
            raise ValueError(f"a list must not hold {split[0]!r}, whose comma would read as the end of the value")
        return ", ".join(parts)
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float | Decimal):
        number = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
        if number.is_nan():
            return ""
        if not number.is_finite():
            raise ValueError("a number must be finite")
        return _number_text(number)
    if isinstance(value, date | time):
        return value.isoformat()
    raise ValueError("it must be text or a number")


def shown(value: Any) -> str:
    """A cell for messages, cut at 60 characters."""
    text = str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _part_text(part: Any) -> str:
    if isinstance(part, list):
        raise ValueError("a list must not hold lists, because their borders would be lost")
    text = cell_text(part)
    if not text:
        raise ValueError("a list must not hold missing values")
    return text.replace(",", "") if _THOUSANDS.fullmatch(text) else text


def _has_separator(text: str) -> bool:
    """Whether a comma or semicolon stands outside brackets."""
    depth = 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        if char in ",;" and depth == 0:
            return True
    return False


def _number_text(number: Decimal) -> str:
    if not number:
        return "0"
    if not -_LONGEST_NUMBER <= number.adjusted() <= _LONGEST_NUMBER:
        return str(number)
    text = format(number, "f")
    return text.rstrip("0").removesuffix(".") if "." in text else text
