"""Changed fields: `--set FIELD=VALUE` for recipes, `--resources PRESET,FIELD=VALUE,...` for resources."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError

from w2s.errors import closest
from w2s.experiments.recipes import FIELD, with_recipe
from w2s.experiments.rules import broken_rule
from w2s.recipe import Experiment
from w2s.urls import has_credentials

Changed = TypeVar("Changed", bound=BaseModel)


WORDS = {"none": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Assignment:
    """One FIELD=VALUE: `sft.epochs=3` sets the field `epochs` of the part `sft`."""

    parent: tuple[str, ...]
    name: str
    raw: str
    shown: str  # the assignment as errors show it: without its value where that holds credentials


def set_fields(
    values: Changed, assignments: Sequence[str], option: str = "--set", example: str = "sft.learning_rate=2e-4"
) -> Changed:
    """`values` with fields changed, in order, each as in `example`; `option` is the option that errors name.

    Neighbouring assignments to different fields of one part are checked together, so that fields which are only valid
    together can be set. A value is JSON where it parses as such, else text; a field of text takes it as it stands; none
    and null are None; a tuple is a JSON list, a recipe a JSON object. Of an experiment, recipe=NAME sets all
    fields of a named recipe (recipes.py).

    Raises ValueError, naming the assignment and the rule, for an unknown field, a wrong type or a refused value.
    """
    current: BaseModel = values
    for group in _groups([_assignment(text, option, example) for text in assignments]):
        for assignment in group:
            try:
                if isinstance(current, Experiment) and _names_recipe(assignment):
                    current = with_recipe(current, assignment.raw)
                else:
                    _check_path(current, assignment)
            except ValueError as error:
                raise ValueError(f"{option} {assignment.shown}: {error}") from None
        if _names_recipe(group[0]) and isinstance(current, Experiment):
            continue
        try:
            current = _changed(current, group[0].parent, {assignment.name: assignment.raw for assignment in group})
        except ValidationError as error:  # not kept as the cause, because it holds the values
            wrong = {rule["loc"][0] for rule in error.errors() if rule["loc"]}
            named = next(([assignment] for assignment in group if assignment.name in wrong), group)
            shown = ", ".join(assignment.shown for assignment in named)
            parent = group[0].parent
            field = named[0].name if named[0].name in wrong else None
            rule = broken_rule(error, type(_part_at(current, parent)), field, parent)
            raise ValueError(f"{option} {shown}: {rule}") from None
    return cast("Changed", current)


def _assignment(text: str, option: str, example: str) -> Assignment:
    path, equals, raw = text.partition("=")
    shown = text if not has_credentials(text) else "FIELD=..." if has_credentials(path) else path
    if not equals or not path:
        raise ValueError(f"{option} {shown}: must be FIELD=VALUE, like {example}")
    *parent, name = path.strip().split(".")
    return Assignment(tuple(parent), name, raw, shown)


def _groups(assignments: Sequence[Assignment]) -> Iterator[list[Assignment]]:
    """Neighbours with one parent; a field set again begins a new group, so that every value is checked, and the name of
    a recipe is one by itself."""
    group: list[Assignment] = []
    for assignment in assignments:
        if group and (
            assignment.parent != group[0].parent
            or assignment.name in {earlier.name for earlier in group}
            or _names_recipe(assignment)
            or _names_recipe(group[0])
        ):
            yield group
            group = []
        group.append(assignment)
    if group:
        yield group


def _names_recipe(assignment: Assignment) -> bool:
    return not assignment.parent and assignment.name == FIELD


def _check_path(values: BaseModel, assignment: Assignment) -> None:
    """Raises ValueError if the assignment's path leads to no field."""
    part = values
    for depth, name in enumerate(assignment.parent, start=1):
        _check_known(part, name)
        inner = getattr(part, name)
        if inner is None:
            path = ".".join(assignment.parent[:depth])
            raise ValueError(
                f"{path} is none in this experiment: "
                f"set all of it first, --set '{path}={{...}}' with its fields as JSON"
            )
        if not isinstance(inner, BaseModel):
            raise ValueError(f"{name} is {inner!r} and has no fields: set {name} itself")
        part = inner
    _check_known(part, assignment.name)


def _part_at(values: BaseModel, path: Sequence[str]) -> BaseModel:
    for name in path:
        values = getattr(values, name)
    return values


def _check_known(part: BaseModel, name: str) -> None:
    fields = type(part).model_fields
    if name not in fields:
        raise ValueError(
            f"{type(part).__name__} has no field {name!r}{closest(name, fields)}; it has {', '.join(fields)}"
        )


def _changed(values: Changed, parent: Sequence[str], changes: Mapping[str, str]) -> Changed:
    """`values` with fields of the part at `parent` replaced, checked on every level by pydantic."""
    kind = type(values)
    if parent:
        name, *rest = parent
        return kind.model_validate({**dict(values), name: _changed(getattr(values, name), rest, changes)})
    new = {name: _value(raw, kind.model_fields[name].annotation) for name, raw in changes.items()}
    # Through JSON, because that is where pydantic is strict about numbers and booleans and still takes lists for
    # tuples.
    return kind.model_validate_json(json.dumps(values.model_dump(mode="json") | new), strict=True)


def _value(raw: str, annotation: Any) -> Any:
    """What the text after `=` means for a field of this type."""
    allowed: tuple[Any, ...] = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    word = raw.strip().lower()
    if str in allowed and not (type(None) in allowed and word in ("none", "null")):
        return raw
    try:
        return WORDS[word] if word in WORDS else json.loads(raw)
    except (ValueError, RecursionError):
        return raw
