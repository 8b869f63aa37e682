"""The driver's thread that asks a group's `Reporter` for progress, and hands each result over once."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Self

from ray_jobs.runtime.progress import Progress
from ray_jobs.training.values import StepsDone, StepState, TrainingJob

POLL_SECONDS = 0.5
"""Time between two questions of the driver for progress."""
FIRST = "first step"
"""Phase of a step whose workers train; DPO passes over all pairs for its reference before."""


class Follower:
    """Context manager: a thread polls the reporter, shows progress, and hands each outcome to `on_end` once.

    So a step is committed while the workers train the next one. `on_end` must not raise.
    """

    def __init__(
        self,
        reporter: Any,
        progress: Progress,
        on_end: Callable[[TrainingJob, StepState], None],
    ) -> None:
        self._reporter, self._progress, self._on_end = reporter, progress, on_end
        self._left = list[TrainingJob]()
        self._states: dict[str, StepState] = {}
        self._shown: dict[str, tuple[int, int]] = {}
        """Of each step that has started, the optimizer steps that were shown, and how often it was seen to begin."""
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def add(self, jobs: Sequence[TrainingJob]) -> None:
        """Follow further jobs, which the reporter knows."""
        with self._lock:
            self._left += jobs

    def poll(self) -> list[TrainingJob]:
        """Show and hand over what is new. Returns the jobs that have not ended: the one that was begun first."""
        import ray

        with self._lock:
            self._states = ray.get(self._reporter.states.remote())
            for job in list(self._left):
                state = self._states[job.step.name]
                if job is self._left[0] or state.begun:
                    self._show(job, state)
                if state.outcome is not None:
                    self._left.remove(job)
                    self._on_end(job, state)
            return sorted(self._left, key=lambda job: not self._states[job.step.name].begun)

    def begun(self, job: TrainingJob | None = None) -> int:
        """How often worker groups had begun a step, or all steps, at the last poll."""
        return sum(state.begun for name, state in self._states.items() if job is None or name == job.step.name)

    def drop(self, job: TrainingJob) -> None:
        """Follow a step no longer that no worker group will begin again."""
        with self._lock:
            self._left.remove(job)

    def _show(self, job: TrainingJob, state: StepState) -> None:
        if (name := job.step.name) not in self._shown:
            self._progress.started(name, job.total, "steps", phase="starting workers")
            self._shown[name] = 0, 1
        steps, begun = self._shown[name]
        done = state.done or StepsDone(0, None)
        restarts = max(0, state.begun - begun)
        for entry in state.logged:  # one or several since the last look
            if steps < entry.steps < done.steps:
                self._progress.advanced(name, entry.steps - steps, loss=entry.loss)
                steps = entry.steps
        if restarts or done.steps != steps:
            self._progress.advanced(name, done.steps - steps, loss=done.loss, restarts=restarts)
        elif state.since and not steps:
            self._progress.phase(name, FIRST)
        self._shown[name] = done.steps, begun + restarts

    def _follow(self) -> None:
        from ray.exceptions import RayError

        while not self._stop.wait(POLL_SECONDS):
            try:
                self.poll()
            except RayError:  # the training raises its own error; this thread only shows progress
                return
