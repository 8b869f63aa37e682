"""Progress of the running steps: a line when a step starts and when it ends, and in between its phase, counts, rate and
time left.

A terminal shows them in one live line, a log gets a line every 30 seconds, other processes ask for `state`, and
Prometheus reads them from Ray's port (metrics.py).
"""

import math
import os
import sys
import threading
import time
from collections.abc import Sequence
from typing import TextIO

from ray_jobs.runtime.metrics import Metrics
from ray_jobs.runtime.step_progress import StepProgress
from w2s.store.lease.run_record import RunState

LOG_SECONDS = 30.0
"""Seconds between two lines of one step in a log."""
RATE_SECONDS = 10.0
"""Seconds between two points of a step's tokens per second."""
LIVE_SECONDS = 0.5
"""Seconds between two refreshes of the live line on a terminal."""


class Progress:
    """Writes progress to a stream and, as a log, to a second one. Its methods may be called from several threads.

    As a context manager it also refreshes while nothing is counted.
    """

    def __init__(self, stream: TextIO | None = None, log: TextIO | None = None) -> None:
        self.live = (stream or sys.stdout).isatty()
        self.stream: TextIO | None = stream or sys.stdout
        """None once its reader has gone."""
        self._log_stream = log
        self._metrics = Metrics()
        self._began = time.monotonic()
        self._running: dict[str, StepProgress] = {}
        self._experiment, self._total, self._missing = "", 0, list[str]()
        self._lock = threading.RLock()
        self._curves: dict[str, list[tuple[int, float]]] = {}
        self._drawn = 0.0
        self._over = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)

    def __enter__(self) -> "Progress":
        self._ticker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._ticker.join()

    def plan(self, experiment: str, missing: Sequence[str], total: int) -> None:
        """Say what the run will do: the names of its missing steps, in the graph's order, of `total` steps."""
        with self._lock:
            self._experiment, self._missing, self._total = experiment, list(missing), total
            self._metrics.experiment = experiment

    def log(self, text: str) -> None:
        """Write a line that belongs to no step's counts."""
        with self._lock:
            self._line(text)

    def begin(self, name: str, directory: str, phase: str) -> None:
        """Count a step among the running ones; it has no line yet."""
        with self._lock:
            self._running[name] = StepProgress(name, directory, phase)

    def phase(self, name: str, phase: str, line: bool = False) -> None:
        """Say what a step does while it counts nothing; with `line` in a line of its own."""
        with self._lock:
            step = self._running.setdefault(name, StepProgress(name))
            if step.phase != phase:
                step.phase, step.since = phase, time.time()
            if line:
                self._step_line(step, phase)

    def started(self, name: str, total: int, unit: str, done: int = 0, phase: str = "") -> None:
        """Log how many units a step has; an earlier attempt has finished `done` of them. The step is then in
        `phase`."""
        with self._lock:
            step = self._running.setdefault(name, StepProgress(name))
            step.total, step.unit, step.done, step.phase, step.since = total, unit, done, phase, time.time()
            self._step_line(step, f"started, {total:,} {unit}" + (f", {done:,} there already" if done else ""))

    def advanced(
        self,
        name: str,
        more: int,
        tokens: int = 0,
        loss: float | None = None,
        since: float | None = None,
        engine: str = "",
        restarts: int = 0,
        failed: int = 0,
    ) -> None:
        """Count `more` finished units, `failed` ones among them, and `tokens`, whose work began at `since` (Unix
        time)."""
        with self._lock:
            step = self._running[name]
            now = time.time()
            step.done, step.work, step.tokens = step.done + more, step.work + more, step.tokens + tokens
            step.restarts, step.failed = step.restarts + restarts, step.failed + failed
            step.loss = step.loss if loss is None else loss
            step.engines |= {engine} - {""}
            step.worked_since = min(step.worked_since, since or now)
            step.phase = ""
            self._add_points(step, loss, now)
            self._metrics.step(step)
            self._refresh(now)

    def finished(self, name: str, summary: str) -> None:
        """Log that a step has finished: its seconds, its summary and its tokens per second, if it counted tokens."""
        with self._lock:
            step = self._running.get(name)
            seconds = f" in {time.time() - step.began:.1f} s" if step else ""
            rate = step.tokens_per_second() if step else None
            self.ended(name)
            self._line(f"{name:<24} finished{seconds}: {summary}" + (f", {rate:,.0f} tokens/s" if rate else ""))

    def stopped(self, name: str) -> None:
        """Forget that a step runs."""
        with self._lock:
            self._running.pop(name, None)

    def ended(self, name: str) -> None:
        """Count a step among the done ones, whichever run finished it."""
        with self._lock:
            self._running.pop(name, None)
            if name in self._missing:
                self._missing.remove(name)
            self._metrics.run(self._total - len(self._missing), self._total)

    def curves(self) -> dict[str, list[tuple[int, float]]]:
        """What this run has counted so far: (optimizer step, loss) of `loss/STEP`, and (problems done, rate) of
        `tokens_per_second/STEP`."""
        with self._lock:
            return {name: list(points) for name, points in self._curves.items()}

    def _add_points(self, step: StepProgress, loss: float | None, now: float) -> None:
        if loss is not None and math.isfinite(loss):
            self._curves.setdefault(f"loss/{step.name}", []).append((step.done, loss))
        rate = step.tokens_per_second()
        if rate is not None and now - step.rated >= RATE_SECONDS:
            step.rated = now
            self._curves.setdefault(f"tokens_per_second/{step.name}", []).append((step.done, rate))

    def state(self) -> RunState:
        """How far the run is, for other processes."""
        with self._lock:
            return RunState(
                experiment=self._experiment,
                done=self._total - len(self._missing),
                total=self._total,
                steps=tuple(step.state() for step in self._running.values()),
                next=tuple(name for name in self._missing if name not in self._running),
            )

    def _tick(self) -> None:
        while not self._over.wait(LIVE_SECONDS):
            with self._lock:
                self._refresh(time.time())

    def _refresh(self, now: float) -> None:
        """Draw the live line, and log the steps of which the log has heard nothing for a while."""
        if self.live and self._running and now - self._drawn > LIVE_SECONDS * 0.9:
            self._drawn = now
            self._write(f"\r\x1b[K{live_line(list(self._running.values()), self._columns())}")
        for step in self._running.values():
            if now - step.logged > LOG_SECONDS:
                self._step_line(step, step.text(), only_log=self.live)

    def _step_line(self, step: StepProgress, text: str, only_log: bool = False) -> None:
        step.logged = time.time()
        self._line(f"{step.name:<24} {text}", only_log)

    def _line(self, text: str, only_log: bool = False) -> None:
        elapsed = int(time.monotonic() - self._began)
        line = f"[{elapsed // 60:02d}:{elapsed % 60:02d}] {text}\n"
        if self._log_stream is not None:
            self._log_stream.write(line)
            self._log_stream.flush()
        if not only_log:
            self._write(("\r\x1b[K" if self.live else "") + line)

    def _write(self, text: str) -> None:
        """Write to the stream; a reader that has gone (`| head`) does not end the run."""
        try:
            if self.stream is not None:
                self.stream.write(text)
                self.stream.flush()
        except BrokenPipeError:
            self.stream, self.live = None, False

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self.stream.fileno()).columns if self.stream else 80
        except (OSError, ValueError):  # no terminal of the system, as in tests
            return 80


def live_line(steps: Sequence[StepProgress], columns: int) -> str:
    """All running steps in less than `columns` columns, because a line that wraps cannot be drawn again in its place.

    Each step gets an equal share, and what short ones leave; the steps that do not fit are counted.
    """
    shown = list(steps)
    while len(shown) > 1 and (columns - 1) // len(shown) < MIN_COLUMNS:
        shown.pop()
    more = f" | +{len(steps) - len(shown)}" if len(shown) < len(steps) else ""
    room, parts = columns - 1 - len(more), list[str]()
    for index, step in enumerate(shown):
        separator = " | " if index else ""
        share = room // (len(shown) - index) - len(separator)
        text = f"{step.name} {step.text()}"
        part = separator + (text if len(text) <= share else text[: max(0, share - 1)] + "…")
        parts.append(part)
        room -= len(part)
    return ("".join(parts) + more)[: max(0, columns - 1)]


MIN_COLUMNS = 24
"""Columns below which a step's share of the live line says nothing."""
