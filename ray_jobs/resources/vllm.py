"""Placement, arguments and environment of a vLLM engine for given resources."""

from collections.abc import Mapping
from typing import Any

from ray_jobs.resources.requests import node_labels, resource_request_on_one_node
from ray_jobs.resources.resources import Resources

PREFILL_TOKENS = 8192
"""Most prompt tokens that an engine on CPU prefills in one step; prompts are never split."""


def engine_placement(resources: Resources) -> dict[str, Any]:
    """Keyword arguments of `map_batches` or `ray.remote` that place an engine."""
    place: dict[str, Any] = {"num_cpus": resources.cpus_per_engine, "num_gpus": resources.gpus_per_engine}
    labels = node_labels(resources, "sample")
    return place | ({"label_selector": labels} if labels else {})


def engines_that_fit(resources: Resources, free: Mapping[str, float]) -> int:
    """Number of engines that fit in the free CPUs and GPUs."""
    request = resource_request_on_one_node(resources, "sample")
    return min(int(free.get(key, 0) // amount) for key, amount in request.items() if amount)


def engine_arguments(resources: Resources, max_model_len: int) -> dict[str, Any]:
    """The part of vLLM's AsyncEngineArgs that depends on resources, for a context of `max_model_len` tokens.

    The caller adds the model and its adapters.
    """
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
        # vLLM 0.32.0 on CPU: a seeded request whose prompt is split kills the engine ("CPU Generator does not use
        # offset", which torch has on GPU only). tests/ray/sampling/test_engine.py shows when this line can go.
        arguments["enable_chunked_prefill"] = False
        arguments["max_num_batched_tokens"] = max(PREFILL_TOKENS, max_model_len)
        # Given in bytes: otherwise the engine takes a share of all memory and does not start beside a large process.
        arguments["kv_cache_memory_bytes"] = resources.cpu_kv_cache_gib << 30
    if resources.tensor_parallel > 1:
        # One actor holds an engine's GPUs, all on one node. The "ray" backend would request the same GPUs again.
        arguments["distributed_executor_backend"] = "mp"
    return arguments


def engine_environment(resources: Resources) -> dict[str, str]:
    """Environment variables an engine's process needs before vLLM is imported; none on GPU."""
    if resources.gpus_per_engine:
        return {}
    # By default vLLM binds every engine of a machine to the same cores and keeps one free.
    return {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": str(resources.cpus_per_engine)}
