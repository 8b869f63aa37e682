"""Named, complete experiments, and how a user's own and changed ones are loaded.

Each experiment is a plain function that returns a frozen Experiment; nothing is read, looked up or downloaded here.
"""

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path

from pydantic import ValidationError

from w2s.experiments.overrides import broken_rule, closest
from w2s.recipe import Experiment

SHIPPED = {
    "quickstart": "quickstart:quickstart",
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
    file, _, function = text.rpartition(":")
    if not file.endswith(".py"):
        raise ValueError(
            f"no experiment {text!r}{closest(text, SHIPPED)}: "
            f"give one of {', '.join(SHIPPED)}, or path/to/file.py:function"
        )
    path = Path(file).expanduser().resolve()
    if not path.is_file():
        raise ValueError(f"experiment {text!r}: there is no file {path}")
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
        own = [
            key for key, value in vars(module).items() if callable(value) and getattr(value, "__module__", "") == name
        ]
        raise ValueError(
            f"experiment {text!r}: {path} has no function {function!r}; its own are: {', '.join(own) or 'none'}"
        )
    try:
        experiment = make()
    except Exception as error:
        raise ValueError(_raised(text, path, error)) from error
    if not isinstance(experiment, Experiment):
        raise ValueError(
            f"experiment {text!r}: {function} returned a {type(experiment).__name__}, "
            f"it must return a w2s.recipe.Experiment"
        )
    return experiment


def _raised(text: str, path: Path, error: Exception) -> str:
    """The error of a user's file in one line, with the last line of that file it passed through."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    what = broken_rule(error) if isinstance(error, ValidationError) else " ".join(str(error).split())
    return f"experiment {text!r}: {path}{f':{line}' if line else ''} raised {type(error).__name__}: {what}"
