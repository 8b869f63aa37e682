"""Tells quickly that two of many values are certainly different, so that classes of hundreds of answers stay cheap.

The sizes of each value are computed once, in double precision; only pairs that are near each other are compared.
"""

from typing import NamedTuple

from w2s.answers.algebra.same_value import sizes_of
from w2s.answers.forms.compare.quantities import Mode
from w2s.answers.forms.form import Form
from w2s.answers.units.quantities import quantity

_NEAR = 1e-9
_MAY_BE_ROUNDED = 0.06
"""Relative distances; the second is above every one that rounding.py takes for rounding."""


class Mark(NamedTuple):
    """The unit of a value and its size under each reading of logarithms and angles."""

    unit: str
    sizes: tuple[complex, ...]


def mark_of(form: Form, mode: Mode) -> Mark | None:
    """The mark of a number, a constant expression or a quantity with a known unit; None for every other form."""
    text = form.text
    found = quantity(text, symbols=mode == "quantity")
    if found is not None:
        sizes = sizes_of(str(found.base)) if found.known and found.base_unit and not found.sum_of else None
        return None if sizes is None else Mark(found.base_unit, sizes)
    expression = "(" in text and not any(mark in text for mark in (",", ";", "P(", "=", "<")) and text[-1] != "!"
    sizes = sizes_of(text) if form.exact or expression else None
    return None if sizes is None else Mark("", sizes)


def clearly_apart(a: Mark | None, b: Mark | None, mode: Mode) -> bool:
    """Whether two values of one unit differ under every reading by more than rounding could explain."""
    if a is None or b is None or a.unit != b.unit:
        return False
    far = _MAY_BE_ROUNDED if mode == "quantity" else _NEAR
    return all(abs(x - y) > far * max(abs(x), abs(y)) for x, y in zip(a.sizes, b.sizes, strict=True))
