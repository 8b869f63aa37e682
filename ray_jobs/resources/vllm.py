"""What resources mean for vLLM engines."""

from collections.abc import Mapping
from typing import Any

from ray_jobs.resources.claims import needs_on_one_node, node_labels
from ray_jobs.resources.resources import Resources

PREFILL_TOKENS = 8192
"""Prompt tokens an engine on CPU takes in one step; whole prompts only."""


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
        arguments["worker_extension_cls"] = "ray_jobs.sampling.cpu_lora.WorkerExtension"
        # vLLM 0.32.0 on CPU: a seeded request whose prompt is split kills the engine ("CPU Generator does not use offset", which torch has on
        # GPU only). tests/ray/sampling/test_engine.py shows whether this can go.
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
