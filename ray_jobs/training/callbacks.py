"""The Trainer's callbacks: when to save a checkpoint, and the progress for the driver.

Both are on every rank, because saving, logging and the question for a preemption notice are collectives.
"""

import time
from typing import Any

from transformers import TrainerCallback

from ray_jobs.training.values import StepsDone

PREEMPTION_SECONDS = 2.0
"""Time between two questions for a preemption notice."""


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


class ReportProgress(TrainerCallback):
    """Sends steps, losses and saves of step `name` to the `Reporter`; `reporter` is None on ranks other than 0."""

    def __init__(self, reporter: Any, name: str) -> None:
        self.reporter, self.name = reporter, name

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Send the step at which a resumed training continues."""
        if self.reporter:
            self.reporter.advanced.remote(self.name, StepsDone(state.global_step, None))

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Log the last step's loss too, whatever `logging_steps` is."""
        if state.global_step >= state.max_steps:
            control.should_log = True

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """Send the step and its loss."""
        loss = (logs or {}).get("loss")
        if loss is not None and self.reporter:
            self.reporter.advanced.remote(self.name, StepsDone(state.global_step, float(loss)))

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Count the save."""
        if self.reporter:
            self.reporter.saved.remote(self.name)
