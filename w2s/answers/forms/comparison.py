"""Two different canonical forms, part by part: their shapes first, then the values of the expressions in them."""

import re
from fractions import Fraction
from typing import Literal

from w2s.answers.algebra.numeric import agreement, proportional
from w2s.answers.forms.forms import NAMED
from w2s.answers.text.number import number
from w2s.answers.text.structure import enclosed, matrix_rows, relation_sides, split_top
from w2s.answers.units.quantities import Quantity, quantity
from w2s.answers.units.units import UNCONVERTED

Relation = Literal["equal", "different", "undecided"]
MAX_PARTS = 40
"""Of a list or set; beyond it nothing is decided part by part."""


def compare_forms(a: str, b: str, exact: bool, units: bool) -> tuple[Relation, str]:
    """The relation of two canonical forms that differ, with the reason of an `equal`.

    `exact`: both are unique for their values. `units`: a unit after a number belongs to it.
    """
    (shape, parts), (other_shape, others) = _shape(a), _shape(b)
    units = units and any(quantity(part) is not None for part in (*parts, *others))
    if shape != other_shape:
        # Another shape may say the same: y = 2x is the value 2x, and as 2x - y = 0 an equation; x = 1, y = 2 is (1, 2).
        return ("different" if exact and "equation" not in (shape, other_shape) and not units else "undecided"), ""
    if exact and not units and shape != "equation":
        return "different", ""
    if shape == "value":
        return _compare_values(a, b, exact, units)
    if shape == "equation":
        if not exact and proportional(parts[0], others[0]):
            return "equal", "the left sides have one ratio at all points"
        # Of higher degree they may have one set of solutions: (y - 2x)^2 = 0 and y = 2x.
        return ("different" if exact and _linear(parts[0]) and _linear(others[0]) else "undecided"), ""
    if shape in ("list", "union"):
        return _in_any_order(parts, others, units)
    if shape == "relation =" and parts[0] != others[0]:
        return ("different" if NAMED.fullmatch(parts[0]) and NAMED.fullmatch(others[0]) else "undecided"), ""
    found = _in_order(parts, others, units)
    return (
        found if found[0] == "equal" or shape == "relation =" or not shape.startswith("relation") else ("undecided", "")
    )


def _shape(text: str) -> tuple[str, list[str]]:
    """What sort of answer a canonical form is, and its parts; two forms of different shapes are not compared part by part."""
    if rows := matrix_rows(text):
        return f"matrix of {len(rows)} rows, {len(rows[0])} columns", [cell for row in rows for cell in row]
    if " \\cup " in text:
        return "union", text.split(" \\cup ")
    parts = split_top(text)
    if len(parts) > 1:
        return "list", parts
    if (found := enclosed(text)) and len(parts := split_top(found[1])) > 1:
        return f"{found[0]}{len(parts)}{found[2]}", parts
    sides = relation_sides(text)
    if len(sides) == 3 and sides[1:] == ["=", "0"]:
        return "equation", sides[:1]
    if len(sides) > 1:
        return "relation " + " ".join(sides[1::2]), sides[::2]
    return "value", [text]


def _linear(left_side: str) -> bool:
    """Whether a polynomial's form has degree 1."""
    return "^" not in left_side and not re.search(r"[A-Za-z}]\*", left_side.replace("sqrt", "").replace("pi*", ""))


def _compare_values(a: str, b: str, exact: bool, units: bool) -> tuple[Relation, str]:
    if units:
        one, other = quantity(a), quantity(b)
        if one is not None and other is not None:
            return _compare_quantities(one, other, exact)
        if one is not None or other is not None:
            return "undecided", ""  # 10 cm is not 10, but may be meant by it
    if exact:
        return "different", ""
    ratios = [_ratio(a), _ratio(b)]
    if ":" in a + b and None not in ratios:  # a ratio, or a time of day, which is no number at all
        return ("different" if ratios[0] != ratios[1] else "undecided"), ""
    return agreement(a, b)


def _ratio(text: str) -> Fraction | None:
    """The value of `3:4`, or of a number."""
    over, colon, under = text.partition(":")
    if not colon:
        return number(text)
    return (
        Fraction(int(over), int(under))
        if over.isascii() and over.isdigit() and under.isascii() and under.isdigit() and int(under)
        else None
    )


def _compare_quantities(one: Quantity, other: Quantity, exact: bool) -> tuple[Relation, str]:
    if one.unit != other.unit:
        certain = one.known and other.known and not any(base in one.unit + other.unit for base in UNCONVERTED)
        return ("different" if certain else "undecided"), ""
    return ("different", "") if exact else agreement(one.value, other.value)


def _in_order(parts: list[str], others: list[str], units: bool) -> tuple[Relation, str]:
    found = [_part(one, other, units) for one, other in zip(parts, others, strict=True)]
    if any(relation == "different" for relation, _ in found):
        return "different", ""
    if any(relation == "undecided" for relation, _ in found):
        return "undecided", ""
    return "equal", "; ".join(sorted({why for _, why in found if why}))


def _in_any_order(parts: list[str], others: list[str], units: bool) -> tuple[Relation, str]:
    """Each part of one side is matched with an equal one of the other, once: [1, 1] is not [1]."""
    rest, unmatched, reasons = list(others), list[str](), set[str]()
    if max(len(parts), len(others)) > MAX_PARTS:
        return "undecided", ""
    for part in parts:
        relations = {other: _part(part, other, units) for other in rest}
        match = next((other for other, (relation, _) in relations.items() if relation == "equal"), None)
        if match is None:
            unmatched.append(part)
        else:
            rest.remove(match)
            reasons.add(relations[match][1])
    if not unmatched and not rest:
        return "equal", "; ".join(sorted(reason for reason in reasons if reason))
    pairs = [(one, others) for one in unmatched] + [(one, parts) for one in rest]
    alone = any(all(_part(one, other, units)[0] == "different" for other in side) for one, side in pairs)
    return ("different" if alone else "undecided"), ""


def _part(a: str, b: str, units: bool) -> tuple[Relation, str]:
    """Parts come without their exactness: the points decide, and the shapes where they differ."""
    return ("equal", "") if a == b else compare_forms(a, b, False, units)
