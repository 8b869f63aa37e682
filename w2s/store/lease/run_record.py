"""What a live run says of itself: its heartbeat object, rewritten at every beat and read by `w2s status`."""

from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError

from w2s.store.lease.processes import has_ended


@dataclass(frozen=True, slots=True)
class StepState:
    """One running step."""

    name: str
    directory: str
    phase: str
    """What it does before and between its units, such as `starting engine`; empty while units are counted."""
    since: float
    """Unix time at which the step or, with a phase, the phase began."""
    done: int
    total: int
    unit: str
    """`problems`, `steps` (of the optimizer) or `shards`; empty, like `total`, before the step knows."""
    tokens_per_second: float | None = None
    loss: float | None = None
    seconds_left: float | None = None
    engines: int = 0
    """Engines that have returned a block."""
    restarts: int = 0
    """Restarts of engines or of the group of training workers."""
    failed: int = 0
    """Problems that failed."""


@dataclass(frozen=True, slots=True)
class RunState:
    """How far a run is."""

    experiment: str = ""
    done: int = 0
    """Steps finished by this run or before it."""
    total: int = 0
    steps: tuple[StepState, ...] = ()
    """The running ones."""
    next: tuple[str, ...] = ()
    """Names of the steps that have not started, in the graph's order."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The heartbeat's content. Written by `Heartbeat`, read by w2s/store/status.py.

    Other runs only look whether it changes, so fields may be added.
    """

    run: str
    beat: int
    host: str = ""
    process: str = ""
    """As in `Lease`."""
    began: str = ""
    state: RunState = field(default_factory=RunState)

    @property
    def has_ended(self) -> bool:
        """Whether its process ran on this machine and is gone; False if that cannot be known."""
        return has_ended(self.process)


def to_json(record: RunRecord) -> bytes:
    """The object's bytes."""
    return TypeAdapter(RunRecord).dump_json(record)


def from_json(data: bytes) -> RunRecord | None:
    """The record in these bytes; None for another text, such as the heartbeat of a later version."""
    try:
        return TypeAdapter(RunRecord).validate_json(data)
    except ValidationError:
        return None
