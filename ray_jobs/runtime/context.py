"""What every job gets besides its steps: the store, the resources and the progress of this run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ray_jobs.resources.resources import Resources
from ray_jobs.runtime.code_commit import code_commit
from ray_jobs.runtime.progress import Progress
from ray_jobs.runtime.versions import versions
from w2s.graph.step import Step
from w2s.store.attempt import Attempt
from w2s.store.store import Store


@dataclass(frozen=True)
class Context:
    """Made by the driver once a run, read by every job. No field of it is part of a fingerprint."""

    store: Store
    resources: Resources
    progress: Progress
    on_commit: Callable[[Step], None] = lambda step: None
    """Called after each commit, in the thread of the step's group."""
    estimates: Mapping[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])
    """What each step is expected to take, by its name; for its manifest."""

    chains: Mapping[str, int] = field(default_factory=dict[str, int])
    """Steps that wait for each step, one after another, by its name; of trainings the longest chain comes first."""
    joins: bool = False
    """Whether trainings join the workers that train on their base, as long as there are any."""

    def attempt(self, step: Step) -> Attempt:
        """A new attempt at `step`. Readers ignore its files until `finish`."""
        return Attempt(self.store, step)

    def finish(self, attempt: Attempt, summary: str) -> None:
        """Commit the manifest of the attempt, then log the one-line summary of the step.

        Raises LeaseLost if another run has taken over the step.
        """
        attempt.estimate = self.estimates.get(attempt.step.name, {})
        attempt.commit(versions(), code_commit())
        self.progress.finished(attempt.step.name, summary)
        self.on_commit(attempt.step)
