"""What an engine needs of a node: copies of the base model and, as steps join it, of their adapters.

An engine takes steps that nobody knew when it started, so it has room for the adapters of all steps of its base that
the run still has (ray_jobs/sampling/pool/size.py).
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ray_jobs.models.configs import context_limit, text_config
from ray_jobs.models.folders import base_folder, trained_folder
from ray_jobs.models.tokenizers import engine_tokenizer
from ray_jobs.resources.resources import Resources
from ray_jobs.resources.vllm import EngineSize, engine_arguments, lora_slots
from ray_jobs.runtime.imports import importing
from w2s.graph.recipes import Sample
from w2s.graph.step import Step, Table
from w2s.recipe import Model
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


def base_arguments(base: Model | Table, store: Store, resources: Resources, size: EngineSize) -> Any:
    """vLLM's `AsyncEngineArgs` of an engine with this node's copy of the base, which is fetched: a model, or a whole
    one that a step has trained.

    Raises ValueError where the model cannot be fetched or no engine takes an adapter's rank, and what the hub raises.
    """
    with importing():
        from vllm.engine.arg_utils import AsyncEngineArgs

    folder = base_folder(base) if isinstance(base, Model) else trained_folder(store, base)
    lora: dict[str, Any] = {}
    if size.adapters:
        rank = max_lora_rank(size.rank)
        lora = {"enable_lora": True, "max_loras": lora_slots(size.adapters), "max_lora_rank": rank}
    return AsyncEngineArgs(
        model=str(folder),
        # The formats that the trainer reads; vLLM would prefer Mistral's own where a folder has both.
        config_format="hf",
        load_format="safetensors",
        tokenizer_mode="hf",
        tokenizer=str(engine_tokenizer(folder)),
        trust_remote_code=False,
        enable_prefix_caching=True,
        disable_log_stats=True,
        # vLLM 0.32.0 reads the number of positions of a YaRN model as scaled already.
        hf_overrides=positions(folder),
        generation_config="vllm",  # the recipe decides how to sample, not the model folder's generation_config.json
        **engine_arguments(resources, size.max_model_len),
        **lora,
    )


class Adapters:
    """vLLM's `LoRARequest` of each adapter that the steps of one engine sample with."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._requests: dict[Path, Any] = {}
        self._lock = threading.Lock()

    def fetch(self, step: Step) -> Any:
        """The adapter of a step, which is copied to this node; None for the base itself. Raises what the store
        raises."""
        from vllm.lora.request import LoRARequest

        if (table := step.input("adapter")) is None:
            return None
        # The folder's name holds a hash of the adapter, because vLLM's prefix cache tells adapters apart by name and
        # path.
        folder = trained_folder(self.store, table)
        with self._lock:  # two steps may be opened at once
            number = len(self._requests) + 1
            return self._requests.setdefault(folder, LoRARequest(folder.name, number, str(folder)))


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
