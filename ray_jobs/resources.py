"""Where and how wide a run computes, and what that means for vLLM, DeepSpeed and Ray; presets are in presets.py.

Nothing here bears identity: the same recipe on other resources is the same step. Tokens per model, learning rate and global
batch are no part of this; they belong to the recipe.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_type_hints

DType = Literal["bfloat16", "float32"]
GPUS_PER_NODE = 8
"""Of the machines the presets are made for; workers that fit one are kept on one, where the links between GPUs are fast."""
PREFILL_TOKENS = 8192
"""Prompt tokens an engine on CPU takes in one step; whole prompts only."""
NODE_LABEL = "w2s-nodes"
"""Node label that `sampling_nodes` and `training_nodes` name a value of; cluster.yaml gives it to its node types."""


@dataclass(frozen=True)
class Resources:
    """Sizes of the two kinds of GPU work: sampling engines and training workers.

    Raises ValueError, naming the field and the rule, where sizes do not go together.
    """

    min_engines: int
    max_engines: int
    """Engines of one sampling step; Ray Data starts more, up to the maximum, while there is room and work."""
    gpus_per_engine: int
    """Tensor parallel size; 0 samples on CPU."""
    cpus_per_engine: int
    """On CPU also the engine's OpenMP threads."""
    engine_dtype: DType
    max_num_seqs: int
    """Sequences an engine decodes at once."""
    gpu_memory_utilization: float
    """Share of each GPU's memory for weights and KV cache together; not used on CPU."""
    cpu_kv_cache_gib: int
    """KV cache of an engine on CPU, in GiB; not used on GPU."""
    problems_per_block: int
    """Problems of one file of completions, the unit a rerun does not repeat; a few blocks together should fill an engine."""
    sampling_nodes: str
    """Value of the node label `w2s-nodes` that engines need; empty: any node."""
    workers: int
    """Training processes of one step."""
    gpus_per_worker: int
    """1, or 0 to train on CPU."""
    cpus_per_worker: float
    """What a worker claims; on CPU it computes in one thread whatever it claims."""
    train_dtype: DType
    """Of the frozen base's weights; bfloat16 also turns on autocast."""
    zero_stage: int
    """DeepSpeed: 0 nothing, 1 optimizer state, 2 gradients too, 3 weights too are spread over the workers."""
    micro_batch: int
    """Examples (pairs) per worker per forward pass."""
    gradient_checkpointing: bool
    training_nodes: str
    """As `sampling_nodes`, for training workers."""
    save_minutes: float
    """From one checkpoint in the store to the next; what a lost node costs at most. Shorter than a step: one after each."""
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
            "zero_stage must be 0, 1, 2 or 3": self.zero_stage <= 3,
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


def needs(resources: Resources, kind: str) -> dict[str, float]:
    """CPUs and GPUs that a step of a kind (`Step.kind`) must have at once to make progress; kinds without Ray work need none."""
    if kind == "sample":
        return {"CPU": resources.min_engines * resources.cpus_per_engine, "GPU": resources.min_engines * resources.gpus_per_engine}
    if kind in ("finetune", "prefer"):
        return {"CPU": resources.workers * resources.cpus_per_worker, "GPU": resources.workers * resources.gpus_per_worker}
    return {"CPU": 0, "GPU": 0}


def needs_on_one_node(resources: Resources, kind: str) -> dict[str, float]:
    """The part of `needs` that one node must have: an engine, or the workers that are kept together."""
    if kind == "sample":
        return {"CPU": resources.cpus_per_engine, "GPU": resources.gpus_per_engine}
    together = resources.workers if scaling_strategy(resources) == "STRICT_PACK" else 1
    return {"CPU": together * resources.cpus_per_worker, "GPU": together * resources.gpus_per_worker}


def node_labels(resources: Resources, kind: str) -> dict[str, str]:
    """Labels of the nodes that may do a kind of step."""
    value = resources.sampling_nodes if kind == "sample" else resources.training_nodes
    return {NODE_LABEL: value} if value else {}


def scaling_strategy(resources: Resources) -> str:
    """ZeRO-3 moves all weights several times a step: one node's links where the workers fit, else as few nodes as possible."""
    return "STRICT_PACK" if 0 < resources.workers * resources.gpus_per_worker <= GPUS_PER_NODE else "PACK"


def engine_placement(resources: Resources) -> dict[str, Any]:
    """What Ray needs to know to place an engine: keyword arguments of `map_batches` or `ray.remote`."""
    place: dict[str, Any] = {"num_cpus": resources.cpus_per_engine, "num_gpus": resources.gpus_per_engine}
    labels = node_labels(resources, "sample")
    return place | ({"label_selector": labels} if labels else {})


def engines_that_fit(resources: Resources, free: Mapping[str, float]) -> int:
    """How many engines have room in what is free."""
    claim = needs_on_one_node(resources, "sample")
    return min(int(free.get(key, 0) // amount) for key, amount in claim.items() if amount)


def engine_arguments(resources: Resources, max_model_len: int) -> dict[str, Any]:
    """The AsyncEngineArgs of vLLM that depend on where it runs, for a context of `max_model_len` tokens; model and adapters are the caller's."""
    arguments: dict[str, Any] = {
        "max_model_len": max_model_len,
        "tensor_parallel_size": resources.tensor_parallel,
        "dtype": resources.engine_dtype,
        "max_num_seqs": resources.max_num_seqs,
    }
    if resources.gpus_per_engine:
        arguments["gpu_memory_utilization"] = resources.gpu_memory_utilization
    else:
        arguments["enforce_eager"] = True  # compiling a small model costs more than it saves
        arguments["worker_extension_cls"] = "ray_jobs.cpu_lora.WorkerExtension"
        # vLLM 0.32.0 on CPU: a seeded request whose prompt is split kills the engine ("CPU Generator does not use offset", which torch has on
        # GPU only). tests/ray/test_engine.py shows whether this can go.
        arguments["enable_chunked_prefill"] = False
        arguments["max_num_batched_tokens"] = max(PREFILL_TOKENS, max_model_len)
        # Given in bytes, or the engine claims a share of all memory and refuses to start beside anything large.
        arguments["kv_cache_memory_bytes"] = resources.cpu_kv_cache_gib << 30
    if resources.tensor_parallel > 1:
        # An engine's GPUs are one actor's, on one node: processes of its own, for "ray" would ask Ray for the same GPUs again.
        arguments["distributed_executor_backend"] = "mp"
    return arguments


def engine_environment(resources: Resources) -> dict[str, str]:
    """Environment variables an engine's process needs before vLLM is imported; none on GPU."""
    if resources.gpus_per_engine:
        return {}
    # Left to itself vLLM binds every engine of a machine to the same cores and keeps one free.
    return {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": str(resources.cpus_per_engine)}


def deepspeed_config(resources: Resources) -> dict[str, Any]:
    """A DeepSpeed configuration for LoRA; `auto` is filled in by the HF Trainer from its arguments and the model's width.

    There is no optimizer section: the Trainer's own AdamW needs nothing compiled, and an adapter's state is too small to offload.
    """
    zero: dict[str, Any] = {"stage": resources.zero_stage}
    if resources.zero_stage:
        zero["reduce_bucket_size"] = "auto"  # by default buffers for 500 million gradients; an adapter has a few million
        zero["allgather_bucket_size"] = 50_000_000
    if resources.zero_stage == 3:
        zero["stage3_prefetch_bucket_size"] = "auto"
        zero["stage3_param_persistence_threshold"] = "auto"  # keeps norms and narrow adapter matrices whole on each worker
    return {
        "train_batch_size": "auto",
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
        "gradient_clipping": "auto",
        "bf16": {"enabled": "auto"},
        "zero_optimization": zero,
        "zero_allow_untested_optimizer": True,  # the Trainer's AdamW; the Trainer would set it too, but not everyone reads that
        "steps_per_print": 1 << 30,  # progress is ours to show
    }


def accumulation(batch_size: int, resources: Resources) -> int:
    """Forward passes of each worker per optimizer step, so that the global batch is the recipe's on any number of workers.

    Raises ValueError where workers x micro batch does not divide `batch_size`.
    """
    at_once = resources.workers * resources.micro_batch
    if batch_size % at_once:
        fitting = next(workers for workers in range(resources.workers, 0, -1) if batch_size % workers == 0)
        raise ValueError(
            f"a batch_size of {batch_size} is no multiple of workers={resources.workers} x micro_batch={resources.micro_batch}, {at_once}: "
            f"add workers={fitting},micro_batch=1 to --resources, or set a batch_size that is a multiple of {at_once}"
        )
    return batch_size // at_once


def scaling_config(resources: Resources) -> Any:
    """The `ray.train.ScalingConfig` of a training step."""
    from ray.train import ScalingConfig

    gpus = resources.workers * resources.gpus_per_worker
    return ScalingConfig(
        num_workers=resources.workers,
        use_gpu=resources.gpus_per_worker > 0,
        resources_per_worker={"CPU": resources.cpus_per_worker} | ({"GPU": resources.gpus_per_worker} if gpus else {}),
        placement_strategy=scaling_strategy(resources),
        label_selector=node_labels(resources, "finetune") or None,
    )
