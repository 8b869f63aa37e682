"""A lease says which run works on a step: numbered objects in the step's directory, created once and never rewritten.

The lease with the highest number (its generation) holds. To take a step over is to create the next number, in which one
of several runs succeeds; the old holder finds at its next look or at its commit that it has lost.
"""

import json
import random
import socket
import time
from dataclasses import asdict, dataclass

from w2s.store import layout
from w2s.store.lease.heartbeat import is_beating
from w2s.store.lease.processes import has_ended, this_process
from w2s.store.objects.objects import Objects


class LeaseLost(Exception):
    """Another run holds the step now; this run's work on it does not count."""


@dataclass(frozen=True)
class Lease:
    """Which run holds a step."""

    run: str
    host: str
    process: str
    """`BOOT NAMESPACE PID START`, or empty without /proc: on the same machine it tells whether the process lives."""
    since: str

    def __str__(self) -> str:
        return f"run {self.run} on {self.host} since {self.since}"

    @property
    def has_ended(self) -> bool:
        """Whether its process ran on this machine and is gone; False if that cannot be known."""
        return has_ended(self.process)


def holder(objects: Objects, directory: str) -> tuple[int, Lease] | None:
    """(generation, lease) that hold the step in `directory`, or None."""
    while True:
        names = objects.names(objects.path(layout.leases(directory)))
        generations = [number for name in names if (number := layout.generation(name)) is not None]
        if not generations:
            return None
        generation = max(generations)
        try:
            return generation, Lease(**json.loads(objects.read(objects.path(layout.lease(directory, generation)))))
        except FileNotFoundError:  # released between the two requests
            continue
        except (ValueError, TypeError):  # cut by a power loss; it expires like that of a run whose heartbeat stopped
            return generation, Lease("unreadable", "an unknown machine", "", "an unknown time")


def create_lease(objects: Objects, directory: str, generation: int, run: str) -> bool:
    """Create the lease of this generation for `run`; False if another run was first.

    On a server without conditional creates the lease counts once it is read back after a random second or two: two runs
    both hold it only if the write of one took longer than that.
    """
    lease = Lease(run, socket.gethostname(), this_process(), layout.timestamp(time.time()))
    path, data = objects.path(layout.lease(directory, generation)), json.dumps(asdict(lease)).encode()
    if not objects.create(path, data):
        return False
    if objects.is_exclusive:
        return True
    time.sleep(random.uniform(1, 2))
    return objects.holds(path, data)


def release_lease(objects: Objects, directory: str, generation: int, run: str) -> None:
    """Remove the lease of this generation, and all before it, if `run` still holds the step."""
    found = holder(objects, directory)
    if found is None or found[1].run != run:
        return
    folder = objects.path(layout.leases(directory))
    old = [name for name in objects.names(folder) if (layout.generation(name) or generation) < generation]
    # The newest last, so that this run still holds the step if it is killed in between.
    objects.remove([f"{folder}/{name}" for name in old])
    objects.remove([objects.path(layout.lease(directory, generation))])


def check_held(objects: Objects, directory: str, run: str) -> None:
    """Check that `run` holds the step in `directory`; for an empty `run`, that no run does.

    Raises LeaseLost if it does not.
    """
    found = holder(objects, directory)
    if (found[1].run if found else "") != run:
        raise LeaseLost(
            f"{directory} is held by {found[1] if found else 'nobody any more'}: "
            "this run's work on it does not count; run again to go on"
        )


def is_live(objects: Objects, directory: str, now: float) -> bool:
    """Whether a run holds the step and is alive: its process has not ended and its heartbeat is fresh.

    `now` is the server's time.
    """
    found = holder(objects, directory)
    return found is not None and not found[1].has_ended and is_beating(objects, found[1].run, now)
