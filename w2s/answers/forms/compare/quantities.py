"""Compares values of which at least one has a unit."""

import re
from typing import Literal

from w2s.answers.algebra.number import number
from w2s.answers.algebra.same_value import same_value, size_of
from w2s.answers.forms.compare.rounding import may_be_rounded
from w2s.answers.forms.numbers.sequences import sequence_form
from w2s.answers.forms.numbers.times import dates_of, times_of
from w2s.answers.types import Relation
from w2s.answers.units.quantities import Quantity
from w2s.answers.units.unit import UNCONVERTED

_OPEN_BASES = frozenset((*UNCONVERTED, "degC", "degF"))
Mode = Literal["quantity", "expression", "any"]
"""What a kind expects. `quantity`: a number with a unit is undecided against one without; elsewhere the numbers are
then compared. `expression`: letters are variables, or elements of a formula."""


def compare_with_units(
    a: str, b: str, measured: tuple[Quantity | None, Quantity | None], mode: Mode
) -> tuple[Relation, str]:
    """The relation of two values, of which at least one is a quantity, and the reason of an `equal`."""
    first, second = measured
    if first is not None and second is not None:
        return _two_quantities(first, second, mode)
    one, other = (first, b) if first is not None else (second, a)
    assert one is not None
    if mode == "quantity":
        return "undecided", ""
    if one.sum_of:
        return "undecided", ""
    if size_of(other) is None and number(other) is None:
        return _against_words(one, other)
    relation, why = same_value(str(one.value), other) if str(one.value) != other else ("equal", "")
    if relation == "equal":
        return "equal", f"one side has the unit {one.measure}" + (f", {why}" if why else "")
    in_radians = one.base_unit == "deg" and same_value(f"({one.base})*pi/180", other)[0] == "equal"
    if in_radians:
        return "equal", "degrees in radians"
    if one.base_unit == "" and same_value(str(one.base), other)[0] != "different":
        return "undecided", ""  # 50 percent may be meant by 0.5
    if str(one.value) != str(one.base) and one.base_unit and same_value(str(one.base), other)[0] != "different":
        return "undecided", ""
    return relation, ""


def _two_quantities(first: Quantity, second: Quantity, mode: Mode) -> tuple[Relation, str]:
    x, y = str(first.base), str(second.base)
    same = x == y
    relation, why = ("equal", "the same quantity") if same else same_value(x, y)
    percents = first.base_unit == "" and first.measure != second.measure
    if first.base_unit == second.base_unit and not percents:
        if relation == "different" and mode == "quantity" and may_be_rounded(x, y, measured=first.known):
            return "undecided", ""
        return relation, (why or "the same quantity") if relation == "equal" else ""
    if not (first.known and second.known):
        if (
            mode != "quantity"
            and same_value(str(first.value), str(second.value))[0] == "different"
            and str(first.value) != str(second.value)
        ):
            return "different", ""
        return _nouns(first, second), ""
    powers = dict(first.measure.unit.powers), dict(second.measure.unit.powers)
    same_symbol = first.measure.symbols[0][0] == second.measure.symbols[0][0] and mode != "quantity"
    if not _OPEN_BASES.isdisjoint({*powers[0], *powers[1]}) or _slip(*powers, same_symbol):
        return "undecided", ""
    return "different", ""


def _nouns(first: Quantity, second: Quantity) -> Relation:
    """Two units of which one is unknown: `3 molecules/cm^3` and `3 molecules/m^3` differ, apples and fruits may not."""
    mine, others = dict(first.measure.unit.powers), dict(second.measure.unit.powers)
    unknown = [name for name in mine if name not in others] + [name for name in others if name not in mine]
    return "different" if not unknown and mine != others else "undecided"


def _slip(mine: dict[str, int], others: dict[str, int], same_symbol: bool) -> bool:
    """Whether units differ by `/mol` or by the power of one base, as feet and square feet: often a slip of writing."""
    changed = {base for base in {*mine, *others} if mine.get(base) != others.get(base)}
    if changed == {"mol"}:
        return not (mine.get("mol") and others.get("mol"))
    return same_symbol and set(mine) == set(others) and len(mine) == 1


def _against_words(one: Quantity, other: str) -> tuple[Relation, str]:
    """A quantity against an expression such as `10*m`, or against words."""
    if sequence := sequence_form(other):
        return ("different" if sequence.text[-1].isalpha() else "undecided"), ""
    if times_of(other) or dates_of(other):
        return "undecided", ""
    symbol = str(one.measure)
    if re.fullmatch(r"\\?[A-Za-zΩµ]", symbol) and other == f"{one.value}*{symbol}":
        return "equal", f"{symbol} is the unit"
    if sorted(re.findall(r"[A-Za-z]", symbol)) == sorted(re.findall(r"[A-Za-z]", other)):
        return "undecided", ""  # 32 nanometres, or 32 times n times m
    if re.search(r"[A-Za-z]{2}", other.replace("sqrt", "").replace("pi", "")):
        return "undecided", ""
    return "different" if symbol not in other else "undecided", ""
