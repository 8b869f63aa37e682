"""DeepSpeed's configuration and Ray Train's scaling for given resources.

ZeRO is off or at stage 3: the stages between shard gradients and moments, of an adapter a few MB, and not the weights.
"""

from typing import TYPE_CHECKING, Any

from ray_jobs.resources.requests import node_labels, scaling_strategy
from ray_jobs.resources.resources import Resources

if TYPE_CHECKING:
    from ray.train.torch import TorchConfig

PROCESS_GROUP_SECONDS = 7200
"""How long a collective waits for the other ranks: a node without the model fetches 140 GB first, which takes 40
minutes at 60 MB/s, and torch's 30 minutes would end the training."""


def deepspeed_config(resources: Resources) -> dict[str, Any]:
    """DeepSpeed's configuration; the HF Trainer sets each `auto` from its arguments and the model's width.

    It has no optimizer section, because the Trainer's AdamW needs no compiler.
    """
    zero: dict[str, Any] = {"stage": resources.zero_stage}
    if resources.zero_stage == 3:
        zero |= {
            "reduce_bucket_size": "auto",  # the default buffers 500 million gradients; an adapter has a few million
            "allgather_bucket_size": 50_000_000,
            "stage3_prefetch_bucket_size": "auto",
            "stage3_param_persistence_threshold": "auto",  # norms and narrow adapter matrices stay whole on each worker
        }
    return {
        "train_batch_size": "auto",
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
        "gradient_clipping": "auto",
        "bf16": {"enabled": "auto"},
        "communication_data_type": "fp32",  # of gradients (training/state.py says why)
        "data_types": {"grad_accum_dtype": "fp32" if resources.zero_stage == 3 else None},
        "zero_optimization": zero,
        "zero_allow_untested_optimizer": True,  # for the Trainer's AdamW
        "steps_per_print": 1 << 30,  # never: the driver shows the progress
    }


def accumulation(batch_size: int, resources: Resources, field: str = "batch_size", part: str = "") -> int:
    """Micro batches of each worker per optimizer step; all workers together take the recipe's `batch_size`.

    `field` names it in errors, and `part`, which is `weak.` for that model's sizes, the fields of the resources.
    Raises ValueError if `batch_size` is not divisible by workers x micro_batch.
    """
    workers, micro_batch = resources.workers, resources.micro_batch
    if batch_size % (workers * micro_batch):
        divisor = next(number for number in range(workers, 0, -1) if batch_size % number == 0)
        raise ValueError(
            f"{field}={batch_size} is not divisible by {part}workers x {part}micro_batch = {workers} x {micro_batch} = "
            f"{workers * micro_batch}: add {part}workers={divisor},{part}micro_batch=1 to --resources, or set a "
            f"multiple of {workers * micro_batch} as {field}"
        )
    return batch_size // (workers * micro_batch)


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


def torch_config(resources: Resources) -> "TorchConfig":
    """The process group of a training step's workers."""
    from ray.train.torch import TorchConfig

    return TorchConfig(backend="nccl" if resources.gpus_per_worker else "gloo", timeout_s=PROCESS_GROUP_SECONDS)
