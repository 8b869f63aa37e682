"""Named, complete experiments, and how a user's own and changed ones are loaded.

Each experiment is a plain function that returns a frozen Experiment; nothing is read, looked up or downloaded here.
"""

import difflib
import importlib
import importlib.util
import json
import sys
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError

from w2s.recipe import Experiment, Recipe
from w2s.s3 import has_credentials

Changed = TypeVar("Changed", bound=Recipe)

SHIPPED = {
    "quickstart": "quickstart:quickstart",
    "gsm8k-small": "small:gsm8k_small",
    "gsm8k-llama2-7b": "gsm8k:llama2_7b",
    "gsm8k-gemma-2b": "gsm8k:gemma_2b",
    "gsm8k-mistral-7b": "gsm8k:mistral_7b",
    "math-llama2-7b": "math:llama2_7b",
    "math-gemma-2b": "math:gemma_2b",
    "math-mistral-7b": "math:mistral_7b",
    "olympicarena-llama3-8b": "olympicarena:llama3_8b",
}
"""Name -> module of this package and function in it; modules are imported only when asked for."""

WORDS = {"none": None, "null": None, "true": True, "false": False}


def names() -> list[str]:
    """Names of the shipped experiments."""
    return list(SHIPPED)


def load(text: str) -> Experiment:
    """The experiment called `text`: a shipped name, or `path/to/file.py:function` of a function without arguments.

    Raises ValueError for an unknown name, a missing file or function, and a function that raises or returns something else.
    """
    if text in SHIPPED:
        module, _, function = SHIPPED[text].partition(":")
        return getattr(importlib.import_module(f"w2s.experiments.{module}"), function)()
    file, _, function = text.rpartition(":")
    if not file.endswith(".py"):
        raise ValueError(f"no experiment {text!r}{closest(text, SHIPPED)}: give one of {', '.join(SHIPPED)}, or path/to/file.py:function")
    path = Path(file).expanduser().resolve()
    if not path.is_file():
        raise ValueError(f"experiment {text!r}: there is no file {path}")
    return _call(text, path, function)


def set_fields(experiment: Experiment, assignments: Sequence[str]) -> Experiment:
    """The experiment with fields changed, in order, each as in `sft.learning_rate=2e-4`.

    A value is JSON where it parses as such, else text; a field of text takes it as it stands; none and null are None; a tuple is a
    JSON list, a recipe a JSON object.
    Raises ValueError, naming the assignment and the rule, for an unknown field, a wrong type or a refused value.
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
            raise ValueError(f"--set {shown}: {_rule(error)}") from None if secret else error
        except ValueError as error:
            raise ValueError(f"--set {shown}: {error}") from error
    return experiment


def _call(text: str, path: Path, function: str) -> Experiment:
    """What `function` of the file returns."""
    name = f"w2s_experiment_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # both are there for every .py file
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pydantic look their module up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # it is the user's code: anything may come out of it
        raise ValueError(_raised(text, path, error)) from error
    make = getattr(module, function, None)
    if not callable(make):
        own = [key for key, value in vars(module).items() if callable(value) and getattr(value, "__module__", "") == name]
        raise ValueError(f"experiment {text!r}: {path} has no function {function!r}; its own are: {', '.join(own) or 'none'}")
    try:
        experiment = make()
    except Exception as error:
        raise ValueError(_raised(text, path, error)) from error
    if not isinstance(experiment, Experiment):
        raise ValueError(f"experiment {text!r}: {function} returned a {type(experiment).__name__}, it must return a w2s.recipe.Experiment")
    return experiment


def _raised(text: str, path: Path, error: Exception) -> str:
    """The error of a user's file in one line, with the last line of that file it passed through."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    what = _rule(error) if isinstance(error, ValidationError) else " ".join(str(error).split())
    return f"experiment {text!r}: {path}{f':{line}' if line else ''} raised {type(error).__name__}: {what}"


def _changed(recipe: Changed, path: Sequence[str], raw: str) -> Changed:
    """`recipe` with the field at `path` replaced, checked on every level by pydantic."""
    name, *rest = path
    kind = type(recipe)
    if name not in kind.model_fields:
        raise ValueError(f"{kind.__name__} has no field {name!r}{closest(name, kind.model_fields)}; it has {', '.join(kind.model_fields)}")
    if not rest:
        # Through JSON, because that is where pydantic is strict about numbers and booleans and still takes lists for tuples.
        fields = recipe.model_dump(mode="json") | {name: _value(raw, kind.model_fields[name].annotation)}
        return kind.model_validate_json(json.dumps(fields), strict=True)
    inner = getattr(recipe, name)
    if inner is None:
        raise ValueError(f"{name} is none in this experiment: set all of it first, --set '{name}={{...}}' with its fields as JSON")
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


def _rule(error: ValidationError) -> str:
    """Pydantic's first complaint in one line."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg'].removeprefix('Value error, ')}" if where else first["msg"].removeprefix("Value error, ")


def closest(name: str, known: Iterable[str]) -> str:
    """What may have been meant by a misspelt name, as the end of a sentence; empty where none is near."""
    found = difflib.get_close_matches(name, list(known), 1)
    return f" (did you mean {found[0]}?)" if found else ""
