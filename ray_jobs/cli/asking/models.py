"""The models of an experiment that can be asked: those of its report, by their names there and by their steps."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from w2s.errors import closest

if TYPE_CHECKING:
    from w2s.graph.evaluate import Asked
    from w2s.graph.step import Step
    from w2s.store.store import Store


def is_finished(asked: "Asked", store: "Store") -> bool:
    """Whether the store has what was trained for it and its demonstrations."""
    return not _unfinished(asked, store)


def models(steps: "Sequence[Step]") -> "dict[str, Asked]":
    """All models of the report, by their names in it."""
    from w2s.graph.evaluate import Asked
    from w2s.graph.recipes import Sample
    from w2s.graph.trained import trained_model

    asked = [(step, step.recipe.model) for step in steps if step.report_name and isinstance(step.recipe, Sample)]
    return {
        step.report_name: Asked(
            step.report_name, model, trained_model(step), step.input("demonstrations"), role=step.role
        )
        for step, model in asked
    }


def named_model(steps: "Sequence[Step]", name: str, store: "Store") -> "Asked":
    """The finished model called `name` in the report, or trained by the step `name`.

    Raises ValueError if there is none, or if it is not finished.
    """
    known = models(steps)
    trained = {asked.trained.step.name: asked for asked in known.values() if asked.trained is not None}
    if (asked := known.get(name) or trained.get(name)) is None:
        is_step = name in {step.name for step in steps}
        what = f"step {name} trains no model" if is_step else f"no model {name!r}{closest(name, [*known, *trained])}"
        raise ValueError(f"{what}: the models are {', '.join(known)}")
    if unfinished := _unfinished(asked, store):
        raise ValueError(
            f"{name}: step {unfinished[0]} is not finished in {store.objects.url}: run the experiment first"
        )
    return asked


def _unfinished(asked: "Asked", store: "Store") -> list[str]:
    tables = [table for table in (asked.trained, asked.demonstrations) if table is not None]
    return [table.step.name for table in tables if store.manifest(table.step) is None]
