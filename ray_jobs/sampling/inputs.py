"""What an engine is started with: its tasks, and this node's copies of the base model and the adapters.

One engine serves all tasks, so it has room for all their adapters and for the largest adapter rank among them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ray_jobs.models.configs import context_limit, text_config
from ray_jobs.models.folders import adapter_folder, base_folder
from ray_jobs.models.tokenizers import engine_tokenizer
from ray_jobs.resources.resources import Resources
from ray_jobs.resources.vllm import engine_arguments, lora_slots
from w2s.graph.recipes import Sample
from w2s.graph.step import Step
from w2s.records import Demonstration
from w2s.store.store import Store

LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""Values that vLLM 0.32.0 accepts for max_lora_rank."""


@dataclass(frozen=True)
class Task:
    """One sampling step as the engine sees it."""

    step: Step
    demonstrations: tuple[Demonstration, ...]
    model: str
    """Value of `Completion.model`."""
    max_failed_problems: int
    """Problems that may fail before the step does."""
    end_tokens: Mapping[int, str] = field(default_factory=dict[int, str])
    """Tokens that end a completion, by id: those that training ends completions with, and the tokenizer's own."""

    @property
    def recipe(self) -> Sample:
        """The step's recipe."""
        assert isinstance(self.step.recipe, Sample)
        return self.step.recipe


@dataclass(frozen=True)
class EngineInputs:
    """vLLM's arguments for one engine, and the adapter of each task."""

    arguments: Any
    """vLLM's `AsyncEngineArgs`."""
    adapters: dict[str, Any]
    """vLLM's `LoRARequest` by step name, or None for the base model itself."""


def fetch_inputs(tasks: list[Task], store: Store, resources: Resources, max_model_len: int) -> EngineInputs:
    """Copy the base model and the adapters of `tasks` to this node.

    Raises ValueError where an adapter's rank is too large or a model cannot be fetched, and what the store or the hub
    raises.
    """
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.lora.request import LoRARequest

    base = base_folder(tasks[0].recipe.model)
    tables = {task.step.name: task.step.input("adapter") for task in tasks}
    folders = {name: adapter_folder(store, table) for name, table in tables.items() if table is not None}
    # The folder's name holds a hash of the adapter, because vLLM's prefix cache tells adapters apart by name and path.
    distinct = sorted(set(folders.values()))
    requests = {folder: LoRARequest(folder.name, number, str(folder)) for number, folder in enumerate(distinct, 1)}
    lora: dict[str, Any] = {}
    if distinct:
        rank = max(map(_rank, distinct))
        lora = {"enable_lora": True, "max_loras": lora_slots(len(distinct)), "max_lora_rank": max_lora_rank(rank)}
    arguments = AsyncEngineArgs(
        model=str(base),
        # The formats that the trainer reads; vLLM would prefer Mistral's own where a folder has both.
        config_format="hf",
        load_format="safetensors",
        tokenizer_mode="hf",
        tokenizer=str(engine_tokenizer(base)),
        trust_remote_code=False,
        enable_prefix_caching=True,
        disable_log_stats=True,
        # vLLM 0.32.0 reads the number of positions of a YaRN model as scaled already.
        hf_overrides=positions(base),
        generation_config="vllm",  # the recipe decides how to sample, not the model folder's generation_config.json
        **engine_arguments(resources, max_model_len),
        **lora,
    )
    adapters = {name: requests[folders[name]] if name in folders else None for name in tables}
    return EngineInputs(arguments, adapters)


def positions(base: Path) -> dict[str, int]:
    """The number of positions that vLLM must be told, by its field; empty where the configuration says it."""
    config, limit = text_config(base), context_limit(base)
    yarn = (getattr(config, "rope_parameters", None) or {}).get("rope_type") == "yarn"
    return {"max_position_embeddings": limit} if yarn and config.max_position_embeddings < limit else {}


def max_lora_rank(rank: int) -> int:
    """The smallest `max_lora_rank` that vLLM accepts and that covers `rank`.

    Raises ValueError where vLLM accepts none that large.
    """
    if rank > LORA_RANKS[-1]:
        raise ValueError(
            f"an adapter has rank {rank} and vLLM takes at most {LORA_RANKS[-1]}: "
            f"set lora.rank to {LORA_RANKS[-1]} or less and train again"
        )
    return next(accepted for accepted in LORA_RANKS if accepted >= rank)


def _rank(adapter: Path) -> int:
    return int(json.loads((adapter / "adapter_config.json").read_text())["r"])
