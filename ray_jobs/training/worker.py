"""The train loop on each rank: for each step make a trainer, resume the newest checkpoint, train, write the model.

What the user must change goes to the reporter and the next step begins, because Ray Train retries whatever a worker
raises. What imports torch or transformers is imported late, because the driver imports this file to name `train_loop`.
"""

import gc
import os
import resource
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from ray_jobs.models.folders import trained_folder
from ray_jobs.resources.resources import Resources
from ray_jobs.runtime.imports import importing
from ray_jobs.training import checkpoint
from ray_jobs.training.base import Base
from ray_jobs.training.model import write_model
from ray_jobs.training.values import Refusal, TrainingJob, TrainingRefused, TrainingResult, diverged
from w2s.graph.recipes import FineTune, Prefer
from w2s.graph.trained import is_whole
from w2s.store.lease.heartbeat import check_shared


def train_loop(reporter: Any) -> None:
    """Run one rank of a group of workers: train its steps one after another on one base, and report each on rank 0.

    Rank 0 asks the reporter for each step, because steps may join the group while it trains. The step at which earlier
    workers were lost comes first.
    """
    import ray
    import ray.train
    import ray.train.collective

    first, base = ray.train.get_context().get_world_rank() == 0, None
    while name := ray.train.collective.broadcast_from_rank_zero(ray.get(reporter.next.remote()) if first else None):
        job: TrainingJob = ray.get(ray.get(reporter.job.remote(name)))
        if base is None:
            set_threads(job.resources)
            start_deepspeed(job.resources)
            base = base_of(job)
        if first:
            ray.get(reporter.begins.remote(name))
        with tempfile.TemporaryDirectory(prefix="w2s-train-") as scratch:
            train_step(job, base, Path(scratch), reporter)
        gc.collect()  # trainer, engine and optimizer refer to each other


def base_of(job: TrainingJob) -> Base:
    """The base that a step trains, which all steps of its group share."""
    assert isinstance(job.step.recipe, FineTune | Prefer)
    whole = job.step.input("base")
    return Base(job.step.recipe.model, job.resources, partial(trained_folder, job.store, whole) if whole else None)


def train_step(job: TrainingJob, base: Base, folder: Path, reporter: Any) -> None:
    """Run one rank of one step and report the result on rank 0; `folder` is a scratch folder of this rank."""
    import ray
    import ray.train
    import ray.train.collective

    with importing():
        from ray_jobs.training.callbacks import CheckLosses, ReportProgress, SaveInterval

    rank, world_size = ray.train.get_context().get_world_rank(), ray.train.get_context().get_world_size()
    if job.resources.gpus_per_worker:
        import torch

        torch.cuda.reset_peak_memory_stats()
    if (trainer := _trainer(job, base, folder, reporter)) is None:
        return
    assert trainer.args.world_size == world_size, "the trainer sees other processes than Ray Train started"
    # Only rank 0 lists the checkpoints, because another rank could see another newest one.
    name = ray.train.collective.broadcast_from_rank_zero(
        checkpoint.newest(job.store, job.step, job.inputs) if rank == 0 else None
    )
    start = checkpoint.load(job.store, job.step, name) if name else None
    trainer.put = partial(checkpoint.save, job.store, job.step, job.inputs)
    trainer.diverged = partial(diverged, job.step)
    trainer.add_callback(CheckLosses(trainer, job.step, job.resources.train_dtype))
    trainer.add_callback(SaveInterval(job.resources.save_minutes * 60))
    trainer.add_callback(progress := ReportProgress(reporter if rank == 0 else None, job.step.name))
    progress.begin(start.step if start else 0)
    try:
        trainer.run(start)
        files = write_model(trainer, job, base.folder, folder, rank)
        layers, weights = trainer.adapted_layers, trainer.trained_weights
    except TrainingRefused as error:
        ray.get(reporter.ends.remote(job.step.name, Refusal(str(error))))
        base.take_back(trainer)
        return
    base.take_back(trainer)
    peak = _most_on_any_rank(_peak_bytes())
    if rank != 0:
        return
    result = TrainingResult(
        files=files,
        steps=trainer.state.global_step,
        resumed_at_step=start.step if start else 0,
        world_size=world_size,
        adapted_layers=0 if is_whole(job.step["model"]) else layers,
        trained_weights=weights,
        losses=trainer.losses,
        experts=trainer.experts,
        peak_bytes=peak,
        first_logps=trainer.first_logps,
    )
    ray.get(reporter.ends.remote(job.step.name, result))


def set_threads(resources: Resources) -> None:
    """Give torch as many threads as a worker without GPUs has CPUs; Ray (2.60.0) leaves it one."""
    if not resources.gpus_per_worker:
        with importing():
            import torch

        torch.set_num_threads(max(1, int(resources.cpus_per_worker)))


def start_deepspeed(resources: Resources) -> None:
    """Start DeepSpeed on this rank's process group, before a model is loaded; otherwise ZeRO-3 counts one process.

    On CPU, DeepSpeed's shared-memory allreduce is off. Its first use compiles it for most of a minute, and a run that
    is killed meanwhile leaves a lock for which later runs wait for ever. An adapter's gradients are small enough for
    gloo.
    """
    if not resources.gpus_per_worker:
        os.environ["DS_ACCELERATOR"] = "cpu"  # DeepSpeed reads it at import
    with importing():
        import deepspeed

    if not resources.gpus_per_worker:
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    deepspeed.init_distributed(dist_backend="nccl" if resources.gpus_per_worker else "gloo")


def _trainer(job: TrainingJob, base: Base, folder: Path, reporter: Any) -> Any | None:
    """The step's trainer; None on all ranks if any rank refuses, because the others would wait for it for ever."""
    import ray

    from ray_jobs.training.trainers import make_trainer

    made: Any | None = None
    try:
        check_shared(job.store.objects, job.store.run)
        made = make_trainer(job, folder, base)
    except ValueError as error:
        ray.get(reporter.ends.remote(job.step.name, Refusal(str(error) or repr(error))))
    if not _on_any_rank(made is None):
        return made
    if _on_any_rank(base.is_lent):  # loading it again is collective under ZeRO-3
        base.forget()
    return None


def _on_any_rank(value: bool) -> bool:
    """Whether `value` is true on at least one rank. Collective."""
    return bool(_most_on_any_rank(int(value)))


def _most_on_any_rank(value: int) -> int:
    """The largest `value` of all ranks. Collective."""
    import torch
    from torch import distributed

    most = torch.tensor([value], device="cuda" if distributed.get_backend() == "nccl" else "cpu")
    distributed.all_reduce(most, op=distributed.ReduceOp.MAX)
    return int(most.item())


def _peak_bytes() -> int:
    """Most memory that this rank has held: of its GPU by tensors since the step began, else of the whole process."""
    import torch
    from torch import distributed

    if distributed.get_backend() == "nccl":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10  # which Linux gives in KiB
