"""What a trained model is: an adapter on the base of its recipe or, with `lora` none, a whole model.

Steps read an adapter as their input `adapter`. A whole model is a base of its own, which they read as their input
`base` in place of the base of their recipe.
"""

from w2s.graph.recipes import FineTune, Prefer, Sample
from w2s.graph.step import Step, Table

ROLES = ("adapter", "base")
"""Inputs that are trained models."""


def is_whole(model: Table) -> bool:
    """Whether a trained model is a whole one."""
    recipe = model.step.recipe
    if isinstance(recipe, FineTune):
        return recipe.sft.lora is None
    return isinstance(recipe, Prefer) and model.step.input("base") is not None  # it trains what it starts from


def as_input(model: Table | None) -> dict[str, Table]:
    """The input of a step that starts from, or asks, a trained model; nothing where it is None."""
    return {} if model is None else {"base" if is_whole(model) else "adapter": model}


def trained_model(step: Step) -> Table | None:
    """The trained model that a step starts from or asks; None where it takes its recipe's base as it is."""
    return next((table for role, table in step.inputs if role in ROLES), None)


def base_name(step: Step) -> str:
    """The base that a step loads, for people and as a key: steps with equal names load the same weights."""
    assert isinstance(step.recipe, FineTune | Prefer | Sample)
    base = step.input("base")
    return f"{step.recipe.model}{f' trained by {base.step.directory}' if base else ''}"
