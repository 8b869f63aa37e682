"""The Trainer's callbacks: when to save a checkpoint, the progress for the driver, and the end of a wrong training.

All are on every rank, because saving, logging and the question for a preemption notice are collectives.
"""

import math
import time
from typing import Any

from transformers import TrainerCallback

from ray_jobs.training.values import StepsDone, TrainingRefused, diverged
from w2s.graph.recipes import Prefer
from w2s.graph.step import Step

PREEMPTION_SECONDS = 2.0
"""Time between two questions for a preemption notice."""
FIRST_LOSS_TOLERANCE = {"float32": 1e-4, "bfloat16": 2e-3}
"""Allowed distance of DPO's first loss from ln 2, by train_dtype; sums of mixtures of experts on GPU have no fixed
order."""


def preemption_notice() -> Any:
    """Ray's preemption notice for this worker group (`ray.train.PreemptionInfo`), or None.

    Collective: call it on every rank.
    """
    import ray.train

    return ray.train.get_preemption_info()


class SaveInterval(TrainerCallback):
    """Saves so often that the store lacks at most `save_seconds` of training, and at once at a preemption notice."""

    def __init__(self, save_seconds: float) -> None:
        self.save_seconds = save_seconds
        self.notice: Any = None
        self.saved = self.stepped = self.asked = time.monotonic()
        self.step_seconds = 0.0  # of the longest step since the last save
        self.saving_seconds = save_seconds / 20  # of the last save; a guess before the first one

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the first interval."""
        self.saved = self.stepped = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Decide by rank 0's clock, because all ranks must save and ask at the same step."""
        import torch

        now = time.monotonic()
        self.step_seconds, self.stepped = max(self.step_seconds, now - self.stepped), now
        # A save protects the training only when it has ended, so it is due if the save after the next step would end
        # too late.
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

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the next interval now that this save has ended."""
        now = time.monotonic()
        self.saving_seconds, self.step_seconds = now - self.stepped, 0.0
        self.saved = self.stepped = now


class CheckLosses(TrainerCallback):
    """Raises `TrainingRefused` on every rank after a step with a loss or gradient that is not finite, and after DPO's
    first step if its loss was not ln 2."""

    def __init__(self, trainer: Any, step: Step, train_dtype: str) -> None:
        self.trainer, self.step, self.train_dtype = trainer, step, train_dtype

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Add up the ranks' losses that are not finite, because a rank that stopped alone would leave the others
        waiting."""
        import torch

        lost = torch.tensor(self.trainer.lost_losses, device=args.device)
        torch.distributed.all_reduce(lost)
        # DeepSpeed discards a step whose gradient is not finite, and keeps training; its norm is then infinite. In
        # float32 without ZeRO it has no norm, and the weights, thus the next loss, are not finite.
        norm = self.trainer.model_wrapped.get_global_grad_norm()
        if not lost and (norm is None or math.isfinite(norm)):
            return
        number = f"optimizer step {state.global_step} of {state.max_steps}"
        what = f"{int(lost)} losses" if lost else "the gradient"
        if state.global_step == 1 and lost:  # no update was made before it
            raise TrainingRefused(
                f"{self.step.name}: {what} of {number} are not finite although nothing was trained yet: the base "
                f"cannot be computed with train_dtype={self.train_dtype}, or its weights are damaged"
            )
        raise diverged(self.step, f"{what} of {number} {'are' if lost else 'is'} not finite")

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """Compare DPO's first loss with ln 2, its value where policy and reference are the same model."""
        recipe = self.step.recipe
        if not isinstance(recipe, Prefer) or recipe.preference.loss != "dpo" or state.global_step != 1 or not logs:
            return
        if "loss" not in logs:  # the summary after the last step
            return
        # The added SFT loss is logged nowhere by itself; around equal models DPO's part falls by half the margin.
        first = math.log(2) - logs["rewards/margins"] / 2 if recipe.preference.sft_weight else logs["loss"]
        tolerance = FIRST_LOSS_TOLERANCE[self.train_dtype]
        if abs(first - math.log(2)) > tolerance:
            raise TrainingRefused(
                f"{self.step.name}: DPO's first loss is {first:.5f} and must be ln 2 = {math.log(2):.5f} within "
                f"{tolerance}, because policy and reference are the same model before the first update: the base "
                "computes the same rows differently each time; take another model, or set dpo=null and orpo instead"
            )


class ReportProgress(TrainerCallback):
    """Sends steps, losses and saves of step `name` to the `Reporter`; `reporter` is None on ranks other than 0."""

    def __init__(self, reporter: Any, name: str) -> None:
        self.reporter, self.name = reporter, name

    def begin(self, steps: int) -> None:
        """Send the step at which a resumed training continues, or 0, before DPO's pass for its reference."""
        if self.reporter:
            self.reporter.advanced.remote(self.name, StepsDone(steps, None))

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Log the last step's loss too, whatever `logging_steps` is."""
        if state.global_step >= state.max_steps:
            control.should_log = True

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """Send each logged loss with its step."""
        loss = (logs or {}).get("loss")
        if loss is not None and self.reporter:
            self.reporter.advanced.remote(self.name, StepsDone(state.global_step, float(loss)))

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Count the save."""
        if self.reporter:
            self.reporter.saved.remote(self.name)
