"""One driver per step: numbered lease objects in the step's directory, and one heartbeat a run.

`DIRECTORY/lease/000001.json` is created, never rewritten; the highest number holds. Taking a lease over is creating the next
number, which one of several succeeds in, and its old holder finds at its next heartbeat or commit that it has lost. A heartbeat,
`runs/RUN.json`, is expired when it has not changed for `EXPIRY_SECONDS` of the waiter's own clock, so clocks need not agree; on
the holder's own machine it is enough that its process has ended. On a server without conditional creates a lease counts once it
is read back after a random second or two: two drivers both hold it only if one's write took longer than that.
"""

import json
import os
import random
import secrets
import socket
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

from w2s.graph.step import Step
from w2s.store.lease.processes import machine, started
from w2s.store.objects.objects import Objects, in_parallel

if TYPE_CHECKING:
    from w2s.store.store import Store

BEAT_SECONDS = 10.0
EXPIRY_SECONDS = 60.0
POLL_SECONDS = 2.0
"""Between two looks at a lease that another run holds."""


class LeaseLost(Exception):
    """Another run holds the step now; what this one has done of it does not count."""


@dataclass(frozen=True)
class Lease:
    """Who holds a step."""

    run: str
    host: str
    process: str
    """`BOOT NAMESPACE PID START`, or empty without /proc: enough to know on the same machine whether it lives."""
    since: str

    def __str__(self) -> str:
        return f"run {self.run} on {self.host} since {self.since}"

    @property
    def has_ended(self) -> bool:
        """Whether its process ran on this machine and is gone; False where that cannot be known."""
        *where, pid, start = self.process.split(" ") if self.process else ["", "", ""]
        return where == machine() and started(pid) not in (start, None)


def new_run() -> str:
    """A name for one run of one driver, never used again."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"


def holder(store: Objects, directory: str) -> tuple[int, Lease] | None:
    """The generation and the lease that hold a step's directory, or None."""
    while True:
        generations = [
            int(name.removesuffix(".json"))
            for name in store.names(store.path(directory, "lease"))
            if name.endswith(".json")
        ]
        if not generations:
            return None
        try:
            return max(generations), Lease(**json.loads(store.read(_lease_path(store, directory, max(generations)))))
        except FileNotFoundError:  # released between the two requests
            continue
        except (
            ValueError,
            TypeError,
        ):  # cut by a machine that lost its power: it expires like that of a run whose heartbeat has stopped
            return max(generations), Lease("unreadable", "an unknown machine", "", "an unknown time")


def check_held(store: Objects, directory: str) -> None:
    """Raise LeaseLost unless the store's run holds the step; a store without a run (`run` is empty) needs that nobody does."""
    found = holder(store, directory)
    if (found[1].run if found else "") != store.run:
        raise LeaseLost(
            f"{directory} is held by {found[1] if found else 'nobody any more'}: this run's work on it does not count; run again to go on"
        )


def is_live(store: Objects, directory: str, now: float) -> bool:
    """Whether a run holds the step, its process has not ended and its heartbeat is fresh; `now` is the server's time."""
    found = holder(store, directory)
    if found is None or found[1].has_ended:
        return False
    return is_beating(store, found[1].run, now)


def is_beating(store: Objects, run: str, now: float) -> bool:
    """Whether a run's heartbeat is fresh; `now` is the server's time."""
    for pause in (POLL_SECONDS, 0):
        try:
            return now - store.modified(beat_path(store, run)) < 2 * EXPIRY_SECONDS
        except FileNotFoundError:  # rclone shows no object for a moment while it is written again
            time.sleep(pause)
    return False


def live_runs(store: Objects, now: float) -> list[str]:
    """All runs whose heartbeat is fresh."""
    runs = [name.removesuffix(".json") for name in store.names(store.path("runs")) if name.endswith(".json")]
    return [
        run
        for run, beats in zip(runs, in_parallel(lambda run: is_beating(store, run, now), runs), strict=True)
        if beats
    ]


def check_shared(store: Objects) -> None:
    """Raise ValueError where the store is a folder, and on this machine another one than on the driver's: the run's heartbeat is not there."""
    if store.is_folder and store.run and not store.fs.exists(beat_path(store, store.run)):
        raise ValueError(
            f"{store.url} on {socket.gethostname()} is not the driver's: a store that several machines use must be a bucket, or a folder they share"
        )


def beat_path(store: Objects, run: str) -> str:
    """Where a run writes its heartbeat."""
    return store.path("runs", f"{run}.json")


class Leases:
    """The leases of one run; the block's heartbeat is a thread that ends with the process, whatever ends that."""

    def __init__(self, store: "Store", say: Callable[[str], None]) -> None:
        assert store.run, "leases are held by a run"
        self._store, self.say = store, say
        self._held: dict[str, int] = {}
        self._lost: list[str] = []
        self._seen: dict[str, tuple[bytes, float, float]] = {}
        """By run: its heartbeat, since when it has been that, and when it was last looked at; by this process's clock."""
        self._lock = threading.Lock()
        self._no_waiting, self._over = threading.Event(), threading.Event()
        self._threads = [
            threading.Thread(target=loop, name=f"lease {loop.__name__}", daemon=True)
            for loop in (self._beat, self._watch)
        ]

    def __enter__(self) -> Self:
        self._write_beat(0)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._over.set()
        for thread in self._threads:
            thread.join(BEAT_SECONDS)  # a request to a server that is away ends with the process
        try:
            self._store.remove([beat_path(self._store, self._store.run)])
        except (
            Exception
        ) as error:  # a server that is away: what ended the block matters more, and gc takes an old heartbeat
            self.say(f"the heartbeat's object stays: {type(error).__name__}: {error}"[:200])

    def stop(self) -> None:
        """Let no `acquire` wait any longer; what is held stays held."""
        self._no_waiting.set()

    def check(self) -> None:
        """Raise LeaseLost where the heartbeat has found another run on a step of this one."""
        if self._lost:
            raise LeaseLost("; ".join(self._lost))

    def acquire(self, steps: Sequence[Step]) -> list[Step]:
        """Hold steps, waiting for other runs; returns those that are still to be run, the others being finished by now.

        In the order of their directories, so that two runs never wait for each other.

        Raises LeaseLost where `stop` ended the waiting.
        """
        try:
            taken = {step.directory: self._acquire(step) for step in sorted(steps, key=lambda step: step.directory)}
        except BaseException:
            self.release(steps)
            raise
        return [step for step in steps if taken[step.directory]]

    @contextmanager
    def hold(self, step: Step) -> Generator[None]:
        """Hold a step for the block, finished or not, once no other run does.

        Raises LeaseLost where `stop` ended the waiting.
        """
        self._acquire(step, finished_too=True)
        try:
            yield
        finally:
            self.release([step])

    def release(self, steps: Sequence[Step]) -> None:
        """Give steps back, as far as they are still held."""
        for step in steps:
            with self._lock:
                generation = self._held.pop(step.directory, 0)
            found = holder(self._store, step.directory) if generation else None
            if (
                found and found[1].run == self._store.run
            ):  # older generations first: what is left if this is cut short still holds
                old = [
                    name
                    for name in self._store.names(self._store.path(step.directory, "lease"))
                    if name < f"{generation:06d}.json"
                ]
                self._store.remove([self._store.path(step.directory, "lease", name) for name in old])
                self._store.remove([_lease_path(self._store, step.directory, generation)])

    def _acquire(self, step: Step, finished_too: bool = False) -> bool:
        said: Lease | None = None
        while True:
            found = holder(self._store, step.directory)
            why = self._expired(found[1]) if found else "free"
            if why and self._create(step.directory, generation := (found[0] if found else 0) + 1):
                with self._lock:
                    self._held[step.directory] = generation
                if found:
                    self.say(f"{step.name:<24} taken over from {found[1]}: {why}")
                return finished_too or not self._release_if_finished(step)
            if found and said != found[1]:
                self.say(
                    f"{step.name:<24} is held by {found[1]}: waiting for it to finish, or for its heartbeat to stop for {EXPIRY_SECONDS:.0f} s"
                )
                said = found[1]
            if self._no_waiting.wait(POLL_SECONDS):
                raise LeaseLost(f"{step.name} was not started: another run holds it")
            if not finished_too and self._store.manifest(step) is not None:
                self.say(f"{step.name:<24} finished by another run")
                return False

    def _release_if_finished(self, step: Step) -> bool:
        finished = self._store.manifest(step) is not None
        if finished:
            self.release([step])
        return finished

    def _create(self, directory: str, generation: int) -> bool:
        path = _lease_path(self._store, directory, generation)
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        process = " ".join([*machine(), str(os.getpid()), str(started(str(os.getpid())))]) if machine() else ""
        data = json.dumps(asdict(Lease(self._store.run, socket.gethostname(), process, since))).encode()
        if not self._store.create(path, data):
            return False
        if self._store.is_exclusive:
            return True
        time.sleep(random.uniform(1, 2))
        return self._store.holds(path, data)

    def _expired(self, lease: Lease) -> str:
        """Why the lease holds no longer; empty where it may."""
        if lease.has_ended:
            return "its process has ended"
        try:
            beat = self._store.read(beat_path(self._store, lease.run))
        except FileNotFoundError:
            beat = b""
        with self._lock:
            now = time.monotonic()
            last, since, looked = self._seen.get(lease.run, (None, now, now))
            if (
                last != beat or now - looked > EXPIRY_SECONDS / 2
            ):  # a waiter that saw nothing for so long cannot say that nothing changed
                since = now
            self._seen[lease.run] = (beat, since, now)
            return f"its heartbeat has stopped for {EXPIRY_SECONDS:.0f} s" if now - since > EXPIRY_SECONDS else ""

    def _beat(self) -> None:
        number, beats = 0, list[threading.Thread]()
        while not self._over.wait(
            BEAT_SECONDS
        ):  # each beat in a thread of its own: one whose answer never comes must not hold up the next
            number += 1
            beat = threading.Thread(target=self._or_say, args=("heartbeat", self._write_beat, number), daemon=True)
            beat.start()
            beats = [*filter(threading.Thread.is_alive, beats), beat]
        for beat in beats:  # or one would write the object again that `__exit__` removes
            beat.join(BEAT_SECONDS / 2)

    def _watch(self) -> None:
        while not self._over.wait(BEAT_SECONDS):
            self._or_say("leases", in_parallel, self._look, list(self._held))

    def _look(self, directory: str) -> None:
        """See that a step is still held.

        A lease of an unfinished step that is gone, with no other in its place, is created again: the removal of an earlier run's lease of
        the same number may have been asked for twice, where the first answer was lost.
        """
        found = holder(self._store, directory)
        if directory not in self._held or (found and found[1].run == self._store.run):
            return
        if found or self._store.finished([directory]) or not self._create(directory, self._held[directory]):
            self._lost.append(f"{directory} was taken over by {found[1] if found else 'another run'}")

    def _or_say(self, what: str, function: Callable[..., object], *arguments: object) -> None:
        try:
            function(*arguments)
        except Exception as error:  # a server that is away: the next turn tries again, and commits look for themselves
            self.say(f"{what}: {type(error).__name__}: {error}"[:200])

    def _write_beat(self, number: int) -> None:
        self._store.write(
            beat_path(self._store, self._store.run), json.dumps({"run": self._store.run, "beat": number}).encode()
        )


def _lease_path(store: Objects, directory: str, generation: int) -> str:
    return store.path(directory, "lease", f"{generation:06d}.json")
