"""Placement, arguments and environment of a vLLM engine for given resources."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray_jobs.resources.requests import node_labels, resource_request_on_one_node
from ray_jobs.resources.resources import Resources

PREFILL_TOKENS = 8192
"""Most tokens of one step of an engine. AsyncLLM's own limit is 2,048, which prefills four times as often; on CPU,
where prompts are never split, it is at least the context."""
CONTEXT_STEP = 512
"""`max_model_len` is rounded up to a multiple, because vLLM's compile cache has another name for each value."""
LORA_SLOTS = (1, 2, 4, 8, 16)
"""Values of `max_loras`, for the same reason; above these, multiples of the last."""
START_SECONDS = 3600
"""Time that an engine has to load its weights: 140 GB from a disk of 100 MB/s take 25 minutes, vLLM waits for 10."""


COMPILED = {
    "VLLM_CACHE_ROOT": "vllm",
    "TORCHINDUCTOR_CACHE_DIR": "inductor",
    "TRITON_CACHE_DIR": "triton",
    "FLASHINFER_WORKSPACE_BASE": "flashinfer",
    "CUDA_CACHE_PATH": "cuda",
}
"""Variables that name the folders of compiled code, and their folders below the cache."""


@dataclass(frozen=True)
class EngineSize:
    """What an engine must be started with to take certain steps."""

    max_model_len: int
    """Tokens of a prompt and its completion."""
    adapters: int = 0
    """Adapters to sample with; 0 for an engine that takes none."""
    rank: int = 0
    """Largest rank of an adapter."""

    def takes(self, other: "EngineSize") -> bool:
        """Whether an engine of this size can take steps that need `other`.

        With more adapters than it has room for, vLLM loads them in turn.
        """
        return (
            self.max_model_len >= other.max_model_len
            and self.rank >= other.rank
            and (bool(self.adapters) or not other.adapters)
        )


def engine_placement(resources: Resources) -> dict[str, Any]:
    """Keyword arguments of `map_batches` or `ray.remote` that place an engine."""
    place: dict[str, Any] = {"num_cpus": resources.cpus_per_engine, "num_gpus": resources.gpus_per_engine}
    labels = node_labels(resources, "sample")
    return place | ({"label_selector": labels} if labels else {})


def engines_that_fit(resources: Resources, free: Mapping[str, float]) -> int:
    """Number of engines that fit in the free CPUs and GPUs."""
    request = resource_request_on_one_node(resources, "sample")
    return min(int(free.get(key, 0) // amount) for key, amount in request.items() if amount)


def rounded_context(tokens: int) -> int:
    """The smallest multiple of CONTEXT_STEP that holds this many tokens; the caller keeps to the model's context."""
    return math.ceil(tokens / CONTEXT_STEP) * CONTEXT_STEP


def lora_slots(adapters: int) -> int:
    """The smallest `max_loras` of LORA_SLOTS that has room for all adapters, or a multiple of the last."""
    last = LORA_SLOTS[-1]
    return next((slots for slots in LORA_SLOTS if slots >= adapters), math.ceil(adapters / last) * last)


def engine_arguments(resources: Resources, max_model_len: int) -> dict[str, Any]:
    """The part of vLLM's AsyncEngineArgs that depends on resources, for a context of `max_model_len` tokens.

    The caller adds the model and its adapters.
    """
    arguments: dict[str, Any] = {
        "max_model_len": max_model_len,
        "tensor_parallel_size": resources.tensor_parallel,
        "dtype": resources.engine_dtype,
        "max_num_seqs": resources.max_num_seqs,
        "max_num_batched_tokens": PREFILL_TOKENS,
        "worker_extension_cls": "ray_jobs.sampling.lora.WorkerExtension",
    }
    if resources.gpus_per_engine:
        arguments["gpu_memory_utilization"] = resources.gpu_memory_utilization
    else:
        arguments["enforce_eager"] = True  # compiling a small model costs more than it saves
        # The core runs the model itself. vLLM 0.32.0 turns "uni" on CPU into a worker process below the core, for which
        # it sets OpenMP's threads; here `engine_environment` sets them, and the worker would be one more import of vLLM
        # and make the core wait in a busy loop.
        arguments["distributed_executor_backend"] = "vllm.v1.executor.uniproc_executor.UniProcExecutor"
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


def engine_environment(resources: Resources, cache: Path) -> dict[str, str]:
    """Environment variables that an engine's process needs before vLLM is imported.

    `cache` is this node's folder for models (`W2S_CACHE`): on GPUs, code that one engine compiles is kept there for the
    next. What the node sets itself is left as it is.
    """
    wanted = {
        "VLLM_ENGINE_READY_TIMEOUT_S": str(START_SECONDS),
        "VLLM_NO_USAGE_STATS": "1",  # else each start describes this machine, for seconds, and sends it off
    }
    if resources.gpus_per_engine:
        wanted |= {name: str(cache / folder) for name, folder in COMPILED.items()}
    environment = {name: value for name, value in wanted.items() if name not in os.environ}
    if not resources.gpus_per_engine:
        # By default vLLM binds every engine of a machine to the same cores and keeps one free.
        environment |= {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": str(resources.cpus_per_engine)}
    return environment
