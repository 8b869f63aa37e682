"""Pydantic's complaints in one line: the field, the rule, and the form of a value that would do."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from w2s.errors import closest

Rule = Mapping[str, Any]
"""One of pydantic's complaints: `loc`, `type`, `msg`, `input`."""


def broken_rule(
    error: ValidationError, kind: type[BaseModel], field: str | None = None, parent: Sequence[str] = ()
) -> str:
    """Pydantic's first complaint about a value of `kind`, or its first about `field`, in one line.

    `parent` is the path to that value, for the fields that the way out names.
    """
    rules = [rule for rule in error.errors() if field is None or rule["loc"][:1] == (field,)]
    first = _of_likeliest_kind(rules)
    path, owners, info = _walk(kind, first["loc"])
    where = ".".join(path)
    if first["type"] == "extra_forbidden":
        names, fields = " or ".join(one.__name__ for one in owners), [name for o in owners for name in o.model_fields]
        return f"{where}: {names} has no field {path[-1]!r}{closest(path[-1], fields)}; it has {', '.join(fields)}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{where}: {message}{_form('.'.join([*parent, *path]), info, first)}" if where else message


def _of_likeliest_kind(rules: Sequence[Rule]) -> Rule:
    """The first complaint; of a field that may be one of several recipes, about the one with the fewest complaints."""
    place: Sequence[int | str] = rules[0]["loc"]
    at = next((n for n, part in enumerate(place) if _recipe_name(part)), None)
    if at is None:
        return rules[0]
    rivals = [rule for rule in rules if rule["loc"][:at] == place[:at]]
    counts = Counter(rule["loc"][at] for rule in rivals)
    return min(rivals, key=lambda rule: counts[rule["loc"][at]])


def _recipe_name(part: int | str) -> str:
    """The recipe that a part of a complaint's place names where a field may be of several; empty for a field's name.

    It is `Model`, or `function-after[check(), Completions]` for a recipe with validators.
    """
    name = str(part).rpartition(", ")[2].removesuffix("]")
    return name if name[:1].isupper() else ""


def _walk(
    kind: type[BaseModel], place: Sequence[int | str]
) -> tuple[list[str], list[type[BaseModel]], FieldInfo | None]:
    """A complaint's path without names of recipes; the recipes that may own its last field; that field, if any."""
    path: list[str] = []
    owners, inner, info = list[type[BaseModel]](), [kind], None
    for part in place:
        if name := _recipe_name(part):
            inner = [one for one in inner if one.__name__ == name]
            continue
        path.append(str(part))
        if isinstance(part, int):
            continue
        owners = inner
        info = next((one.model_fields[part] for one in owners if part in one.model_fields), None)
        inner = recipes_of(info.annotation) if info else []
    return path, owners, info


def _options(annotation: Any) -> list[Any]:
    """The types that a value may have."""
    if get_origin(annotation) in (Union, UnionType):
        return [option for each in get_args(annotation) for option in _options(each)]
    return _options(get_args(annotation)[0]) if get_origin(annotation) is Annotated else [annotation]


def recipes_of(annotation: Any) -> list[type[BaseModel]]:
    """The recipes that a field of this type may hold."""
    return [option for option in _options(annotation) if isinstance(option, type) and issubclass(option, BaseModel)]


def _form(where: str, info: FieldInfo | None, rule: Rule) -> str:
    """How a value of the field's type is written, if the value is of another type; else empty."""
    if rule["type"] == "frozen_instance":
        return f': make a changed copy, with model_copy(update={{"{where}": ...}})'
    if info is None:
        return ""
    if rule["type"] in ("model_type", "model_attributes_type") and (recipes := recipes_of(info.annotation)):
        fields = recipes[0].model_fields
        field = "name" if "name" in fields else next(iter(fields))
        return f"; set {where}.{field}=... or another of its fields, or all of it as JSON"
    lists = [option for option in _options(info.annotation) if get_origin(option) is tuple]
    if lists and rule["type"] in ("tuple_type", "missing", "too_long", "too_short", "string_type"):
        default: Any = info.default
        example: Any = list(default[:2]) if default and isinstance(default, tuple) else _example(lists[0])  # pyright: ignore
        return f"; give a list as JSON, like {json.dumps(example, separators=(',', ':'))}"
    return ""


def _example(annotation: Any, place: int = 0) -> Any:
    """A value of a type of lists, texts and whole numbers, at a place of a list; [0, 100] for two whole numbers."""
    option = _options(annotation)[0]
    if get_origin(option) is tuple:
        return [_example(part, place) for place, part in enumerate(get_args(option)) if part is not Ellipsis]
    return 100 * place if option is int else "text"
