"""`w2s status`: what runs on a store, how far it is, who holds what and what comes next; from the store alone."""

import argparse
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ray_jobs.cli.options import add_experiment, existing_store, recorded

if TYPE_CHECKING:
    from w2s.graph.step import Step
    from w2s.store.lease.run_record import StepState
    from w2s.store.status import Run
    from w2s.store.store import Store

WATCH_SECONDS = 2.0
"""Between two looks; a run says how far it is every 10 seconds."""


def add_commands(commands: Any) -> None:
    """Add the command to the subparsers."""
    status = commands.add_parser(
        "status", help="show what runs on a store and how far it is, from any machine that reaches the store"
    )
    status.set_defaults(command=_status)
    status.mixed = True
    add_experiment(status, only=False, optional=True)
    status.add_argument("--watch", action="store_true", help="look again every 2 seconds, until no run goes on")


def _status(options: argparse.Namespace) -> int:
    from w2s.store.status import runs

    if options.experiment is None and options.set:
        raise ValueError("--set changes an experiment: give EXPERIMENT too")
    steps: Sequence[Step] = ()
    if options.experiment is None:
        store = existing_store(options, or_runs=True)
    else:
        _, steps, store = recorded(options, or_runs=True)
    while True:
        found = runs(store.objects)
        lines = _lines(found, steps, store)
        clear = "\x1b[H\x1b[J" if options.watch and sys.stdout.isatty() else ""
        print(clear + "\n".join(lines), flush=True)
        if not options.watch or all(run.lost for run in found):
            return 0
        try:
            time.sleep(WATCH_SECONDS)
        except KeyboardInterrupt:
            return 0


def _lines(found: "Sequence[Run]", steps: "Sequence[Step]", store: "Store") -> list[str]:
    from w2s.report.terminal import printable
    from w2s.store import layout

    lines = [line for run in found for line in [*_run(run), ""]]
    if not found:
        lines += ["no run goes on", ""]
    lines += _steps(steps, store) if steps else _held(found, store)
    ended = sorted(set(store.objects.names(store.objects.path(layout.LOGS))) - {f"{run.name}.log" for run in found})
    if ended:
        lines.append(
            f"runs that ended: {len(ended)}, the last log is {store.objects.absolute(f'{layout.LOGS}/{ended[-1]}')}"
        )
    return [printable(line) for line in lines]


def _run(run: "Run") -> list[str]:
    from w2s.report.terminal import grid

    if run.record is None or not run.record.host:
        return [f"run {run.name}: {run.lost or f'last beat {run.beat_seconds:.0f} s ago'}; it says no more"]
    record, state = run.record, run.record.state
    beat = f"STOPPED: {run.lost}" if run.lost else f"last beat {run.beat_seconds:.0f} s ago"
    lines = [
        f"run {run.name} on {record.host} since {record.began}, {beat}",
        f"  {state.experiment or 'preparing'}: {state.done} of {state.total} steps done, {len(state.steps)} running",
    ]
    header = ["  step", "phase", "done", "tokens/s", "loss", "left", "engines", "restarts", "failed", "for"]
    rows = [_row(step, time.time() - run.beat_seconds) for step in state.steps]
    lines += grid(header, rows, (0, 1)) if rows else []
    if state.next:
        more = f" and {len(state.next) - 6} more" if len(state.next) > 6 else ""
        lines.append(f"  next: {', '.join(state.next[:6])}{more}")
    return lines


def _row(step: "StepState", now: float) -> list[str]:
    return [
        f"  {step.name}",
        step.phase or "-",
        f"{step.done:,} of {step.total:,} {step.unit}" if step.total else "-",
        "-" if step.tokens_per_second is None else f"{step.tokens_per_second:,.0f}",
        "-" if step.loss is None else f"{step.loss:.4f}",
        "-" if step.seconds_left is None else _duration(step.seconds_left),
        str(step.engines or "-"),
        str(step.restarts),
        str(step.failed),
        _duration(max(0.0, now - step.since)),
    ]


def _duration(seconds: float) -> str:
    """Seconds as people say them: 34 s, 5 min 10 s, 3 h 20 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def _held(found: "Sequence[Run]", store: "Store") -> list[str]:
    """The unfinished steps that a run holds or held, without those that its record names."""
    from w2s.graph.directory import STEPS, listed_directory
    from w2s.store import layout
    from w2s.store.objects.objects import in_parallel
    from w2s.store.status import holders

    told = {step.directory for run in found if run.record and not run.lost for step in run.record.state.steps}
    objects = store.objects
    directories = [listed_directory(name) for name in objects.names(objects.path(STEPS))]
    inside = in_parallel(lambda directory: objects.names(objects.path(directory)), directories)
    leased = [
        directory
        for directory, names in zip(directories, inside, strict=True)
        if directory not in told and layout.LEASES in names and layout.MANIFEST not in names
    ]
    lines = [f"{directory}: {held}" for directory, held in holders(objects, leased).items()]
    finished = sum(layout.MANIFEST in names for names in inside)
    return [*lines, f"steps in {objects.url}: {finished} finished, {len(directories) - finished} unfinished"]


def _steps(steps: "Sequence[Step]", store: "Store") -> list[str]:
    """Each step of the experiment: finished, running, begun, or not there yet."""
    from w2s.report.terminal import grid
    from w2s.store.objects.objects import in_parallel
    from w2s.store.status import holders, remains

    manifests = store.manifests(steps)
    open_steps = [step for step in steps if manifests[step.name] is None]
    held = holders(store.objects, [step.directory for step in open_steps])
    left = dict(zip(open_steps, in_parallel(lambda step: remains(store, step), open_steps), strict=True))
    rows: list[list[str]] = []
    for step in steps:
        if (manifest := manifests[step.name]) is not None:
            rows.append([step.name, "done", f"finished {manifest.started} in {_duration(manifest.seconds)}"])
            continue
        holder = held.get(step.directory)
        why = "; ".join(text for text in (str(holder or ""), left[step]) if text)
        state = "running" if holder and not holder.lost else "begun" if left[step] or holder else "missing"
        rows.append([step.name, state, why])
    done = sum(row[1] == "done" for row in rows)
    return [*grid(["step", "", ""], rows, (0, 1, 2)), f"{done} of {len(rows)} steps are done"]
