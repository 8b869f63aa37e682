"""What each training worker runs: a TRL trainer with checkpoints into the step's folder, then the adapter into the store."""

import math
import os
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from ray_jobs.resources.resources import Resources
from ray_jobs.training import checkpoint
from ray_jobs.training.trainers import make_trainer
from w2s.graph.recipes import FineTune, Prefer
from w2s.graph.step import Step
from w2s.store.attempt import put
from w2s.store.lease.leases import check_shared
from w2s.store.manifest import File
from w2s.store.store import Store

PREEMPTION_SECONDS = 2.0
"""Between two looks for a notice that this training's nodes will be taken away."""


def train_loop(config: dict[str, Any]) -> None:
    """One rank of one training step; `config` is what ray_jobs/training/job.py put together.

    What the user must change is told to the reporter and the rank ends well: Ray Train tries again after whatever a worker raises.
    """
    import ray
    import ray.train
    import ray.train.collective

    step, store, resources, reporter = config["step"], config["store"], config["resources"], config["reporter"]
    start_deepspeed(resources)
    rank, world_size = ray.train.get_context().get_world_rank(), ray.train.get_context().get_world_size()
    with tempfile.TemporaryDirectory(prefix="w2s-train-") as folder:
        try:
            check_shared(store)
            (trainer, counts), refused = make_trainer(step, store, resources, config["rows"], Path(folder)), ""
        except ValueError as error:
            trainer, counts, refused = None, {}, str(error) or repr(error)
        if refused:
            ray.get(reporter.refuse.remote(refused))
        if _any(bool(refused)) or trainer is None:  # all ranks leave together, or the others would wait for this one
            return
        assert trainer.args.world_size == world_size, "the trainer sees other processes than Ray Train started"
        # One rank looks, for a checkpoint may be written or removed while the others do.
        name = ray.train.collective.broadcast_from_rank_zero(
            checkpoint.newest(store, step, config["inputs"]) if rank == 0 else None
        )
        found = checkpoint.load(store, step, name) if name else None
        trainer.put = partial(checkpoint.save, store, step, config["inputs"])
        trainer.add_callback(Report(reporter if rank == 0 else None, resources.save_minutes * 60))
        trainer.run(found)
        files = _write_adapter(trainer, step, store, config["attempt"], Path(folder), rank)
    if rank == 0:
        losses = trainer.losses
        counts |= {
            "steps": trainer.state.global_step,
            "resumed_at_step": found.step if found else 0,
            "world_size": world_size,
        }
        counts |= {"first_loss": losses[0][1], "last_loss": losses[-1][1]}
        if not all(math.isfinite(value) for value in counts.values()):
            ray.get(
                reporter.refuse.remote(
                    f"{step.name}: the training diverged, last loss {losses[-1][1]}: lower its learning_rate"
                )
            )
            return
        ray.get(reporter.finished.remote(files, counts, losses))


def _any(here: bool) -> bool:
    """Whether it is so on any rank."""
    import torch
    from torch import distributed

    flag = torch.tensor([int(here)], device="cuda" if distributed.get_backend() == "nccl" else "cpu")
    distributed.all_reduce(flag)
    return bool(flag.item())


def preemption_notice() -> Any:
    """What Ray knows of nodes of this training that will be taken away (`ray.train.PreemptionInfo`), or None; all ranks must ask."""
    import ray.train

    return ray.train.get_preemption_info()


def start_deepspeed(resources: Resources) -> None:
    """Make DeepSpeed known to this rank's process group; before a model is loaded, or ZeRO-3 counts one process.

    On CPU its shared-memory allreduce is left out: it is compiled on first use, for most of a minute, and a run that is killed
    meanwhile leaves a lock that later ones wait for without end. An adapter's gradients are small enough for gloo.
    """
    if not resources.gpus_per_worker:
        os.environ["DS_ACCELERATOR"] = "cpu"  # read when deepspeed is imported
    import deepspeed

    if not resources.gpus_per_worker:
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    deepspeed.init_distributed(dist_backend="nccl" if resources.gpus_per_worker else "gloo")


class Report(TrainerCallback):
    """Tells the driver how far the training is, and says when to save: so that no more than `save_seconds` of training is ever not yet
    in the store, and once at a notice of preemption."""

    def __init__(self, reporter: Any, save_seconds: float) -> None:
        self.reporter, self.save_seconds = reporter, save_seconds
        self.notice: Any = None
        self.saved = self.stepped = self.asked = time.monotonic()
        self.step_seconds = 0.0  # of the longest step since the last save
        self.saving_seconds = save_seconds / 20  # of the last save; before there was one, a guess

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Say where a resumed training goes on."""
        self.saved = self.stepped = time.monotonic()
        if self.reporter:
            self.reporter.advanced.remote(state.global_step, None)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Rank 0's clock decides; the others follow it, for a save, and the question for a notice, are the work of all."""
        import torch

        now = time.monotonic()
        self.step_seconds, self.stepped = max(self.step_seconds, now - self.stepped), now
        # A save counts when it has ended: it is due where the one after the next step would end too late.
        too_late = now + self.step_seconds + self.saving_seconds - self.saved >= self.save_seconds
        due = torch.tensor([too_late, now - self.asked >= PREEMPTION_SECONDS], dtype=torch.int32, device=args.device)
        torch.distributed.broadcast(due, src=0)
        save, ask = (bool(flag) for flag in due.tolist())
        if ask:
            self.asked, before = now, self.notice
            self.notice = preemption_notice()
            save |= self.notice is not None and self.notice != before
        if save and state.global_step < state.max_steps:
            control.should_save = True
        if state.global_step >= state.max_steps:
            control.should_log = True

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """Loss and step to the driver."""
        loss = (logs or {}).get("loss")
        if loss is not None and self.reporter:
            self.reporter.advanced.remote(state.global_step, float(loss))

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The next interval begins when this save has ended."""
        now = time.monotonic()
        self.saving_seconds, self.step_seconds = now - self.stepped, 0.0
        self.saved = self.stepped = now
        if self.reporter:
            self.reporter.saved.remote(state.global_step)


def _write_adapter(trainer: Any, step: Step, store: Store, attempt: str, folder: Path, rank: int) -> list[File]:
    """Save the trained adapter in PEFT's format under the attempt's `model/`; returns its files as they should be (rank 0 only)."""
    import deepspeed
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    model = trainer.accelerator.unwrap_model(trainer.model)
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained, "no parameter was trained"
    sharded = any(hasattr(parameter, "ds_id") for parameter in trained.values())
    with deepspeed.zero.GatheredParameters(
        list(trained.values()), enabled=sharded
    ):  # ZeRO-3: only the adapter is gathered, not the base
        state = {name: parameter.detach().cpu().clone() for name, parameter in trained.items()}
    if rank != 0:
        return []
    adapter = folder / "adapter"
    adapter.mkdir()
    weights = get_peft_model_state_dict(model, state_dict=state, adapter_name="default")
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, adapter / "adapter_model.safetensors")
    assert isinstance(step.recipe, FineTune | Prefer)
    config = model.peft_config["default"]
    config.base_model_name_or_path = step.recipe.model.name  # not this node's path
    config.inference_mode = True
    config.save_pretrained(adapter)
    return [
        put(store, step.directory, f"{attempt}/model/{path.name}", path.read_bytes())
        for path in sorted(adapter.iterdir())
    ]
