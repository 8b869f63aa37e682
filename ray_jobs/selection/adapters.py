"""The foreign adapter job: an adapter that was trained elsewhere becomes the model of a step."""

from ray_jobs.models.adapters import ADAPTER_FILES, read_adapter
from ray_jobs.runtime.context import Context
from w2s.graph.recipes import ForeignAdapter
from w2s.graph.step import Step
from w2s.store.attempt import Attempt


def foreign_adapter(step: Step, attempt: Attempt, context: Context) -> str:
    """Write the adapter's two files."""
    assert isinstance(step.recipe, ForeignAdapter)
    files = read_adapter(step.recipe.name, step.recipe.revision)
    for name in ADAPTER_FILES:
        attempt.add("model", f"{attempt.name}/model/{name}", files[name])
    return f"adapter of {step.recipe.name}"
