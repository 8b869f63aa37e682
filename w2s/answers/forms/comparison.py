"""Compares two different canonical forms part by part: first their shapes, then the values of their expressions."""

import re
from fractions import Fraction

from w2s.answers.algebra.number import number
from w2s.answers.algebra.same_value import proportional, same_value
from w2s.answers.forms.lists import QUANTITY_NAME
from w2s.answers.forms.shapes import shape_of
from w2s.answers.types import Relation
from w2s.answers.units.quantities import Quantity, quantity
from w2s.answers.units.unit import UNCONVERTED

MAX_PARTS = 40
"""Of a list or set; a pair with more parts is undecided."""


def compare_forms(a: str, b: str, exact: bool, units: bool) -> tuple[Relation, str]:
    """The relation of two different canonical forms, and the reason of an `equal`.

    `exact`: both forms are exact. `units`: a unit after a number belongs to the number.
    """
    (shape, parts), (other_shape, others) = shape_of(a), shape_of(b)
    units = units and any(quantity(part) is not None for part in (*parts, *others))
    if shape != other_shape:
        # Different shapes may mean the same: y = 2x is the value 2x or the equation 2x - y = 0; x = 1, y = 2 is (1, 2).
        return ("different" if exact and "equation" not in (shape, other_shape) and not units else "undecided"), ""
    if exact and not units and shape != "equation":
        return "different", ""
    if shape == "value":
        return _compare_values(a, b, exact, units)
    if shape == "equation":
        if not exact and proportional(parts[0], others[0]):
            return "equal", "the left sides have one ratio at all points"
        # Equations of higher degree may have the same solutions, as (y - 2x)^2 = 0 and y = 2x.
        return ("different" if exact and _linear(parts[0]) and _linear(others[0]) else "undecided"), ""
    if shape in ("list", "union"):
        return _in_any_order(parts, others, units)
    if shape == "relation =" and parts[0] != others[0]:
        return (
            "different" if QUANTITY_NAME.fullmatch(parts[0]) and QUANTITY_NAME.fullmatch(others[0]) else "undecided"
        ), ""
    relation, why = _in_order(parts, others, units)
    inequality = shape.startswith("relation") and shape != "relation ="
    return ("undecided", "") if inequality and relation != "equal" else (relation, why)


def _linear(left_side: str) -> bool:
    """Whether the form of a polynomial has degree 1."""
    return "^" not in left_side and not re.search(r"[A-Za-z}]\*", left_side.replace("sqrt", "").replace("pi*", ""))


def _compare_values(a: str, b: str, exact: bool, units: bool) -> tuple[Relation, str]:
    if units:
        first, second = quantity(a), quantity(b)
        if first is not None and second is not None:
            return _compare_quantities(first, second, exact)
        if first is not None or second is not None:
            return "undecided", ""  # `10` may mean 10 cm
    if exact:
        return "different", ""
    ratios = [_ratio(a), _ratio(b)]
    if ":" in a + b and None not in ratios:  # `3:4` is a ratio or a time of day, which is no number
        return ("different" if ratios[0] != ratios[1] else "undecided"), ""
    return same_value(a, b)


def _ratio(text: str) -> Fraction | None:
    """The value of `3:4` or of a number; None for every other text."""
    over, colon, under = text.partition(":")
    if not colon:
        return number(text)
    whole = all(side.isascii() and side.isdigit() for side in (over, under))
    return Fraction(int(over), int(under)) if whole and int(under) else None


def _compare_quantities(first: Quantity, second: Quantity, exact: bool) -> tuple[Relation, str]:
    if first.unit != second.unit:
        certain = first.known and second.known and not any(base in first.unit + second.unit for base in UNCONVERTED)
        return ("different" if certain else "undecided"), ""
    return ("different", "") if exact else same_value(first.value, second.value)


def _in_order(parts: list[str], others: list[str], units: bool) -> tuple[Relation, str]:
    pairs = [_compare_parts(part, other, units) for part, other in zip(parts, others, strict=True)]
    if any(relation == "different" for relation, _ in pairs):
        return "different", ""
    if any(relation == "undecided" for relation, _ in pairs):
        return "undecided", ""
    return "equal", "; ".join(sorted({why for _, why in pairs if why}))


def _in_any_order(parts: list[str], others: list[str], units: bool) -> tuple[Relation, str]:
    """Match each part with an equal part of the other side, each only once, because `1, 1` is not `1`."""
    rest, unmatched, reasons = list(others), list[str](), set[str]()
    if max(len(parts), len(others)) > MAX_PARTS:
        return "undecided", ""
    for part in parts:
        relations = {other: _compare_parts(part, other, units) for other in rest}
        match = next((other for other, (relation, _) in relations.items() if relation == "equal"), None)
        if match is None:
            unmatched.append(part)
        else:
            rest.remove(match)
            reasons.add(relations[match][1])
    if not unmatched and not rest:
        return "equal", "; ".join(sorted(reason for reason in reasons if reason))
    pairs = [(part, others) for part in unmatched] + [(part, parts) for part in rest]
    alone = any(all(_compare_parts(part, other, units)[0] == "different" for other in side) for part, side in pairs)
    return ("different" if alone else "undecided"), ""


def _compare_parts(a: str, b: str, units: bool) -> tuple[Relation, str]:
    """Parts do not carry their exactness, so their shapes decide, then their values at test points."""
    return ("equal", "") if a == b else compare_forms(a, b, False, units)
