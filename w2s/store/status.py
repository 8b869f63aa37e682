"""What is going on in a store: its runs, who holds which step, and how far unfinished steps are. Writes nothing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from w2s.graph.step import Step
from w2s.store import layout
from w2s.store.lease.heartbeat import EXPIRY_SECONDS, seconds_since_beat
from w2s.store.lease.lease import Lease, holder
from w2s.store.lease.run_record import RunRecord, from_json
from w2s.store.objects.objects import Objects, in_parallel
from w2s.store.store import Store


@dataclass(frozen=True)
class Run:
    """One run with a heartbeat: it goes on, or its process ended without a word."""

    name: str
    record: RunRecord | None
    """What its last beat said; None if that cannot be read."""
    beat_seconds: float
    """Since its last beat, by this machine's clock."""

    @property
    def lost(self) -> str:
        """Why the run goes on no longer; empty if it does."""
        return _lost(self.record is not None and self.record.has_ended, self.beat_seconds)


@dataclass(frozen=True)
class Holder:
    """Who holds an unfinished step."""

    lease: Lease
    lost: str
    """Why the lease holds no longer; empty if it does."""

    def __str__(self) -> str:
        since = f"since {self.lease.since} by run {self.lease.run} on {self.lease.host}"
        return f"held {since}, but {self.lost}" if self.lost else f"running {since}"


def runs(objects: Objects) -> list[Run]:
    """All runs with a heartbeat, the oldest first."""
    names = [run for name in objects.names(objects.path(layout.RUNS)) if (run := layout.run_of_heartbeat(name))]
    return [run for run in in_parallel(lambda name: _run(objects, name), names) if run is not None]


def _run(objects: Objects, name: str) -> Run | None:
    seconds = seconds_since_beat(objects, name)
    try:
        data = objects.read(objects.path(layout.heartbeat(name)))
    except FileNotFoundError:  # it has ended meanwhile
        return None
    return None if seconds is None else Run(name, from_json(data), seconds)


def holders(objects: Objects, directories: Sequence[str]) -> dict[str, Holder]:
    """Who holds the steps in these directories; steps that nobody holds are left out."""
    held = in_parallel(lambda directory: holder(objects, directory), directories)
    leases = {directory: found[1] for directory, found in zip(directories, held, strict=True) if found}
    names = sorted({lease.run for lease in leases.values()})
    beats = dict(zip(names, in_parallel(lambda name: seconds_since_beat(objects, name), names), strict=True))
    return {directory: Holder(lease, _lost(lease.has_ended, beats[lease.run])) for directory, lease in leases.items()}


def _lost(has_ended: bool, seconds: float | None) -> str:
    """Why a process that beat so many seconds ago holds nothing any more; empty if it does."""
    if has_ended:
        return "its process has ended"
    if seconds is None:
        return "its run has no heartbeat"
    return f"no heartbeat for {seconds:.0f} s" if seconds > 2 * EXPIRY_SECONDS else ""


def remains(store: Store, step: Step) -> str:
    """How far an unfinished attempt at a step has come, from its blocks or checkpoints; empty without either."""
    objects = store.objects
    names = objects.names(objects.path(layout.blocks(step.directory)))
    blocks = sum(1 for name in names if (block := layout.block_number(name)) and block[1])
    if blocks:
        return f"{blocks} of {_blocks(store, step) or 'unknown'} blocks are in the store"
    checkpoints = [name for name in objects.names(objects.path(layout.training(step.directory))) if name[:8].isdigit()]
    return f"a checkpoint after optimizer step {int(max(checkpoints)[:8]):,} is in the store" if checkpoints else ""


def _blocks(store: Store, step: Step) -> int:
    """The number of a sampling step's blocks; 0 if its plan or the number of its problems cannot be read."""
    table = step.input("problems")
    try:
        plan = json.loads(store.objects.read(store.objects.path(layout.plan(step.directory))))
        size = int(plan["problems_per_block"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return 0
    manifest = store.manifest(table.step) if table else None
    rows = manifest.rows.get(table.name, 0) if manifest and table else 0
    return -(-rows // size) if size > 0 else 0
