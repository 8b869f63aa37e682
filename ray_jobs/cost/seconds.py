"""Seconds of each step: by the speed of earlier steps, else from its work, the model's shape and the rates, a roofline.

Decoding reads the weights once a step of all sequences together and each sequence's KV cache; prefill and training are
bound by operations, ZeRO-3 also by gathering the weights.
"""

import math

from ray_jobs.cost.measured import Speed
from ray_jobs.cost.memory import BYTES, engine_memory, kv_tokens
from ray_jobs.cost.rates import Rates
from ray_jobs.cost.shape import Shape
from ray_jobs.cost.work import Work
from ray_jobs.resources.occupancy import engines_for
from ray_jobs.resources.resources import Resources
from w2s.graph.recipes import FineTune, Prefer, Sample
from w2s.graph.trained import is_whole


def load_seconds(shape: Shape, resources: Resources, rates: Rates, sampling: bool) -> float:
    """Seconds until an engine or a training can work: its start, and the weights from a node's disk."""
    dtype = resources.engine_dtype if sampling else resources.train_dtype
    return rates.start_seconds + shape.parameters * BYTES[dtype] / (rates.load_gb_s * 1e9)


def gpus(work: Work, resources: Resources) -> int:
    """GPUs that a step holds: all its engines, or all its workers."""
    per_device = resources.gpus_per_engine if isinstance(work.step.recipe, Sample) else resources.gpus_per_worker
    return devices(work, resources) if per_device else 0


def devices(work: Work, resources: Resources) -> int:
    """GPUs that a step holds; on CPU the cores of its engines, or its workers."""
    if isinstance(work.step.recipe, Sample):
        sequences = work.rows * work.step.recipe.sampling.n
        return engines_for(sequences, resources) * (resources.gpus_per_engine or resources.cpus_per_engine)
    return resources.workers


def measured_seconds(work: Work, resources: Resources, speed: Speed) -> float:
    """Seconds of a step at the speed of earlier ones, its start excluded."""
    return work.tokens / (speed.tokens_per_second * devices(work, resources))


def sampling_seconds(work: Work, shape: Shape, resources: Resources, rates: Rates) -> float:
    """Seconds of a sampling step on its engines, their start excluded."""
    assert isinstance(work.step.recipe, Sample)
    sequences = work.rows * work.step.recipe.sampling.n
    engines, size = engines_for(sequences, resources), BYTES[resources.engine_dtype]
    held = kv_tokens(shape, resources, engine_memory(shape, resources, 1)) / work.context
    at_once = max(1.0, min(resources.max_num_seqs, held, sequences / engines))
    per_gpu = rates.memory_gb_s * 1e9 * rates.decode_share
    read = shape.parameters * size / resources.tensor_parallel
    read += at_once * work.context * shape.kv_bytes(resources.tensor_parallel, size)
    decode = work.sampled_tokens / engines / at_once * read / per_gpu
    operations = 2 * shape.parameters * (work.prompt_tokens + work.sampled_tokens) / engines
    compute = operations / (resources.tensor_parallel * rates.tflops * 1e12 * rates.compute_share)
    return decode + compute


def training_seconds(work: Work, shape: Shape, resources: Resources, rates: Rates) -> float:
    """Seconds of a training on its workers, their start excluded.

    A frozen base takes 2 operations a parameter and token forward, 2 backward, and 2 more to recompute activations;
    gradients of the weights take 2. DPO's reference takes 2 too, of each pair once, whatever the epochs.
    """
    recipe = work.step.recipe
    assert isinstance(recipe, FineTune | Prefer)
    is_dpo = isinstance(recipe, Prefer) and recipe.preference.loss == "dpo"
    reference = 1 / max(1.0, recipe.optimizer.epochs) if is_dpo else 0
    passes = 2 + resources.gradient_checkpointing + reference + is_whole(work.step["model"])
    speed = resources.workers * rates.tflops * 1e12 * rates.compute_share
    compute = 2 * passes * shape.parameters * work.trained_tokens / speed
    if resources.zero_stage != 3 or resources.workers == 1:
        return compute
    micro_steps = math.ceil(work.rows * recipe.optimizer.epochs / (resources.workers * resources.micro_batch))
    gathered = shape.parameters * BYTES[resources.train_dtype] * passes
    return max(compute, micro_steps * gathered / (rates.link_gb_s * 1e9))
