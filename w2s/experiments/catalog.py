"""Named, complete experiments, and how a user's own and changed ones are loaded.

Each experiment is a plain function that returns a frozen Experiment; nothing is read, looked up or downloaded here.
"""

import importlib
import importlib.util
import inspect
import sys
import traceback
from pathlib import Path
from types import ModuleType

from pydantic import ValidationError

from w2s import recipe
from w2s.errors import closest
from w2s.experiments.rules import broken_rule
from w2s.recipe import Experiment
from w2s.recipe.model import Recipe
from w2s.urls import has_credentials

SHIPPED = {
    "quickstart": "quickstart:quickstart",
    "hard": "hard:hard",
    "programs": "hard:programs",
    "gsm8k-small": "gsm8k_small:gsm8k_small",
    "gsm8k-llama2-7b": "gsm8k:llama2_7b",
    "gsm8k-gemma-2b": "gsm8k:gemma_2b",
    "gsm8k-mistral-7b": "gsm8k:mistral_7b",
    "math-llama2-7b": "math:llama2_7b",
    "math-gemma-2b": "math:gemma_2b",
    "math-mistral-7b": "math:mistral_7b",
    "olympicarena-llama3-8b": "olympicarena:llama3_8b",
}
"""Name -> module of this package and function in it; modules are imported only when asked for."""


def names() -> list[str]:
    """Names of the shipped experiments."""
    return list(SHIPPED)


def load(text: str) -> Experiment:
    """The experiment called `text`: a shipped name, or `path/to/file.py:function` of a function without arguments.

    Raises ValueError for an unknown name, a missing file or function, and a function that raises or returns something
    else.
    """
    if text in SHIPPED:
        module, _, function = SHIPPED[text].partition(":")
        return getattr(importlib.import_module(f"w2s.experiments.{module}"), function)()
    file, _, function = (text, "", "") if text.endswith(".py") else text.rpartition(":")
    if not file.endswith(".py"):
        raise ValueError(
            f"no experiment {text!r}{closest(text, SHIPPED)}: "
            f"give one of {', '.join(SHIPPED)}, or path/to/file.py:function"
        )
    path = Path(file).expanduser().resolve()
    if not path.is_file():
        raise ValueError(f"experiment {text!r}: there is no file {path}: give path/to/file.py:function")
    return _call(text, path, function)


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
        own = ", ".join(f"{text.removesuffix(f':{function}')}:{key}" for key in _functions(module)) or "none"
        hint = closest(function, _functions(module))
        missing = f"{path} has no function {function!r}{hint}" if function else f"name a function of {path}"
        raise ValueError(f"experiment {text!r}: {missing}; its functions are: {own}")
    try:
        experiment = make()
        if isinstance(experiment, Experiment):
            return Experiment.model_validate(dict(experiment))  # `copy` and `model_construct` of pydantic check nothing
    except Exception as error:
        raise ValueError(_raised(text, path, error)) from error
    raise ValueError(
        f"experiment {text!r}: {function} returned a {type(experiment).__name__}, "
        f"it must return a w2s.recipe.Experiment"
    )


def _functions(module: ModuleType) -> list[str]:
    """The functions of a file that can be called without arguments, in its order."""
    return [
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value)
        and value.__module__ == module.__name__
        and not name.startswith("_")
        and all(parameter.default is not parameter.empty for parameter in inspect.signature(value).parameters.values())
    ]


def _raised(text: str, path: Path, error: Exception) -> str:
    """The error of a user's file in one line, with the last line of that file it passed through, which says for example
    whether it is about weak_sft or sft."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    number, code = (frames[-1].lineno, frames[-1].line or "") if frames else (None, "")
    if isinstance(error, SyntaxError):
        number, code = error.lineno, (error.text or "").strip()
    place = f"{path}{f':{number}' if number else ''}"
    shown = f" ({code:.80})" if code and not has_credentials(code) else ""
    if isinstance(error, ValidationError):
        kinds = {name: value for name, value in vars(recipe).items() if isinstance(value, type)}
        kind = kinds.get(error.title, Recipe)
        what = f"{error.title}: {broken_rule(error, kind if issubclass(kind, Recipe) else Recipe)}"
    else:
        what = f"raised {type(error).__name__}: {' '.join(str(error).split())}"
    return f"experiment {text!r}: {place}{shown}: {what}"
