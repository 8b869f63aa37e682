"""The train loop on each rank: make a TRL trainer, resume the newest checkpoint, train, write the adapter.

What the user must change goes to the reporter and the rank returns, because Ray Train retries whatever a worker raises.
"""

import math
import os
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from ray_jobs.resources.resources import Resources
from ray_jobs.training import checkpoint
from ray_jobs.training.adapter import write_adapter
from ray_jobs.training.callbacks import ReportProgress, SaveInterval
from ray_jobs.training.trainers import make_trainer
from ray_jobs.training.values import Refusal, RowCounts, TrainingJob, TrainingResult
from w2s.store.lease.heartbeat import check_shared


def train_loop(job: TrainingJob) -> None:
    """Run one rank of one training step and report the result on rank 0."""
    import ray
    import ray.train
    import ray.train.collective

    start_deepspeed(job.resources)
    rank, world_size = ray.train.get_context().get_world_rank(), ray.train.get_context().get_world_size()
    with tempfile.TemporaryDirectory(prefix="w2s-train-") as scratch:
        folder = Path(scratch)
        if (made := _trainer(job, folder)) is None:
            return
        trainer, rows = made
        assert trainer.args.world_size == world_size, "the trainer sees other processes than Ray Train started"
        # Only rank 0 lists the checkpoints, because another rank could see another newest one.
        name = ray.train.collective.broadcast_from_rank_zero(
            checkpoint.newest(job.store, job.step, job.inputs) if rank == 0 else None
        )
        start = checkpoint.load(job.store, job.step, name) if name else None
        trainer.put = partial(checkpoint.save, job.store, job.step, job.inputs)
        trainer.add_callback(SaveInterval(job.resources.save_minutes * 60))
        trainer.add_callback(ReportProgress(job.reporter if rank == 0 else None))
        trainer.run(start)
        files = write_adapter(trainer, job, folder, rank)
    if rank != 0:
        return
    result = TrainingResult(
        files=files,
        rows=rows,
        steps=trainer.state.global_step,
        resumed_at_step=start.step if start else 0,
        world_size=world_size,
        adapted_layers=trainer.adapted_layers,
        losses=trainer.losses,
    )
    first, last = result.losses[0].loss, result.losses[-1].loss
    if math.isfinite(first) and math.isfinite(last):
        ray.get(job.reporter.finished.remote(result))
    else:
        reason = f"{job.step.name}: the training diverged, loss {first} -> {last}: lower its learning_rate"
        ray.get(job.reporter.refuse.remote(Refusal(reason)))


def start_deepspeed(resources: Resources) -> None:
    """Start DeepSpeed on this rank's process group, before a model is loaded; otherwise ZeRO-3 counts one process.

    On CPU, DeepSpeed's shared-memory allreduce is off. Its first use compiles it for most of a minute, and a run that
    is killed meanwhile leaves a lock for which later runs wait for ever. An adapter's gradients are small enough for
    gloo.
    """
    if not resources.gpus_per_worker:
        os.environ["DS_ACCELERATOR"] = "cpu"  # DeepSpeed reads it at import
    import deepspeed

    if not resources.gpus_per_worker:
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    deepspeed.init_distributed(dist_backend="nccl" if resources.gpus_per_worker else "gloo")


def _trainer(job: TrainingJob, folder: Path) -> tuple[Any, RowCounts] | None:
    """The step's trainer; None on all ranks if any rank refuses, because the others would wait for it for ever."""
    import ray

    made: tuple[Any, RowCounts] | None = None
    try:
        check_shared(job.store.objects, job.store.run)
        made = make_trainer(job, folder)
    except ValueError as error:
        ray.get(job.reporter.refuse.remote(Refusal(str(error) or repr(error))))
    return None if _on_any_rank(made is None) else made


def _on_any_rank(value: bool) -> bool:
    """Whether `value` is true on at least one rank. Collective."""
    import torch
    from torch import distributed

    flag = torch.tensor([int(value)], device="cuda" if distributed.get_backend() == "nccl" else "cpu")
    distributed.all_reduce(flag)
    return bool(flag.item())
