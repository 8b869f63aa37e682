"""The actor that carries progress and results from rank 0 to the driver, and the thread that follows it.

No callback of the Trainer is here, because the actor's process would then import torch (see callbacks.py).
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Self

from ray_jobs.runtime.progress import Progress
from ray_jobs.training.values import Refusal, StepsDone, StepState, TrainingJob, TrainingResult

POLL_SECONDS = 0.5
"""Time between two questions of the driver for progress."""


class Reporter:
    """Actor that carries progress and results of a group's steps from rank 0 to the driver.

    It outlives a lost worker group, so the next one asks it which steps have ended. Ray Train's own `report` is not
    used: every rank must call it equally often, and it copies checkpoints.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._states = {name: StepState() for name in names}

    def begins(self, name: str) -> None:
        """Count that a worker group begins a step, anew or from a checkpoint."""
        self._change(name, begun=self._states[name].begun + 1, since=0.0)

    def advanced(self, name: str, done: StepsDone) -> None:
        """Keep the optimizer steps that rank 0 has done; it tells of those of a checkpoint before it trains."""
        state = self._states[name]
        logged = tuple(entry for entry in state.logged if entry.steps <= done.steps - (done.loss is not None))
        logged += (done,) if done.loss is not None else ()
        self._change(name, done=done, logged=logged, since=state.since or time.time())

    def saved(self, name: str) -> None:
        """Count a checkpoint that rank 0 has saved to the store."""
        self._change(name, saves=self._states[name].saves + 1)

    def ends(self, name: str, outcome: TrainingResult | Refusal) -> None:
        """Keep the result of a step, once its adapter is written, or why a rank refuses it; any rank may refuse."""
        self._change(name, outcome=outcome)

    def states(self) -> dict[str, StepState]:
        """What is known of each step, by name."""
        return dict(self._states)

    def _change(self, name: str, **fields: Any) -> None:
        self._states[name] = replace(self._states[name], **fields)


class Follower:
    """Context manager: a thread polls the reporter, shows progress, and hands each outcome to `on_end` once.

    So a step is committed while the workers train the next one. `on_end` must not raise.
    """

    def __init__(
        self,
        reporter: Any,
        jobs: Sequence[TrainingJob],
        progress: Progress,
        on_end: Callable[[TrainingJob, StepState], None],
    ) -> None:
        self._reporter, self._progress, self._on_end = reporter, progress, on_end
        self._left = list(jobs)
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

    def poll(self) -> list[TrainingJob]:
        """Show and hand over what is new. Returns the jobs that have not ended, in order."""
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
            return list(self._left)

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
        self._shown[name] = done.steps, begun + restarts

    def _follow(self) -> None:
        from ray.exceptions import RayError

        while not self._stop.wait(POLL_SECONDS):
            try:
                self.poll()
            except RayError:  # the training raises its own error; this thread only shows progress
                return
