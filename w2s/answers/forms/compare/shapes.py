"""The shape of a canonical form: value, list, tuple, union, matrix, equation, chain or relation, with its parts."""

from functools import lru_cache

from w2s.answers.forms.structures.names import is_application
from w2s.answers.forms.structures.systems import bounds_in
from w2s.answers.text.brackets import enclosed, matrix_rows, relation_sides, split_top


@lru_cache(maxsize=1 << 14)
def shape_of(text: str) -> tuple[str, tuple[str, ...]]:
    """The shape of a canonical form and its parts; only forms of the same shape are compared part by part."""
    if rows := matrix_rows(text):
        return f"matrix of {len(rows)} rows, {len(rows[0])} columns", tuple(cell for row in rows for cell in row)
    if bounds := bounds_in(text):
        return f"system of {bounds[0]}", tuple(bounds[1])
    if " \\cup " in text:
        return "union", tuple(text.split(" \\cup "))
    parts = split_top(text)
    if len(parts) > 1:
        return "list", tuple(parts)
    if (brackets := enclosed(text)) and len(parts := split_top(brackets[1])) > 1:
        return f"{brackets[0]}{len(parts)}{brackets[2]}", tuple(parts)
    sides = relation_sides(text)
    if len(sides) == 3 and sides[1:] == ["=", "0"] and not is_application(sides[0]):
        return "equation", (sides[0],)
    if len(sides) == 3 and sides[1] == "=" and "->" not in text:
        return "named", (sides[0], sides[2])
    if len(sides) > 3 and set(sides[1::2]) == {"="}:
        return "chain", tuple(f"{name} = {sides[-1]}" for name in sides[:-1:2])
    if len(sides) > 1 and "->" not in text:
        return "relation " + " ".join(sides[1::2]), tuple(sides[::2])
    return "value", (text,)
