"""A run mirrored in trackers: its curves every few seconds while it goes on, and its record at the end.

A tracker that fails while the run goes on costs its curves, never the run; the record is then sent by a new session.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec

from ray_jobs.tracking.record import Record
from ray_jobs.tracking.trackers import PLACES, TRACKERS, VARIABLES, Curves, Tracker
from w2s.errors import closest, first_line

SECONDS = 10.0
"""Between two looks for new points."""


def check_tracker(name: str) -> None:
    """Raise ValueError for an unknown tracker, or if its client is not installed."""
    check_name(name)
    if find_spec(name) is None:
        raise ValueError(f"--track {name}: its client is not installed: pip install 'w2s[{name}]'")


def check_name(name: str) -> None:
    """Raise ValueError for an unknown tracker."""
    if name not in TRACKERS:
        raise ValueError(f"--track {name}: must be {', '.join(TRACKERS)}{closest(name, TRACKERS)}")


def variables_of(names: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The trackers' variables that are set here and that a job on another machine needs.

    Raises ValueError for an unknown tracker, and for one that would write into the job's own folder, which Ray removes.
    """
    for name in names:
        check_name(name)
        place = PLACES.get(name, "")
        if place and not environment.get(place):
            raise ValueError(
                f"--track {name}: it would write to the job's own folder, which Ray removes at its end: set {place} "
                "to a URL, or to a folder that stays"
            )
    return [variable for name in names for variable in VARIABLES[name] if environment.get(variable)]


class Mirror:
    """The trackers of one run."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(dict.fromkeys(names))
        self._sessions: dict[str, Tracker] = {}
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, name: str, key: str, curves: Callable[[], Curves], log: Callable[[str], None]) -> None:
        """Send what `curves` gives, again and again until `pause`; `log` is told of a tracker that fails."""

        def follow() -> None:
            while not self._over.wait(SECONDS):
                self._send(name, key, curves(), log, failed)
            self._send(name, key, curves(), log, failed)

        failed = set[str]()
        if self.names:
            self._over.clear()
            self._thread = threading.Thread(target=follow, name="tracking", daemon=True)
            self._thread.start()

    def pause(self) -> None:
        """Send the last points of the curves, and wait for that."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def finish(self, run: Record) -> Iterator[str]:
        """Send a record to each tracker, one after another. Yields a line with its place.

        Raises ValueError where a tracker does not take it.
        """
        for name in self.names:
            try:
                session = self._sessions.pop(name, None) or TRACKERS[name](run.name, run.key)
                place = session.finish(run)
            except Exception as error:  # each client raises types of its own
                raise ValueError(
                    f"--track {name}: it does not take the run ({first_line(error)}); nothing in the store is lost: "
                    "check the client's variables and login, and give the same command again"
                ) from error
            yield f"tracked in {name}: {place}"

    def close(self) -> None:
        """End the sessions that have got no record."""
        for session in self._sessions.values():
            with suppress(Exception):  # each client raises types of its own, and the run's own error matters more
                session.close()
        self._sessions.clear()

    def _send(self, name: str, key: str, curves: Curves, log: Callable[[str], None], failed: set[str]) -> None:
        for tracker in self.names:
            if tracker in failed:
                continue
            try:
                if tracker not in self._sessions:
                    self._sessions[tracker] = TRACKERS[tracker](name, key)
                self._sessions[tracker].curves(curves)
            except Exception as error:  # each client raises types of its own
                failed.add(tracker)
                self._sessions.pop(tracker, None)
                log(f"--track {tracker}: no curves while this run goes on ({first_line(error)})")
