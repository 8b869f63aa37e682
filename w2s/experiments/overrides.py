"""Changed fields: --set FIELD=VALUE."""

import difflib
import json
from collections.abc import Iterable, Sequence
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError

from w2s.recipe import Experiment, Recipe
from w2s.urls import has_credentials

Changed = TypeVar("Changed", bound=Recipe)


WORDS = {"none": None, "null": None, "true": True, "false": False}


def set_fields(experiment: Experiment, assignments: Sequence[str]) -> Experiment:
    """The experiment with fields changed, in order, each as in `sft.learning_rate=2e-4`.

    A value is JSON where it parses as such, else text; a field of text takes it as it stands; none and null are None; a
    tuple is a JSON list, a recipe a JSON object. Raises ValueError, naming the assignment and the rule, for an unknown
    field, a wrong type or a refused value.
    """
    for assignment in assignments:
        path, equals, raw = assignment.partition("=")
        secret = has_credentials(assignment)
        shown = "FIELD=..." if has_credentials(path) else path if secret else assignment
        if not equals or not path:
            raise ValueError(f"--set {shown}: must be FIELD=VALUE, like sft.learning_rate=2e-4")
        try:
            experiment = _changed(experiment, path.strip().split("."), raw)
        except ValidationError as error:
            raise ValueError(f"--set {shown}: {broken_rule(error)}") from None if secret else error
        except ValueError as error:
            raise ValueError(f"--set {shown}: {error}") from error
    return experiment


def _changed(recipe: Changed, path: Sequence[str], raw: str) -> Changed:
    """`recipe` with the field at `path` replaced, checked on every level by pydantic."""
    name, *rest = path
    kind = type(recipe)
    if name not in kind.model_fields:
        raise ValueError(
            f"{kind.__name__} has no field {name!r}{closest(name, kind.model_fields)}; "
            f"it has {', '.join(kind.model_fields)}"
        )
    if not rest:
        # Through JSON, because that is where pydantic is strict about numbers and booleans and still takes lists for
        # tuples.
        fields = recipe.model_dump(mode="json") | {name: _value(raw, kind.model_fields[name].annotation)}
        return kind.model_validate_json(json.dumps(fields), strict=True)
    inner = getattr(recipe, name)
    if inner is None:
        raise ValueError(
            f"{name} is none in this experiment: set all of it first, --set '{name}={{...}}' with its fields as JSON"
        )
    if not isinstance(inner, Recipe):
        raise ValueError(f"{name} is {inner!r} and has no fields: set {name} itself")
    return kind.model_validate({**dict(recipe), name: _changed(inner, rest, raw)})


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


def broken_rule(error: ValidationError) -> str:
    """Pydantic's first complaint in one line."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return (
        f"{where}: {first['msg'].removeprefix('Value error, ')}"
        if where
        else first["msg"].removeprefix("Value error, ")
    )


def closest(name: str, known: Iterable[str]) -> str:
    """What may have been meant by a misspelt name, as the end of a sentence; empty where none is near."""
    found = difflib.get_close_matches(name, list(known), 1)
    return f" (did you mean {found[0]}?)" if found else ""
