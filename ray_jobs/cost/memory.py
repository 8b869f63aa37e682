"""Memory of each GPU of an engine and of a training worker, part by part, in bytes.

Weights, KV cache, optimizer state and gathered layers are exact to some per cent (tests/unit/cost). Activations, logits
and what CUDA itself takes are upper estimates, which only a GPU can check.
"""

import math
from dataclasses import dataclass

from ray_jobs.cost.shape import Shape
from ray_jobs.resources.resources import Resources
from ray_jobs.resources.vllm import PREFILL_TOKENS

GIB = 1 << 30
RUNTIME = 2 * GIB
"""CUDA's context, NCCL's buffers and captured graphs of one GPU."""
LIVE_PARAMETERS = 1_000_000_000
"""Parameters that ZeRO-3 keeps gathered at most (`stage3_max_live_parameters`, DeepSpeed 0.19.8)."""
SUB_GROUP = 1_000_000_000
"""Parameters of a worker whose gradients ZeRO-3 copies for AdamW at once (`sub_group_size`, DeepSpeed 0.19.8)."""
GRADIENT_BYTES, STATE_BYTES = 4, 12
"""A trainable parameter's gradient; its fp32 copy and two moments, 4 bytes each."""
HEAD_TILE = 4096, 32_768
"""Positions and tokens of the vocabulary whose logits TRL 1.16's fused head holds at once, in every method."""
NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
"""A weight in 4 bits: blocks of 64 share a constant of 8 bits, and 256 of these one of 32 (bitsandbytes 0.50.2)."""
BYTES = {"bfloat16": 2, "float16": 2, "float32": 4}


@dataclass(frozen=True)
class Memory:
    """Bytes on one GPU by part, and the bytes that it may take."""

    parts: dict[str, float]
    limit: float

    @property
    def certain(self) -> float:
        """Bytes of the parts that are known without a GPU."""
        return sum(size for part, size in self.parts.items() if part not in ("activations", "logits", "runtime"))

    @property
    def state(self) -> float:
        """Bytes of a training that last from step to step: weights, gradients and optimizer."""
        return sum(self.parts[part] for part in ("weights", "gradients", "optimizer"))

    @property
    def spare(self) -> float:
        """Bytes that are left; negative where it does not fit."""
        return self.limit - sum(self.parts.values())


def engine_memory(shape: Shape, resources: Resources, context: int, adapter: int = 0) -> Memory:
    """Memory of one GPU of an engine whose KV cache holds one sequence of `context` tokens; the spare is more cache.

    `adapter` are the parameters of all adapters that it holds at once.
    """
    gpus, size = resources.tensor_parallel, BYTES[resources.engine_dtype]
    width = 4 * shape.hidden + (3 * shape.intermediate + 2 * shape.heads * shape.head) / gpus
    parts = {
        "weights": shape.parameters * size / gpus,
        "adapters": adapter * size,
        "activations": PREFILL_TOKENS * width * size,
        "logits": resources.max_num_seqs * shape.vocabulary * 12.0,  # float32, sorted and as probabilities
        "kv cache": float(context * shape.kv_bytes(gpus, size)),
        "runtime": float(RUNTIME),
    }
    return Memory(parts, resources.gpu_gib * GIB * resources.gpu_memory_utilization)


def kv_tokens(shape: Shape, resources: Resources, memory: Memory) -> int:
    """Tokens that the KV cache of an engine holds, the one sequence of `engine_memory` included.

    On CPU the cache has its bytes from the resources, not what `memory` leaves.
    """
    left = memory.spare + memory.parts["kv cache"] if resources.gpus_per_engine else resources.cpu_kv_cache_gib * GIB
    per_token = shape.kv_bytes(resources.tensor_parallel, BYTES[resources.engine_dtype])
    return max(0, int(left / per_token))


def base_bytes(shape: Shape, resources: Resources) -> float:
    """Bytes of a base's weights in training, all together."""
    in_four_bits = shape.layers * sum(map(math.prod, shape.linears.values())) if resources.quantize_base else 0
    return in_four_bits * NF4_BYTES + (shape.parameters - in_four_bits) * BYTES[resources.train_dtype]


def training_memory(shape: Shape, resources: Resources, adapter: int | None, tokens: int, method: str) -> Memory:
    """Estimated memory of one GPU in training, with `tokens` tokens in each example (or each side of a pair).

    `adapter` are the parameters of the adapter that learns; None where all weights do. `method` is SFT, DPO or ORPO:
    the last two train a chosen and a rejected side. DPO's reference is numbers, computed before the optimizer's step.
    """
    sharded = resources.workers if resources.zero_stage == 3 else 1
    size, rows = BYTES[resources.train_dtype], resources.micro_batch * (1 if method == "SFT" else 2) * tokens
    state = STATE_BYTES
    if adapter is None and resources.zero_stage == 0 and size == 4:
        state = 8  # float32 weights are no copies
    trainable = shape.parameters if adapter is None else adapter
    # Of a layer, for its backward pass: inputs of the linears, attention's, and the MLP's two halves and product.
    layer = rows * (6 * shape.hidden + 2 * (shape.heads + shape.kv_heads) * shape.head + 3 * shape.intermediate) * size
    kept = (
        shape.layers * rows * shape.hidden * size + layer if resources.gradient_checkpointing else shape.layers * layer
    )
    gathered = min(shape.parameters, max(LIVE_PARAMETERS, shape.embedding)) * size if sharded > 1 else 0
    logits = min(rows, HEAD_TILE[0]) * min(shape.vocabulary, HEAD_TILE[1]) * size
    if adapter is None:  # the head adds up its gradient in float32, whole on each worker, and copies it
        logits += (4 + size) * shape.embedding
    parts = {
        "weights": (base_bytes(shape, resources) + (adapter or 0) * size) / sharded,
        "gathered layers": float(gathered),
        "a layer in 16 bits": float(max(map(math.prod, shape.linears.values())) * size * resources.quantize_base),
        "gradients": GRADIENT_BYTES * trainable / sharded,
        "gradients of a step": GRADIENT_BYTES * min(trainable / sharded, SUB_GROUP) * (resources.zero_stage == 3),
        "optimizer": state * trainable / sharded,
        "activations": float(kept),
        "logits": float(logits),
        "runtime": float(RUNTIME) / 2,
    }
    return Memory(parts, float(resources.gpu_gib * GIB))
