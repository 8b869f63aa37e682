"""Sizes of a run's engines and training workers; presets.py holds the values for known machines.

No field is part of a step's identity: the same recipe on other resources is the same step. Learning rate, global batch
size and token limits therefore belong to the recipe.
"""

from dataclasses import dataclass
from typing import Literal, get_type_hints

DType = Literal["bfloat16", "float32"]


@dataclass(frozen=True)
class Resources:
    """Sizes of the two kinds of GPU work: sampling engines and training workers.

    Raises ValueError, naming the field and the rule, where sizes do not go together.
    """

    min_engines: int
    """Engines that a sampling step must hold at once before it samples."""
    max_engines: int
    """Most engines of one sampling step; Ray Data adds engines up to this number while CPUs, GPUs and work remain."""
    gpus_per_engine: int
    """Tensor parallel size; 0 samples on CPU."""
    cpus_per_engine: int
    """On CPU also the engine's OpenMP threads."""
    engine_dtype: DType
    """Dtype of an engine's weights and activations."""
    max_num_seqs: int
    """Sequences an engine decodes at once."""
    gpu_memory_utilization: float
    """Share of each GPU's memory for weights and KV cache together; not used on CPU."""
    cpu_kv_cache_gib: int
    """KV cache of an engine on CPU, in GiB; not used on GPU."""
    problems_per_block: int
    """Problems per file of completions, which a rerun does not sample again; a few blocks should fill an engine."""
    sampling_nodes: str
    """Value of the node label `w2s-nodes` that engines need; empty: any node."""
    workers: int
    """Training processes of one step."""
    gpus_per_worker: int
    """1, or 0 to train on CPU."""
    cpus_per_worker: float
    """CPUs that a worker requests from Ray; on CPU a worker computes in one thread, whatever it requests."""
    train_dtype: DType
    """Dtype of the frozen base's weights; bfloat16 also turns on autocast."""
    zero_stage: int
    """DeepSpeed: 0 keeps the base's weights whole on each worker, 3 shards them over the workers.

    Stages 1 and 2 shard gradients and optimizer state only, which are small for an adapter.
    """
    micro_batch: int
    """Examples (pairs) per worker per forward pass."""
    gradient_checkpointing: bool
    """Recompute activations in the backward pass, which saves memory and costs about one more forward pass."""
    training_nodes: str
    """As `sampling_nodes`, for training workers."""
    save_minutes: float
    """Minutes between checkpoints, the most work a lost node costs; if shorter than a step, every step saves one."""
    max_failures: int
    """Lost workers after which a training step gives up."""

    def __post_init__(self) -> None:
        zero_or_more = ("gpus_per_engine", "gpus_per_worker", "max_failures", "save_minutes", "zero_stage")
        for name, kind in get_type_hints(type(self)).items():
            value, least = getattr(self, name), 0 if name in zero_or_more else 1
            if kind is int and value < least:
                raise ValueError(f"{name}={value}: it must be at least {least}")
        rules = {
            "min_engines must not be above max_engines": self.min_engines <= self.max_engines,
            "zero_stage must be 0 or 3": self.zero_stage in (0, 3),
            "gpus_per_worker must be 0 or 1: a worker is one process on one GPU": self.gpus_per_worker <= 1,
            "gpu_memory_utilization must be above 0 and at most 1": 0 < self.gpu_memory_utilization <= 1,
            "save_minutes must not be negative": self.save_minutes >= 0,
        }
        for rule, holds in rules.items():
            if not holds:
                raise ValueError(f"{rule}; it is {rule.split()[0]}={getattr(self, rule.split()[0])}")

    @property
    def tensor_parallel(self) -> int:
        """Tensor parallel size of an engine."""
        return max(1, self.gpus_per_engine)
