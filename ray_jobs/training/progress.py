"""The actor that carries progress and the result from rank 0 to the driver, and the thread that shows progress.

No callback of the Trainer is here, because the actor's process would then import torch (see callbacks.py).
"""

import threading
from typing import Any

from ray_jobs.runtime.progress import Progress
from ray_jobs.training.values import Refusal, StepsDone, TrainingResult

POLL_SECONDS = 0.5
"""Time between two questions of the driver for progress."""


class Reporter:
    """Actor that carries progress and the final result from rank 0 to the driver.

    Ray Train's own `report` is not used: every rank must call it equally often, and it copies checkpoints.
    """

    def __init__(self) -> None:
        self._done: StepsDone | None = None
        self._saves = 0
        self._outcome: TrainingResult | Refusal | None = None

    def advanced(self, done: StepsDone) -> None:
        """Keep the optimizer steps that rank 0 has done."""
        self._done = done

    def saved(self) -> None:
        """Count a checkpoint that rank 0 has saved to the store."""
        self._saves += 1

    def refuse(self, refusal: Refusal) -> None:
        """Keep why this rank cannot train; any rank may call this."""
        self._outcome = refusal

    def finished(self, result: TrainingResult) -> None:
        """Keep the result of the training. Rank 0 calls this once its adapter is written."""
        self._outcome = result

    def done(self) -> StepsDone | None:
        """The latest progress; None before a worker group has begun to train."""
        return self._done

    def saves(self) -> int:
        """Checkpoints written by all worker groups of this training."""
        return self._saves

    def outcome(self) -> TrainingResult | Refusal:
        """The result or the refusal, once the workers have ended."""
        assert self._outcome is not None, "the workers ended without a result"
        return self._outcome


class Follower:
    """Context manager: a thread polls the reporter and shows the progress while the driver waits for the training."""

    def __init__(self, reporter: Any, name: str, progress: Progress) -> None:
        self._reporter, self._name, self._progress = reporter, name, progress
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        import ray
        from ray.exceptions import RayError

        shown: StepsDone | None = None
        while not self._stop.wait(POLL_SECONDS):
            try:
                done: StepsDone | None = ray.get(self._reporter.done.remote())
            except RayError:  # the training raises its own error; this thread only shows progress
                return
            if done is None or done == shown:
                continue
            more = done.steps - (shown.steps if shown else 0)
            is_restart = done.loss is None and shown is not None  # a worker group says so before its first step
            self._progress.advanced(self._name, more, loss=done.loss, restarts=int(is_restart))
            shown = done
