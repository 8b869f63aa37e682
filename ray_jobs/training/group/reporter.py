"""The actor of a group of training workers: which steps wait for the workers, how far they are, and their results.

No callback of the Trainer is here, because the actor's process would then import torch (see callbacks.py).
"""

import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from ray_jobs.training.values import Refusal, StepsDone, StepState, TrainingResult, Waiting


def next_training(chains: Mapping[str, int], begun: Collection[str]) -> str | None:
    """The name of the step that the workers do next: one that was `begun`, whose workers were lost, else the one with
    the longest chain, of equal ones the first; None where no step waits. `chains` are by name."""
    resumed = next((name for name in chains if name in begun), None)
    return resumed or max(chains, key=lambda name: chains[name], default=None)


class Reporter:
    """Actor between the driver and the workers of a group.

    It outlives lost workers, so the next ones ask it for the step to resume. Ray Train's own `report` is not used:
    every rank must call it equally often, and it copies checkpoints.
    """

    def __init__(self) -> None:
        self._states: dict[str, StepState] = {}
        self._jobs: dict[str, Waiting] = {}
        self._dropped = set[str]()
        self._is_over = False

    def add(self, jobs: Mapping[str, Waiting]) -> bool:
        """Take jobs for the workers, by the step's name; False where the workers end already."""
        if not self._is_over:
            self._jobs |= jobs
            self._states |= {name: StepState() for name in jobs}
        return not self._is_over

    def next(self) -> str | None:
        """The name of the step that the workers do next; None where no step waits, and no job is taken from then on."""
        waiting = {
            name: state for name, state in self._states.items() if not state.outcome and name not in self._dropped
        }
        chains = {name: self._jobs[name].chain for name in waiting}
        name = next_training(chains, [name for name, state in waiting.items() if state.begun])
        self._is_over = name is None
        return name

    def job(self, name: str) -> Any:
        """A reference to the job of a step."""
        return self._jobs[name].job

    def drop(self, name: str) -> None:
        """Let no worker begin a step again."""
        self._dropped.add(name)

    def begins(self, name: str) -> None:
        """Count that workers begin a step, anew or from a checkpoint."""
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
