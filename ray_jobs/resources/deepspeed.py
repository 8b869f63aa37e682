"""What resources mean for DeepSpeed and Ray Train."""

from typing import Any

from ray_jobs.resources.claims import node_labels, scaling_strategy
from ray_jobs.resources.resources import Resources


def deepspeed_config(resources: Resources) -> dict[str, Any]:
    """A DeepSpeed configuration for LoRA; `auto` is filled in by the HF Trainer from its arguments and the model's width.

    There is no optimizer section: the Trainer's own AdamW needs nothing compiled, and an adapter's state is too small to offload.
    """
    zero: dict[str, Any] = {"stage": resources.zero_stage}
    if resources.zero_stage:
        zero["reduce_bucket_size"] = (
            "auto"  # by default buffers for 500 million gradients; an adapter has a few million
        )
        zero["allgather_bucket_size"] = 50_000_000
    if resources.zero_stage == 3:
        zero["stage3_prefetch_bucket_size"] = "auto"
        zero["stage3_param_persistence_threshold"] = (
            "auto"  # keeps norms and narrow adapter matrices whole on each worker
        )
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
