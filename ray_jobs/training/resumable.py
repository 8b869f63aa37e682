"""What our trainers add to TRL's: order, chance and checkpoints that do not depend on the number of workers."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import torch
from transformers import Trainer

from ray_jobs.training import state as train_state
from ray_jobs.training.checkpoint import Checkpoint
from w2s.seed import derived_seed


class Resumable(Trainer):
    """A base class before TRL's trainer; its rows come in the order of training (w2s/method/batches.py) and are read in sequence.

    With rows in sequence, Accelerate gives rank r of w the micro batches r, r + w, r + 2 w, ...: all together an optimizer step has
    the recipe's batch. transformers 5.19 has no public way to save and load a DeepSpeed training but by DeepSpeed's own files, which
    are pickles, one a rank; so two of its methods are replaced, and tests/ray/training/test_resume.py tells when they change.
    """

    put: Callable[[Checkpoint], None]
    """Where rank 0 saves a checkpoint."""
    checkpoint: Checkpoint | None = None
    """Where training goes on."""
    _step = _micro = -1

    def run(self, checkpoint: Checkpoint | None) -> None:
        """Train to the end, from a checkpoint where there is one."""
        if checkpoint is None:
            self.train()
            return
        self.checkpoint = checkpoint
        folder = Path(str(self.args.output_dir)) / "resumed"
        folder.mkdir(parents=True)
        (folder / "trainer_state.json").write_text(json.dumps(checkpoint.notes["trainer"]))
        self.train(resume_from_checkpoint=str(folder))

    @property
    def losses(self) -> list[tuple[int, float]]:
        """(step, loss) as logged, from the first step on, whatever was interrupted."""
        return [(int(entry["step"]), entry["loss"]) for entry in self.state.log_history if "loss" in entry]

    def training_step(self, *arguments: Any, **named: Any) -> torch.Tensor:
        """One forward and backward pass, with a seed of the micro batch's own: dropout is the same on any number of workers."""
        if self._step != self.state.global_step:
            self._step, self._micro = self.state.global_step, 0
        number = self._micro * self.args.world_size + self.args.process_index
        torch.manual_seed(derived_seed(self.args.seed, "micro batch", self._step, number))
        self._micro += 1
        return super().training_step(*arguments, **named)

    def _prepare_for_training(self, max_steps: int, train_dataloader: Any, resume_from_checkpoint: Any) -> Any:
        prepared = super()._prepare_for_training(max_steps, train_dataloader, None)
        if self.checkpoint is not None:
            notes = self.checkpoint.notes
            scheduler, optimizer = cast("Any", self.lr_scheduler), cast("Any", self.optimizer)
            train_state.restore(
                self.model_wrapped,
                self.accelerator.unwrap_model(self.model),
                self.checkpoint.tensors,
                notes["optimizer_step"],
            )
            scheduler.load_state_dict(notes["scheduler"])
            for group, rate in zip(optimizer.param_groups, scheduler.get_last_lr(), strict=True):
                group["lr"] = rate
            self.checkpoint = None  # its tensors are in the engine now
        return prepared

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        tensors = train_state.gather(self.model_wrapped, self.accelerator.unwrap_model(self.model))
        if self.args.process_index:
            return
        notes = {
            "step": self.state.global_step,
            "optimizer_step": train_state.optimizer_step(self.model_wrapped),
            "scheduler": cast("Any", self.lr_scheduler).state_dict(),
            "trainer": asdict(self.state),
        }
        self.put(Checkpoint(tensors, notes))
