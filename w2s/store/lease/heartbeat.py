"""Heartbeats: one object a run, `runs/RUN.json`, written every `BEAT_SECONDS` while the run's process lives.

A waiter calls a heartbeat stopped when the object has not changed for `EXPIRY_SECONDS` of the waiter's own clock, so
the clocks of two machines need not agree.
"""

import socket
import threading
import time
from collections.abc import Callable

from w2s.errors import first_line
from w2s.store import layout
from w2s.store.lease.processes import this_process
from w2s.store.lease.run_record import RunRecord, RunState, to_json
from w2s.store.objects.objects import Objects, in_parallel

BEAT_SECONDS = 10.0
EXPIRY_SECONDS = 60.0
SECOND_LOOK_SECONDS = 2.0
"""rclone shows no object for a moment while it is written again; a heartbeat is gone if a second look says so."""
MAX_MESSAGE = 200


def attempt_and_log(log: Callable[[str], None], task: str, function: Callable[[], object]) -> None:
    """Call `function`; if it raises, log that `task` failed, because the next turn tries again."""
    try:
        function()
    except Exception as error:  # a server that is away for a while; every commit checks the lease for itself
        log(f"{task}: {first_line(error)}"[:MAX_MESSAGE])


class Heartbeat:
    """The heartbeat of one run. Beats from a daemon thread, so that it stops however the process ends.

    Each beat says how far the run is, by `state`.
    """

    def __init__(
        self, objects: Objects, run: str, log: Callable[[str], None], state: Callable[[], RunState] = RunState
    ) -> None:
        self._objects, self._run, self._log, self._state = objects, run, log, state
        self._host, self._process, self._began = socket.gethostname(), this_process(), layout.timestamp(time.time())
        self._over, self._soon = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Write the first beat, then beat until `stop`."""
        self.write(0)
        self._thread.start()

    def hurry(self) -> None:
        """Beat at once, because the state has changed."""
        self._soon.set()

    def stop(self) -> None:
        """End the thread and remove the object."""
        self._over.set()
        self._soon.set()
        self._thread.join(BEAT_SECONDS)  # a request to a server that is away ends with the process
        # If the server is away, the object stays and gc removes it: what ended the run must not be hidden.
        path = self._objects.path(layout.heartbeat(self._run))
        attempt_and_log(self._log, "the heartbeat's object stays", lambda: self._objects.remove([path]))

    def write(self, number: int) -> None:
        """Write beat `number`."""
        record = RunRecord(self._run, number, self._host, self._process, self._began, self._state())
        self._objects.write(self._objects.path(layout.heartbeat(self._run)), to_json(record))

    def _beat(self) -> None:
        number, beats = 0, list[threading.Thread]()
        while True:
            self._soon.wait(BEAT_SECONDS)
            self._soon.clear()
            if self._over.is_set():
                break
            number += 1
            # One thread a beat, because a beat whose answer never comes must not delay the next beat.
            beat = threading.Thread(target=self._write_and_log, args=(number,), daemon=True)
            beat.start()
            beats = [*filter(threading.Thread.is_alive, beats), beat]
        for beat in beats:  # a late beat would write the object again after `stop` removed it
            beat.join(BEAT_SECONDS / 2)

    def _write_and_log(self, number: int) -> None:
        attempt_and_log(self._log, "heartbeat", lambda: self.write(number))


class HeartbeatWatch:
    """Notices, by this process's clock, that heartbeats of other runs stop changing. Thread-safe."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._seen: dict[str, tuple[bytes, float, float]] = {}
        """By run: its heartbeat, since when it has not changed, and when it was last read."""
        self._lock = threading.Lock()

    def has_stopped(self, run: str) -> bool:
        """Read the run's heartbeat; True if it has not changed for `EXPIRY_SECONDS`."""
        try:
            beat = self._objects.read(self._objects.path(layout.heartbeat(run)))
        except FileNotFoundError:
            beat = b""
        with self._lock:
            now = time.monotonic()
            last, since, looked = self._seen.get(run, (None, now, now))
            # After a long pause without a look, nobody can say that the heartbeat did not change meanwhile.
            if last != beat or now - looked > EXPIRY_SECONDS / 2:
                since = now
            self._seen[run] = (beat, since, now)
            return now - since > EXPIRY_SECONDS


def is_beating(objects: Objects, run: str, now: float) -> bool:
    """Whether a run's heartbeat is fresh; `now` is the server's time (`server_time`)."""
    for pause in (SECOND_LOOK_SECONDS, 0):
        try:
            return now - objects.modified(objects.path(layout.heartbeat(run))) < 2 * EXPIRY_SECONDS
        except FileNotFoundError:
            time.sleep(pause)
    return False


def seconds_since_beat(objects: Objects, run: str) -> float | None:
    """Seconds since a run's last beat, by this machine's clock, for people; None if there is no heartbeat.

    Decisions use `is_beating` and `HeartbeatWatch`, which need no equal clocks.
    """
    try:
        return max(0.0, time.time() - objects.modified(objects.path(layout.heartbeat(run))))
    except FileNotFoundError:
        return None


def live_runs(objects: Objects, now: float) -> list[str]:
    """All runs whose heartbeat is fresh; `now` is the server's time."""
    names = objects.names(objects.path(layout.RUNS))
    runs = [run for name in names if (run := layout.run_of_heartbeat(name))]
    beating = in_parallel(lambda run: is_beating(objects, run, now), runs)
    return [run for run, beats in zip(runs, beating, strict=True) if beats]


def check_shared(objects: Objects, run: str) -> None:
    """Check, on a worker, that a folder store is the driver's: the run's heartbeat is there.

    Raises ValueError if it is not: the folder has the same path on this machine and is another one.
    """
    if objects.is_folder and run and not objects.fs.exists(objects.path(layout.heartbeat(run))):
        raise ValueError(
            f"{objects.url} on {socket.gethostname()} is not the driver's: a store that several machines use must be "
            "a bucket, or a folder they share"
        )
