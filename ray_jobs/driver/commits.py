"""The commits of a run's groups: a step starts while the groups that wrote its inputs go on with their other steps."""

from concurrent.futures import Future
from threading import Lock

from w2s.graph.step import Step


class Commits:
    """Commits that the threads of the groups tell the scheduler."""

    def __init__(self) -> None:
        self.next: Future[None] = Future()
        """Done once there is a commit to take."""
        self._steps = list[Step]()
        self._lock = Lock()

    def put(self, step: Step) -> None:
        """Tell of a commit; called in the threads of the groups."""
        with self._lock:
            self._steps.append(step)
            if not self.next.done():
                self.next.set_result(None)

    def take(self) -> list[Step]:
        """The steps committed since the last call."""
        with self._lock:
            steps, self._steps, self.next = self._steps, [], Future()
        return steps
