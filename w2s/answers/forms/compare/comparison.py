"""Compares two different canonical forms part by part: first their shapes, then their values by type."""

from collections import Counter
from collections.abc import Sequence

from w2s.answers.algebra.number import number
from w2s.answers.forms.compare.equations import compare_equations, compare_inequalities, equation_and_value, solves
from w2s.answers.forms.compare.quantities import Mode
from w2s.answers.forms.compare.result import DIFFERENT, UNDECIDED, Result
from w2s.answers.forms.compare.shapes import shape_of
from w2s.answers.forms.compare.values import compare_values
from w2s.answers.forms.structures.names import is_application, is_derivative, is_name
from w2s.answers.units.quantities import quantity

Parts = Sequence[str]
MAX_PARTS = 40
"""Of a list or set; a pair with more parts is undecided."""


def compare_forms(a: str, b: str, exact: bool, mode: Mode) -> Result:
    """The relation of two different canonical forms, and the rule that decided, or that left it undecided.

    `exact`: both forms are exact. `mode`: what a unit after a number means where the other side has none.
    """
    shape, other_shape = shape_of(a)[0], shape_of(b)[0]
    relation, why = _by_shape(a, b, exact, mode)
    if not why:
        why = f"{_shown(shape)}, part by part" if shape == other_shape else f"{_shown(shape)} and {_shown(other_shape)}"
    return relation, why


def _shown(shape: str) -> str:
    """The shape in words: `values in ()` for a tuple."""
    return f"values in {shape[0]}{shape[-1]}" if shape[0] in "([{" else shape


def _by_shape(a: str, b: str, exact: bool, mode: Mode) -> Result:
    (shape, parts), (other_shape, others) = shape_of(a), shape_of(b)
    if shape != other_shape:
        return _other_shapes(shape, parts, other_shape, others, exact, mode)
    if shape == "value":
        return compare_values(a, b, exact, mode)
    if shape == "equation":
        return compare_equations(parts[0], others[0], exact)
    if shape == "named":
        return _two_named(parts, others, mode, alone=True)
    if shape.startswith("system"):
        return DIFFERENT if exact else UNDECIDED
    if exact and shape in ("list", "union") and mode != "quantity":
        return DIFFERENT
    if shape in ("list", "union", "chain"):
        return _in_any_order(parts, others, mode)
    if shape.startswith("relation"):
        return compare_inequalities(a, b) if len(parts) == 2 else _in_order(parts, others, mode, certain=False)
    if exact and mode != "quantity":
        return DIFFERENT
    return _tuples(parts, others, mode)


def _other_shapes(shape: str, parts: Parts, other_shape: str, others: Parts, exact: bool, mode: Mode) -> Result:
    """Different shapes may mean the same: y = 2x is the value 2x or the equation 2x - y = 0; x = 1, y = 2 is (1, 2)."""
    shapes = {shape: parts, other_shape: others}
    result = _against_value(shapes, mode) if "value" in shapes else None
    result = _against_list(shapes, mode) if result is None and "list" in shapes else result
    result = _relations(shapes) if result is None else result
    if result is not None:
        return result
    if any(name.startswith("matrix") for name in shapes):
        two = all(name.startswith("matrix") for name in shapes)
        cells = len(parts) + len(others) > 2 and number(shapes.get("value", ("",))[0]) is not None
        return DIFFERENT if (two and exact) or cells else UNDECIDED
    certain = exact and not {"equation", "named"} & set(shapes) and not _measured([*parts, *others], mode)
    return DIFFERENT if certain or _other_lengths(shapes) else UNDECIDED


def _against_value(shapes: dict[str, Parts], mode: Mode) -> Result | None:
    """A single value against a name and value, a chain, an equation or a list; None for other shapes."""
    (single,) = shapes["value"]
    if "named" in shapes:
        name, value = shapes["named"]
        relation, why = compare_forms_or_same(value, single, mode)
        kept = relation == "equal" and not is_application(name)
        return UNDECIDED if kept else (relation, why or "the value of the name")
    if "equation" in shapes:
        return equation_and_value(shapes["equation"][0], single)
    if "chain" in shapes:
        value = shape_of(shapes["chain"][0])[1][-1]
        return UNDECIDED if value.isalpha() else compare_forms_or_same(value, single, mode)
    if "list" in shapes and (_shared_value(shapes["list"]) == {single} or _decimal_comma(shapes["list"], single)):
        return UNDECIDED  # `a = 3, b = 3` may be meant by 3
    return None


def _against_list(shapes: dict[str, Parts], mode: Mode) -> Result | None:
    """A list against an equation that it solves, a tuple, a chain of names or a union; None for other shapes."""
    listed = shapes["list"]
    for shape, parts in shapes.items():
        if shape == "equation":
            return ("equal", "the solutions") if solves(listed, parts[0]) else UNDECIDED
        if shape[0] == "[" and len(parts) > 2 and sorted(parts) == sorted(listed):
            return UNDECIDED  # a list as programs print it
        if shape[0] == "(":
            return _names_and_tuple(listed, parts, mode)
        if shape == "chain":
            return _in_any_order(listed, parts, mode)
        if shape == "union" and sorted(parts) == sorted(listed):
            return UNDECIDED  # `(1, 2) or (3, 4)` may be points or intervals
    return None


def _relations(shapes: dict[str, Parts]) -> Result | None:
    """Two relations with other signs, or an equation against another relation; None for other shapes."""
    if all(shape.startswith("relation") and len(parts) == 2 for shape, parts in shapes.items()):
        first, second = (f"{sides[0]} {shape[9:]} {sides[1]}" for shape, sides in shapes.items())
        return compare_inequalities(first, second)
    if {"equation", "named"} == set(shapes) and is_derivative(shapes["named"][0]):
        return DIFFERENT  # `y' = 2x` is solved by other curves than `y = 2x`
    unequal = any(shape.startswith("relation <") for shape in shapes)
    return DIFFERENT if "equation" in shapes and unequal else None


def _part(text: str) -> tuple[str, Parts]:
    """The shape of a part: `z = 0` names a value there, and is no equation."""
    shape, sides = shape_of(text)
    return ("named", (sides[0], "0")) if shape == "equation" and is_name(sides[0]) else (shape, sides)


def _shared_value(parts: Parts) -> set[str]:
    """The values, each once, of a list that names them all."""
    named = [sides for shape, sides in map(_part, parts) if shape == "named"]
    return {sides[1] for sides in named} if len(named) == len(parts) else set()


def _measured(parts: Parts, mode: Mode) -> bool:
    return mode == "quantity" and any(quantity(part) is not None for part in parts)


def _decimal_comma(listed: Parts, single: str) -> bool:
    """Whether a list of two numbers may be one number with a decimal comma: `0, 5` and 1/2."""
    value = number(single)
    if len(listed) != 2 or not _numbers(listed) or value is None or value.denominator == 1:
        return False
    return value in (number(".".join(listed)), number(".".join(reversed(listed))))


def _other_lengths(shapes: dict[str, Parts]) -> bool:
    """Whether one side has more values than the other, each a number: several values, or a tuple of another size."""
    plain = {name: parts for name, parts in shapes.items() if name in ("value", "list") or name[0] in "(["}
    sizes = {len(parts) for parts in plain.values()}
    if all(name[0] in "([" for name in plain) and len(sizes) == 1:
        sizes = set(plain)  # other brackets
    values = [shape_of(part)[1][-1] for parts in plain.values() for part in parts]
    return len(plain) == len(sizes) == 2 and _numbers(values)


def _numbers(parts: Parts) -> bool:
    """Whether all parts are numbers, with or without units."""
    return all(part.replace("/", "").lstrip("-").isdigit() or quantity(part) is not None for part in parts)


def _two_named(parts: Parts, others: Parts, mode: Mode, alone: bool) -> Result:
    """`f(2) = 5` and `f(3) = 5`: other names with one value are undecided alone, and different in a list."""
    if (parts[0], parts[1]) == (others[1], others[0]):
        return "equal", "the sides in another order"
    relation, why = compare_forms_or_same(parts[1], others[1], mode)
    if parts[0] == others[0]:
        return relation, why
    if parts[0].replace("'", "") == others[0].replace("'", "") and "'" in parts[0] + others[0]:
        return DIFFERENT  # a first and a second derivative
    return DIFFERENT if relation == "different" or not alone else UNDECIDED


def _names_and_tuple(listed: Parts, values: Parts, mode: Mode) -> Result:
    """`x = 2, y = 3` is (2, 3): names in the order of the alphabet. Another list is no tuple."""
    named = [_part(part) for part in listed]
    if any(shape != "named" for shape, _ in named):
        return DIFFERENT if _numbers([*listed, *values]) else UNDECIDED
    if len(named) != len(values):
        return DIFFERENT
    relation, why = _in_order([sides[1] for _, sides in named], values, mode)
    return (relation, why or "names in the order of the alphabet") if relation == "equal" else UNDECIDED


def _tuples(parts: Parts, others: Parts, mode: Mode) -> Result:
    """By order, or by name where both sides name their values."""
    named, also_named = [_part(part) for part in parts], [_part(part) for part in others]
    mine = {sides[0]: sides[1] for shape, sides in named if shape == "named"}
    theirs = {sides[0]: sides[1] for shape, sides in also_named if shape == "named"}
    if len(mine) == len(parts) and len(theirs) == len(others):
        if set(mine) != set(theirs):
            return UNDECIDED
        return _in_order(list(mine.values()), [theirs[name] for name in mine], mode)
    bare = [sides[1] if shape == "named" else part for part, (shape, sides) in zip(parts, named, strict=True)]
    others = [sides[1] if shape == "named" else part for part, (shape, sides) in zip(others, also_named, strict=True)]
    return _in_order(bare, others, mode)


def _in_order(parts: Parts, others: Parts, mode: Mode, certain: bool = True) -> Result:
    if any(" " in part and quantity(part) for part in parts) and any(" " in part and quantity(part) for part in others):
        mode = "quantity"
    pairs = [compare_forms_or_same(part, other, mode) for part, other in zip(parts, others, strict=True)]
    if certain and any(relation == "different" for relation, _ in pairs):
        return DIFFERENT
    if any(relation != "equal" for relation, _ in pairs):
        return UNDECIDED
    return "equal", "; ".join(sorted({why for _, why in pairs if why}))


def _in_any_order(parts: Parts, others: Parts, mode: Mode) -> Result:
    """Match each part with an equal part of the other side, each only once, because `1, 1` is not `1`."""
    if max(len(parts), len(others)) > MAX_PARTS:
        return UNDECIDED
    named, also_named = [_part(part) for part in parts], [_part(part) for part in others]
    both = [all(shape == "named" for shape, _ in side) for side in (named, also_named)]
    if both[0] != both[1]:  # one side names its values
        parts = [sides[1] if shape == "named" else part for part, (shape, sides) in zip(parts, named, strict=True)]
        others = [
            sides[1] if shape == "named" else part for part, (shape, sides) in zip(others, also_named, strict=True)
        ]
    if any(" " in part and quantity(part) for part in parts) and any(" " in part and quantity(part) for part in others):
        mode = "quantity"  # `3 apples, 5` is not `5 apples, 3`
    relations = {(part, other): _compare_parts(part, other, mode) for part in parts for other in others}
    rest, unmatched, reasons = list(others), list[str](), set[str]()
    for part in parts:
        match = next((other for other in rest if relations[part, other][0] == "equal"), None)
        if match is None:
            unmatched.append(part)
        else:
            rest.remove(match)
            reasons.add(relations[part, match][1])
    if not unmatched and not rest:
        return "equal", "; ".join(sorted(reason for reason in reasons if reason))
    if _other_shares(unmatched, rest):
        return DIFFERENT
    apart = {pair for pair, (relation, _) in relations.items() if relation == "different"}
    alone = any(all((part, other) in apart for other in others) for part in unmatched)
    alone = alone or any(all((part, other) in apart for part in parts) for other in rest)
    return DIFFERENT if alone or (_numbers([*parts, *others]) and len(parts) != len(others)) else UNDECIDED


def _other_shares(parts: Parts, others: Parts) -> bool:
    """Whether a unit that stands once on each side has another size: `3 apples, 5` and `5 apples, 3`."""
    first, second = (
        Counter(
            (found.measure, str(found.value)) for part in side if (found := quantity(part)) is not None and found.exact
        )
        for side in (parts, others)
    )
    units = [Counter(measure for measure, _ in side.elements()) for side in (first, second)]
    shared = {measure for measure in units[0] if units[0][measure] == units[1][measure] == 1}
    return any(measure in shared and (measure, size) not in second for measure, size in first)


def _compare_parts(a: str, b: str, mode: Mode) -> Result:
    """Two parts of lists: values with other names differ."""
    first, second = _part(a), _part(b)
    if a != b and first[0] == second[0] == "named":
        return _two_named(first[1], second[1], mode, alone=False)
    return compare_forms_or_same(a, b, mode)


def compare_forms_or_same(a: str, b: str, mode: Mode) -> Result:
    """Parts do not carry their exactness, so their shapes decide, then their values at test points."""
    return ("equal", "") if a == b else compare_forms(a, b, False, mode)
