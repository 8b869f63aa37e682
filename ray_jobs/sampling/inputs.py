"""What an engine is given: its tasks, and on this node the base model, tokenizer and adapters they need."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray_jobs.models.folders import adapter_folder, base_folder
from ray_jobs.models.tokens import Tokens, load_tokenizer
from ray_jobs.resources.resources import Resources
from ray_jobs.resources.vllm import engine_arguments
from w2s.graph.recipes import Sample
from w2s.graph.step import Step
from w2s.records import Demonstration
from w2s.store.store import Store

LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""Values vLLM 0.32.0 takes for max_lora_rank."""


@dataclass(frozen=True)
class Task:
    """One sampling step as the engine sees it."""

    step: Step
    demonstrations: tuple[Demonstration, ...]
    model: str
    """What `Completion.model` says."""
    most_failed: int
    """Problems that may fail before the step does."""

    @property
    def recipe(self) -> Sample:
        """The step's recipe."""
        assert isinstance(self.step.recipe, Sample)
        return self.step.recipe


@dataclass(frozen=True)
class EngineInputs:
    """What tasks that share a base model need on a node, the tasks' by the names of their steps."""

    arguments: Any
    """vLLM's `AsyncEngineArgs`."""
    tokens: dict[str, Tokens]
    adapters: dict[str, Any]
    """vLLM's `LoRARequest`, or None for the base itself."""


def fetch_inputs(tasks: list[Task], store: Store, resources: Resources, max_model_len: int) -> EngineInputs:
    """Bring to this node what `tasks` need.

    Raises ValueError where the model or an adapter is none that can be sampled, and what the store or the hub raises.
    """
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.lora.request import LoRARequest

    base = base_folder(tasks[0].recipe.model)
    tokens = {task.step.name: Tokens(load_tokenizer(base), task.recipe.model.prompt) for task in tasks}
    tables = {task.step.name: task.step.input("adapter") for task in tasks}
    folders = {name: adapter_folder(store, table) for name, table in tables.items() if table is not None}
    # Known by content: vLLM's prefix cache goes by an adapter's name and path.
    distinct = sorted(set(folders.values()))
    requests = {folder: LoRARequest(folder.name, number, str(folder)) for number, folder in enumerate(distinct, 1)}
    lora: dict[str, Any] = {}
    if distinct:
        lora = {
            "enable_lora": True,
            "max_loras": len(distinct),
            "max_lora_rank": max_lora_rank(max(map(_rank, distinct))),
        }
    arguments = AsyncEngineArgs(
        model=str(base),
        trust_remote_code=False,
        enable_prefix_caching=True,
        disable_log_stats=True,
        generation_config="vllm",  # the recipe decides; a model folder's own sampling defaults do not
        **engine_arguments(resources, max_model_len),
        **lora,
    )
    return EngineInputs(
        arguments, tokens, {name: requests[folders[name]] if name in folders else None for name in tables}
    )


def max_lora_rank(rank: int) -> int:
    """The `max_lora_rank` of an engine whose adapters have rank `rank` or less.

    Raises ValueError where vLLM takes none that large.
    """
    if rank > LORA_RANKS[-1]:
        raise ValueError(
            f"an adapter has rank {rank} and vLLM takes at most {LORA_RANKS[-1]}: set lora.rank to {LORA_RANKS[-1]} or less and train again"
        )
    return next(one for one in LORA_RANKS if one >= rank)


def _rank(adapter: Path) -> int:
    return int(json.loads((adapter / "adapter_config.json").read_text())["r"])
