"""Stable text of recipes, and where two of them differ."""

import json
from collections.abc import Mapping
from typing import Any

from w2s.recipe import Recipe


def stable(value: Any) -> Any:
    """A JSON value that is the same for equal recipes on every machine.

    Raises TypeError for anything but None, bool, int, float, str, tuples of these, and recipes.
    """
    if isinstance(value, Recipe):
        fields = {name: stable(item) for name, item in value.identity().items()}
        return {"type": type(value).__name__, "version": type(value).version, **fields}
    if isinstance(value, tuple):
        return [stable(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(
        f"{value!r} ({type(value).__name__}) cannot be in a recipe: use numbers, strings, tuples or recipes"
    )


def difference(ours: Any, theirs: Any, path: str = "recipe") -> list[str]:
    """Where two `stable` recipes differ, each as `recipe.beta: 0.1 -> 0.3` (theirs -> ours), in field order."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        keys: list[str] = [*ours, *(key for key in theirs if key not in ours)]  # pyright: ignore
        return [line for key in keys for line in difference(ours.get(key), theirs.get(key), f"{path}.{key}")]  # pyright: ignore
    return [] if ours == theirs else [f"{path}: {json.dumps(theirs)} -> {json.dumps(ours)}"]
