"""What each training worker runs: a TRL trainer with checkpoints into the step's folder, then the adapter into the store."""

import math
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from ray_jobs.resources import Resources
from ray_jobs.trainers import make_trainer
from w2s.step import Step
from w2s.step_recipes import FineTune, Prefer
from w2s.store import Store


def train_loop(config: dict[str, Any]) -> None:
    """One rank of one training step; `config` is what ray_jobs/train.py put together."""
    import ray
    import ray.train

    resources = config["resources"]
    start_deepspeed(resources)
    rank, world_size = ray.train.get_context().get_world_rank(), ray.train.get_context().get_world_size()
    with tempfile.TemporaryDirectory(prefix="w2s-train-") as folder:
        trainer, counts = make_trainer(config["step"], config["store"], resources, config["rows"], Path(folder))
        assert trainer.args.world_size == world_size, "the trainer sees other processes than Ray Train started"
        layout = f"{world_size}-zero{resources.zero_stage}-{resources.train_dtype}"
        report = Report(config["reporter"] if rank == 0 else None, resources.save_minutes * 60, layout)
        trainer.add_callback(report)
        trainer.train(resume_from_checkpoint=_last_checkpoint(Path(folder), world_size, layout))
        names = _write_adapter(trainer, config["step"], config["store"], config["attempt"], Path(folder), rank)
    if rank == 0:
        counts |= {"steps": trainer.state.global_step, "resumed_at_step": report.resumed_at, "world_size": world_size}
        counts |= {"first_loss": report.first_loss, "last_loss": report.last_loss}
        assert all(math.isfinite(value) for value in counts.values()), f"the training diverged: {counts}"
        ray.get(config["reporter"].finished.remote(names, counts))


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
    """Tells the driver how far the training is, and saves every `save_seconds`, all ranks at the same step."""

    def __init__(self, reporter: Any, save_seconds: float, layout: str) -> None:
        self.reporter, self.save_seconds, self.layout = reporter, save_seconds, layout
        self.saved = time.monotonic()
        self.first_loss = self.last_loss = float("nan")
        self.resumed_at = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Remember where a resumed training goes on."""
        self.resumed_at = state.global_step
        if self.reporter:
            self.reporter.advanced.remote(state.global_step, None)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Rank 0's clock decides whether to save; the others follow it, for a checkpoint is the work of all."""
        import torch

        due = torch.tensor([time.monotonic() - self.saved >= self.save_seconds], dtype=torch.int32, device=args.device)
        torch.distributed.broadcast(due, src=0)
        if due.item() and state.global_step < state.max_steps:
            control.should_save = True
        if state.global_step >= state.max_steps:
            control.should_log = True

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """Loss and step to the driver."""
        loss = (logs or {}).get("loss")
        if loss is None:
            return
        self.last_loss = float(loss)
        if self.first_loss != self.first_loss:
            self.first_loss = self.last_loss
        if self.reporter:
            self.reporter.advanced.remote(state.global_step, self.last_loss)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Hand this rank's own files to Ray Train, which joins all ranks' into one checkpoint."""
        import ray.train

        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        (folder / f"rank-{ray.train.get_context().get_world_rank()}-of-{self.layout}").touch()
        checkpoint = ray.train.Checkpoint.from_directory(str(folder))
        ray.train.report({"step": state.global_step}, checkpoint=checkpoint, delete_local_checkpoint_after_upload=True)
        self.saved = time.monotonic()


def _last_checkpoint(folder: Path, world_size: int, layout: str) -> str | None:
    """The last complete checkpoint, copied to this rank's folder; None where there is none of this layout.

    DeepSpeed cannot load sharded state into another number of processes, ZeRO stage or dtype, so such a training starts again.
    """
    import ray.train

    checkpoint = ray.train.get_checkpoint()
    if checkpoint is None:
        return None
    target = folder / "resumed"
    checkpoint.to_directory(str(target))
    ranks = {path.name for path in target.glob("rank-*")}
    return str(target) if ranks == {f"rank-{rank}-of-{layout}" for rank in range(world_size)} else None


def _write_adapter(trainer: Any, step: Step, store: Store, attempt: str, folder: Path, rank: int) -> list[str]:
    """Save the trained adapter in PEFT's format under the attempt's `model/`; returns the files' names (rank 0 only)."""
    import deepspeed
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    model = trainer.accelerator.unwrap_model(trainer.model)
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained, "no parameter was trained"
    sharded = any(hasattr(parameter, "ds_id") for parameter in trained.values())
    with deepspeed.zero.GatheredParameters(list(trained.values()), enabled=sharded):  # ZeRO-3: only the adapter is gathered, not the base
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
    names = sorted(path.name for path in adapter.iterdir())
    for name in names:
        store.write(store.path(step.directory, attempt, "model", name), (adapter / name).read_bytes())
    return names
