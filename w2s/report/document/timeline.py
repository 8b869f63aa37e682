"""When each step ran, what ran beside it, where it waited, and how long it held which devices."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import inf
from typing import Any

from w2s.graph.step import Step
from w2s.report.document.finished import Finished

SHORTEST_GAP = 60.0
"""Seconds in which no step ran from which a gap is cut out of the timeline, as between two runs."""


def timeline(steps: Sequence[Step], finished: Mapping[str, Finished]) -> dict[str, Any]:
    """{began, ended, steps: [{step, ready, start, end, waited, took}], gaps: [{at, seconds}]}.

    `began` and `ended` are UTC; all other times are seconds after `began` without the gaps, in which no step ran.
    The trainings of a group start together and work one after another: `start` is when a training's turn came.
    `ready` is when the last input was finished, so a step waited from `ready` to `start`: for a place, or for steps
    that share its engine or workers.
    """
    starts = {name: _unix(manifest.started) for name, manifest in finished.items()}
    ends = {name: starts[name] + manifest.seconds for name, manifest in finished.items()}
    if not starts:
        return {"began": "", "ended": "", "steps": [], "gaps": []}
    began = min(starts.values())
    gaps = _gaps(starts, ends)

    def at(seconds: float) -> float:
        """Seconds after `began` without the gaps before."""
        cut = sum(min(seconds, end) - start for start, end in gaps if start < seconds)
        return round(seconds - began - cut, 1)

    rows: list[dict[str, Any]] = []
    for step in steps:
        if step.name in finished:
            start = max(starts[step.name], ends[step.name] - _trained(finished[step.name]))
            ready = max((ends.get(table.step.name, began) for _, table in step.inputs), default=began)
            times = {"ready": at(min(ready, start)), "start": at(start), "end": at(ends[step.name])}
            waited = round(times["start"] - times["ready"], 1)
            rows.append({"step": step.name, **times, "waited": waited, "took": round(times["end"] - times["start"], 1)})
    last = max(finished, key=lambda name: ends[name])
    return {
        "began": finished[min(starts, key=lambda name: starts[name])].started,
        "ended": datetime.fromtimestamp(ends[last], tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "steps": sorted(rows, key=lambda row: (row["start"], row["end"])),
        "gaps": [{"at": at(start), "seconds": round(end - start, 1)} for start, end in gaps],
    }


def devices(finished: Mapping[str, Finished], dollars: float | None) -> dict[str, Any]:
    """{held: [{device, hours}], dollars_per_hour, dollars, steps: [{step, device, seconds}]}.

    Hours of all devices of a name together, from the start of an engine or of workers to the step's end. `dollars` is
    the price of a GPU for an hour; without one there is no cost.
    """
    rows = [
        {"step": name, "device": device, "seconds": round(seconds, 1)}
        for name, manifest in finished.items()
        for device, seconds in manifest.device_seconds.items()
    ]
    names = dict.fromkeys(str(row["device"]) for row in rows)
    hours = {name: sum(float(row["seconds"]) for row in rows if row["device"] == name) / 3600 for name in names}
    cost = None if dollars is None else round(sum(hours.values()) * dollars, 2)
    held = [{"device": name, "hours": round(value, 3)} for name, value in hours.items()]
    return {"held": held, "dollars_per_hour": dollars, "dollars": cost, "steps": rows}


def _trained(manifest: Finished) -> float:
    """Seconds of a training without those of the trainings before it in its group; of other steps without bound."""
    workers = manifest.counts.get("world_size", 0)
    return sum(manifest.device_seconds.values()) / workers if workers and manifest.device_seconds else inf


def _gaps(starts: Mapping[str, float], ends: Mapping[str, float]) -> list[tuple[float, float]]:
    """Stretches of `SHORTEST_GAP` or more in which no step ran."""
    gaps: list[tuple[float, float]] = []
    busy_until: float | None = None
    for name in sorted(starts, key=lambda name: starts[name]):
        if busy_until is not None and starts[name] - busy_until >= SHORTEST_GAP:
            gaps.append((busy_until, starts[name]))
        busy_until = max(busy_until or 0.0, ends[name])
    return gaps


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
