"""Progress of the running steps: a line when a step starts and when it ends, and in between its counts, rate and time
left.

A terminal shows the counts in one live line, a log gets a line every 30 seconds.
"""

import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TextIO

LOG_SECONDS = 30.0
"""Seconds between two lines of one step in a log."""
LIVE_SECONDS = 0.5
"""Seconds between two refreshes of the live line on a terminal."""


@dataclass
class _Running:
    total: int
    unit: str
    done: int  # units, with those of earlier attempts
    began: float = field(default_factory=time.time)  # Unix times
    logged: float = field(default_factory=time.time)
    worked_since: float = float("inf")  # when the first unit of this attempt began
    work: int = 0  # units done by this attempt
    tokens: int = 0
    note: str = ""

    def rate(self) -> str:
        """Tokens a second since work began; the start of engines does not count."""
        return f", {self.tokens / max(1e-3, time.time() - self.worked_since):,.0f} tokens/s" if self.tokens else ""

    def state(self) -> str:
        """Counts, rate, note and seconds left."""
        seconds = time.time() - min(self.worked_since, time.time() - 1e-3)
        left = (
            f", {(self.total - self.done) * seconds / self.work:.0f} s left"
            if self.work and self.done < self.total
            else ""
        )
        return f"{self.done:,}/{self.total:,} {self.unit}{self.rate()}{self.note and ', ' + self.note}{left}"


class Progress:
    """Writes progress to one stream. Its methods may be called from the threads of several steps."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout
        self.live = self.stream.isatty()
        self._began = time.monotonic()
        self._running: dict[str, _Running] = {}
        self._lock = threading.Lock()
        self._drawn = 0.0

    def log(self, text: str) -> None:
        """Write a line that belongs to no step's counts."""
        with self._lock:
            self._line(text)

    def started(self, name: str, total: int, unit: str, done: int = 0) -> None:
        """Log that a step has started; an earlier attempt has finished `done` of its `total` units."""
        with self._lock:
            self._running[name] = _Running(total, unit, done)
            self._line(f"{name:<24} started, {total:,} {unit}" + (f", {done:,} there already" if done else ""))

    def advanced(self, name: str, more: int, tokens: int = 0, note: str = "", since: float | None = None) -> None:
        """Count `more` finished units and `tokens`, whose work began at `since` (Unix time); `note` is shown too, e.g.
        the loss."""
        with self._lock:
            step = self._running[name]
            step.done, step.work, step.tokens, step.note = (
                step.done + more,
                step.work + more,
                step.tokens + tokens,
                note or step.note,
            )
            now = time.time()
            step.worked_since = min(step.worked_since, since or now)
            if self.live and now - self._drawn > LIVE_SECONDS:
                self._drawn = now
                self.stream.write("\r\x1b[K" + " | ".join(f"{n} {s.state()}" for n, s in self._running.items())[:200])
                self.stream.flush()
            elif not self.live and now - step.logged > LOG_SECONDS:
                step.logged = now
                self._line(f"{name:<24} {step.state()}")

    def finished(self, name: str, summary: str) -> None:
        """Log that a step has finished: its seconds, its summary and its tokens per second, if it counted tokens."""
        with self._lock:
            step = self._running.pop(name, None)
            seconds = f" in {time.time() - step.began:.1f} s" if step else ""
            rate = step.rate() if step else ""
            self._line(f"{name:<24} finished{seconds}: {summary}{rate}")

    def _line(self, text: str) -> None:
        elapsed = time.monotonic() - self._began
        clear = "\r\x1b[K" if self.live else ""
        self.stream.write(f"{clear}[{int(elapsed) // 60:02d}:{int(elapsed) % 60:02d}] {text}\n")
        self.stream.flush()
