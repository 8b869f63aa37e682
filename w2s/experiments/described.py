"""Fields of recipes and resources with type, default and sentence, read from the source, so that help cannot differ."""

import ast
import inspect
import re
from dataclasses import dataclass

from pydantic import BaseModel

TEXT = re.compile(r"\b(Location|CellText)\b")
"""Names of checked texts (w2s/recipe/): a reader wants to know that they are texts."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a class."""

    name: str
    type: str
    """The annotation, with pydantic's bounds."""
    default: str
    """Empty where a value must be given."""
    sentence: str


def fields_of(node: ast.ClassDef) -> list[Field]:
    """The fields that a class itself defines, in order."""
    rows: list[Field] = []
    for index, statement in enumerate(node.body):
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        annotation = TEXT.sub("str", ast.unparse(statement.annotation))
        if annotation.startswith("ClassVar") or statement.target.id.startswith("_"):
            continue
        following = node.body[index + 1] if index + 1 < len(node.body) else None
        sentence = ""
        if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            sentence = " ".join(str(following.value.value).split())
        default, rule = _default(statement.value)
        rows.append(Field(statement.target.id, annotation + rule, default, sentence))
    return rows


def all_fields(kind: type[BaseModel]) -> list[Field]:
    """The fields of a class and of those it inherits from; of a field that is defined again, the last definition.

    A definition without a sentence has the one that it inherits.
    """
    found: dict[str, Field] = {}
    for one in reversed(kind.__mro__):
        if issubclass(one, BaseModel) and one is not BaseModel:
            (node,) = ast.parse(inspect.getsource(one)).body
            assert isinstance(node, ast.ClassDef)
            for field in fields_of(node):
                inherited = found[field.name].sentence if field.name in found else ""
                found[field.name] = Field(field.name, field.type, field.default, field.sentence or inherited)
    return list(found.values())


def _default(value: ast.expr | None) -> tuple[str, str]:
    """The default as text, and pydantic's bounds as an addition to the type."""
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "Field":
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in value.keywords if keyword.arg}
        bounds = "".join(f" {signs[name]} {bound}" for name, bound in given.items() if name in signs)
        return given.get("default", ""), bounds
    return ("" if value is None else ast.unparse(value)), ""
