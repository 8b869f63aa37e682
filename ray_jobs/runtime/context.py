"""What every job gets beside its steps: the store, the resources and the progress of this run."""

from dataclasses import dataclass

from ray_jobs.resources.resources import Resources
from ray_jobs.runtime.progress import Progress
from ray_jobs.runtime.versions import versions
from w2s.graph.step import Step
from w2s.store.attempt import Attempt
from w2s.store.store import Store


@dataclass(frozen=True)
class Context:
    """One run's surroundings. Nothing in it bears identity."""

    store: Store
    resources: Resources
    progress: Progress

    def attempt(self, step: Step) -> Attempt:
        """A new attempt at `step`; nothing of it counts before `finish`."""
        return self.store.attempt(step)

    def finish(self, attempt: Attempt, summary: str) -> None:
        """Commit the attempt's manifest, then log the step's one-line summary.

        Raises LeaseLost where another run has taken the step over.
        """
        attempt.commit(versions())
        self.progress.finished(attempt.step.name, summary)
