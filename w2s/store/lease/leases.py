"""The leases of one run: take steps, wait for other runs, notice that a step was taken over, give steps back."""

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Self

from w2s.graph.step import Step
from w2s.store.lease import heartbeat
from w2s.store.lease.heartbeat import Heartbeat, HeartbeatWatch, attempt_and_log
from w2s.store.lease.lease import Lease, LeaseLost, create_lease, holder, release_lease
from w2s.store.lease.run_record import RunState
from w2s.store.manifest import read_manifest, readable_manifest
from w2s.store.objects.objects import Objects, in_parallel

POLL_SECONDS = 2.0
"""Between two looks at a lease that another run holds."""


class Leases:
    """The leases of `run`. As a context manager it beats and watches from daemon threads.

    Both stop however the process ends, and other runs take its steps over.
    """

    def __init__(self, objects: Objects, run: str, log: Callable[[str], None]) -> None:
        assert run, "leases are held by a run"
        self._objects, self._run, self.log = objects, run, log
        self._held: dict[str, int] = {}
        """Generation of each lease by its step's directory."""
        self._lost: list[str] = []
        self._lock = threading.Lock()
        self._no_waiting, self._over = threading.Event(), threading.Event()
        self._others = HeartbeatWatch(objects)
        self.state: Callable[[], RunState] = RunState
        """How far the run is."""
        self._heartbeat = Heartbeat(objects, run, lambda message: self.log(message), lambda: self.state())
        self._watcher = threading.Thread(target=self._watch, name="leases", daemon=True)

    def __enter__(self) -> Self:
        self._heartbeat.start()
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._over.set()
        self._heartbeat.stop()
        self._watcher.join(heartbeat.BEAT_SECONDS)

    def show(self, state: Callable[[], RunState]) -> None:
        """Say from now on, and at once, that the run is as far as `state` says."""
        self.state = state
        self._heartbeat.hurry()

    def stop(self) -> None:
        """Let no `acquire` wait any longer; the steps held stay held."""
        self._no_waiting.set()

    def check(self) -> None:
        """Raise LeaseLost if another run has taken a step of this run over."""
        if self._lost:
            raise LeaseLost("; ".join(self._lost))

    def acquire(self, steps: Sequence[Step]) -> list[Step]:
        """Hold steps, waiting for other runs. Returns the steps that are still unfinished, which this run holds now.

        Steps are taken in the order of their directories, so that two runs never wait for each other.

        Raises LeaseLost if `stop` ended the waiting.
        """
        try:
            taken = {step.directory: self._acquire(step) for step in sorted(steps, key=lambda step: step.directory)}
        except BaseException:
            self.release(steps)
            raise
        return [step for step in steps if taken[step.directory]]

    def acquire_free(self, steps: Sequence[Step]) -> tuple[list[Step], list[Step]]:
        """Hold those of the steps that no other run holds; where others hold all, wait for the first. Never waits while
        it holds a step.

        Returns the unfinished steps that this run holds now, and the steps that other runs hold. Raises as `acquire`.
        """
        taken: dict[str, bool | None] = {}
        try:
            for step in steps:
                taken[step.directory] = self._acquire(step, waits=False)
        except BaseException:
            self.release(steps)
            raise
        held = [step for step in steps if taken[step.directory]]
        left = [step for step in steps if taken[step.directory] is None]
        if len(left) == len(steps):
            return self.acquire(left[:1]), left[1:]
        return held, left

    @contextmanager
    def hold(self, step: Step) -> Generator[None]:
        """Hold a step for the block, finished or not, waiting for other runs.

        Raises LeaseLost if `stop` ended the waiting.
        """
        self._acquire(step, finished_too=True)
        try:
            yield
        finally:
            self.release([step])

    def release(self, steps: Sequence[Step]) -> None:
        """Give back those of the steps that this run still holds."""
        for step in steps:
            with self._lock:
                generation = self._held.pop(step.directory, 0)
            if generation:
                release_lease(self._objects, step.directory, generation, self._run)

    def _acquire(self, step: Step, finished_too: bool = False, waits: bool = True) -> bool | None:
        """Hold a step; False if another run has finished it and it was to be held unfinished only.

        None if another run holds it and this one does not wait.
        """
        announced: Lease | None = None
        while True:
            found = holder(self._objects, step.directory)
            why = self._expired(found[1]) if found else "free"
            generation = (found[0] if found else 0) + 1
            if why and create_lease(self._objects, step.directory, generation, self._run):
                with self._lock:
                    self._held[step.directory] = generation
                if found:
                    self.log(f"{step.name:<24} taken over from {found[1]}: {why}")
                return finished_too or not self._release_if_finished(step)
            if not waits and not why:
                return None
            if found and announced != found[1]:
                self.log(
                    f"{step.name:<24} is held by {found[1]}: waiting for it to finish, or for its heartbeat to stop "
                    f"for {heartbeat.EXPIRY_SECONDS:.0f} s"
                )
                announced = found[1]
            if self._no_waiting.wait(POLL_SECONDS):
                raise LeaseLost(f"{step.name} was not started: another run holds it")
            if not finished_too and read_manifest(self._objects, step.directory) is not None:
                self.log(f"{step.name:<24} finished by another run")
                return False

    def _release_if_finished(self, step: Step) -> bool:
        finished = read_manifest(self._objects, step.directory) is not None
        if finished:
            self.release([step])
        return finished

    def _expired(self, lease: Lease) -> str:
        """Why the lease holds no longer; empty if it may still hold."""
        if lease.has_ended:
            return "its process has ended"
        if self._others.has_stopped(lease.run):
            return f"its heartbeat has stopped for {heartbeat.EXPIRY_SECONDS:.0f} s"
        return ""

    def _watch(self) -> None:
        while not self._over.wait(heartbeat.BEAT_SECONDS):
            attempt_and_log(self.log, "leases", lambda: in_parallel(self._look, list(self._held)))

    def _look(self, directory: str) -> None:
        """Check that a step is still held.

        If the lease of an unfinished step is gone, and no other is in its place, it is created again: the client may
        have sent the removal of an earlier lease with the same number twice, after the first answer was lost.
        """
        found = holder(self._objects, directory)
        generation = self._held.get(directory)
        if generation is None or (found and found[1].run == self._run):
            return
        is_lost = found or readable_manifest(self._objects, directory) is not None
        if is_lost or not create_lease(self._objects, directory, generation, self._run):
            self._lost.append(f"{directory} was taken over by {found[1] if found else 'another run'}")
