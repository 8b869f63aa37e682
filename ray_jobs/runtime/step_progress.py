"""Progress of one running step: its phase, counts, rate, loss and time left."""

import math
import time
from dataclasses import dataclass, field

from w2s.store.lease.run_record import StepState


@dataclass
class StepProgress:
    """One running step; times are Unix times."""

    name: str
    directory: str = ""
    phase: str = ""
    """What it does while it counts nothing; empty while it counts."""
    total: int = 0
    unit: str = ""
    done: int = 0
    """Units, with those of earlier attempts."""
    began: float = field(default_factory=time.time)
    since: float = field(default_factory=time.time)
    """When the phase began."""
    logged: float = field(default_factory=time.time)
    """When the log got its last line about the step."""
    rated: float = 0.0
    """When the last point of its rate was taken."""
    worked_since: float = math.inf
    """When the first unit of this attempt began."""
    work: int = 0
    """Units done by this attempt."""
    tokens: int = 0
    loss: float | None = None
    restarts: int = 0
    failed: int = 0
    engines: set[str] = field(default_factory=set[str])

    def tokens_per_second(self) -> float | None:
        """Since work began, because the start of engines does not count."""
        return self.tokens / max(1e-3, time.time() - self.worked_since) if self.tokens else None

    def seconds_left(self) -> float | None:
        """At the rate so far; None before the first unit and after the last."""
        if self.work <= 0 or self.done >= self.total:
            return None
        return (self.total - self.done) * (time.time() - self.worked_since) / self.work

    def text(self) -> str:
        """Phase and its seconds, or counts, rate, loss and seconds left."""
        counts = f"{self.done:,}/{self.total:,} {self.unit}" if self.total else ""
        if self.phase:
            phase = f"{self.phase} {time.time() - self.since:.0f} s"
            return f"{phase}, {counts}" if self.done else phase
        parts = [counts]
        if (rate := self.tokens_per_second()) is not None:
            parts.append(f"{rate:,.0f} tokens/s")
        if self.loss is not None:
            parts.append(f"loss {self.loss:.4f}")
        if self.restarts or self.failed:
            parts.append(f"{self.restarts} restarts, {self.failed} failed")
        if (left := self.seconds_left()) is not None:
            parts.append(f"{left:.0f} s left")
        return ", ".join(parts)

    def state(self) -> StepState:
        """The step as other processes see it."""
        return StepState(
            name=self.name,
            directory=self.directory,
            phase=self.phase,
            since=self.since if self.phase else self.began,
            done=self.done,
            total=self.total,
            unit=self.unit,
            tokens_per_second=self.tokens_per_second(),
            loss=self.loss if self.loss is not None and math.isfinite(self.loss) else None,
            seconds_left=self.seconds_left(),
            engines=len(self.engines),
            restarts=self.restarts,
            failed=self.failed,
        )
