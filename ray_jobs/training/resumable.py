"""Base class of our TRL trainers: batches, dropout and checkpoints that do not depend on the number of workers.

transformers 5.19 saves a DeepSpeed training only as DeepSpeed's own pickles, one a rank, so two private methods of its
Trainer are replaced here; tests/ray/training/test_resume.py fails when they change.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import torch
from transformers import Trainer, TrainerCallback

from ray_jobs.models.configs import experts
from ray_jobs.training import state as train_state
from ray_jobs.training.checkpoint import Checkpoint, Notes
from ray_jobs.training.values import StepLoss, TrainingRefused
from w2s.seed import derived_seed


class ContinueMean(TrainerCallback):
    """Gives a resumed Trainer the losses that the checkpoint's run had not logged yet.

    A logged loss is the mean since the entry before it; without this, the first one after a checkpoint would leave out
    the steps before it. transformers sets both names at the start, after `_prepare_for_training`.
    """

    def __init__(self, trainer: "Resumable", unlogged_loss: float, logged_at: int) -> None:
        self.trainer, self.unlogged_loss, self.logged_at = trainer, unlogged_loss, logged_at

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Set what transformers has just set to 0 and to the step that is resumed."""
        self.trainer._tr_loss += self.unlogged_loss
        self.trainer._globalstep_last_logged = self.logged_at


class Resumable(Trainer):
    """A Trainer that reads its rows in sequence; they come in the order of training (w2s/method/batches.py).

    Accelerate gives rank r of w the micro batches r, r + w, r + 2 w, ..., so all ranks together take the recipe's
    batch.
    """

    put: Callable[[Checkpoint], None]
    """Writes a checkpoint; called on rank 0."""
    diverged: Callable[[str], TrainingRefused]
    """The error for a state that is not finite, given the reason."""
    checkpoint: Checkpoint | None = None
    """The checkpoint to resume; None once its tensors are in the engine."""
    lost_losses = 0
    """Micro batches of this rank since the last optimizer step whose loss is not finite."""
    _step = _micro = -1

    def run(self, checkpoint: Checkpoint | None) -> None:
        """Train to the end, from `checkpoint` if it is not None."""
        if checkpoint is None:
            self.train()
            return
        self.checkpoint = checkpoint
        if checkpoint.notes.unlogged_loss is not None:
            self.add_callback(ContinueMean(self, checkpoint.notes.unlogged_loss, checkpoint.logged_at))
        folder = Path(str(self.args.output_dir)) / "resumed"
        folder.mkdir(parents=True)
        (folder / "trainer_state.json").write_text(json.dumps(checkpoint.notes.trainer))
        self.train(resume_from_checkpoint=str(folder))

    @property
    def losses(self) -> tuple[StepLoss, ...]:
        """The logged losses from the first step on, those before an interruption included."""
        return tuple(StepLoss(int(entry["step"]), entry["loss"]) for entry in self.state.log_history if "loss" in entry)

    @property
    def first_logps(self) -> tuple[float, float] | None:
        """What TRL's preference trainers log of the first batch: log-probabilities of chosen and rejected sides."""
        first = self.state.log_history[0]
        return (first["logps/chosen"], first["logps/rejected"]) if "logps/chosen" in first else None

    @property
    def adapted_layers(self) -> int:
        """Layers with a trained adapter; it has two matrices a layer."""
        return len(list(train_state.trained_parameters(self.accelerator.unwrap_model(self.model)))) // 2

    @property
    def trained_weights(self) -> int:
        """Numbers that are trained; ZeRO-3 leaves each rank a part of them."""
        trained = train_state.trained_parameters(self.accelerator.unwrap_model(self.model))
        return sum(getattr(parameter, "ds_numel", parameter.numel()) for _, parameter in trained)

    @property
    def experts(self) -> int:
        """Experts of each mixture of the base: stacked tensors and no linear layers, so no adapter changes them."""
        model: Any = self.accelerator.unwrap_model(self.model)
        return experts(model.config.get_text_config())

    def training_step(self, *arguments: Any, **named: Any) -> torch.Tensor:
        """Seed each micro batch by its number in the step, so that dropout is the same on any number of workers."""
        if self._step != self.state.global_step:
            self._step, self._micro, self.lost_losses = self.state.global_step, 0, 0
        number = self._micro * self.args.world_size + self.args.process_index
        torch.manual_seed(derived_seed(self.args.seed, "micro batch", self._step, number))
        self._micro += 1
        loss = super().training_step(*arguments, **named)
        self.lost_losses += int(~loss.isfinite())
        return loss

    def _prepare_for_training(self, max_steps: int, train_dataloader: Any, resume_from_checkpoint: Any) -> Any:
        prepared = super()._prepare_for_training(max_steps, train_dataloader, None)
        model = self.accelerator.unwrap_model(self.model)
        train_state.add_up_in_float32(self.model_wrapped, model, self.args.world_size)
        self.before_first_step()
        if self.checkpoint is None:
            train_state.forget_first_step(self.model_wrapped, model)
        else:
            notes = self.checkpoint.notes
            scheduler, optimizer = cast("Any", self.lr_scheduler), cast("Any", self.optimizer)
            train_state.restore(self.model_wrapped, model, self.checkpoint.tensors, notes.optimizer_step)
            scheduler.load_state_dict(notes.scheduler)
            for group, rate in zip(optimizer.param_groups, scheduler.get_last_lr(), strict=True):
                group["lr"] = rate
            self.checkpoint = None
        return prepared

    def before_first_step(self) -> None:
        """Runs once the model is wrapped and has its initial weights, before a checkpoint is restored."""

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        tensors, is_finite = dict[str, torch.Tensor](), True
        for name, tensor in train_state.gather(self.model_wrapped, self.accelerator.unwrap_model(self.model)):
            is_finite &= bool(tensor.isfinite().all())  # on every rank, because all must stop
            if not self.args.process_index:
                tensors[name] = tensor
        if not is_finite:
            raise self.diverged(f"the state after optimizer step {self.state.global_step} is not finite")
        losses = self._tr_loss.detach().clone()
        torch.distributed.all_reduce(losses)
        unlogged = float(losses) / self.args.world_size
        if self.args.process_index:
            return
        notes = Notes(
            step=self.state.global_step,
            optimizer_step=train_state.optimizer_step(self.model_wrapped),
            scheduler=cast("Any", self.lr_scheduler).state_dict(),
            trainer=asdict(self.state),
            unlogged_loss=unlogged,
        )
        self.put(Checkpoint(tensors, notes))
