"""What the run expected of its sampling and training, as recorded before each step began, beside what it took."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from w2s.graph.recipes import FineTune, Prefer, Sample
from w2s.graph.step import Step
from w2s.report.document.finished import Finished

KINDS = {"sample": "sampling", "finetune": "SFT", "prefer": "preference training"}


def estimates(steps: Sequence[Step], finished: Mapping[str, Finished]) -> dict[str, Any]:
    """{kinds: [{kind, figures: [{figure, steps, estimated, actual, ratio}]}], notes: [sentence]}.

    The kinds are those of `KINDS` and last `in all`. The figures are tokens (completion tokens; tokens that a training
    passes over), seconds on devices (those of steps side by side add up) and device hours; each adds up the steps whose
    estimate and actual value are of the same work. `in all` also has wall seconds. `notes` say which steps are not
    among them, and why.
    """
    rows = [Compared(step, finished[step.name]) for step in steps if step.name in finished and step.kind in KINDS]
    kinds = [(name, [row for row in rows if row.step.kind == kind]) for kind, name in KINDS.items()]
    told: list[dict[str, Any]] = [{"kind": name, "figures": _figures(of)} for name, of in [*kinds, ("in all", rows)]]
    told[-1]["figures"] += _wall(rows)
    return {"kinds": [kind for kind in told if kind["figures"]], "notes": _notes(rows, steps, finished)}


class Compared:
    """One finished sampling or training step."""

    def __init__(self, step: Step, manifest: Finished) -> None:
        self.step, self.manifest = step, manifest

    @property
    def tokens(self) -> tuple[float, float] | None:
        """Estimated and actual tokens; None without an estimate."""
        counts, expected = self.manifest.counts, self.manifest.estimate
        if isinstance(self.step.recipe, Sample):
            pair = expected.get("sampled_tokens"), counts.get("completion_tokens", 0)
        else:
            assert isinstance(self.step.recipe, FineTune | Prefer)
            pair = expected.get("trained_tokens"), counts.get("tokens", 0) * self.step.recipe.optimizer.epochs
        return None if pair[0] is None else (pair[0], pair[1])

    @property
    def is_resumed(self) -> bool:
        """Whether an earlier attempt did a part of the work, whose seconds are not recorded."""
        counts = self.manifest.counts
        sampled = counts.get("sampled_tokens", 0) if isinstance(self.step.recipe, Sample) else None
        return bool(counts.get("resumed_at_step")) or (
            sampled is not None and sampled < counts.get("completion_tokens", 0)
        )

    @property
    def ended(self) -> float:
        """When it was finished, in Unix seconds."""
        return datetime.fromisoformat(self.manifest.started).timestamp() + self.manifest.seconds

    @property
    def seconds(self) -> tuple[float, float] | None:
        """Estimated and actual seconds on devices; None where they are not of the same work."""
        estimated = self.manifest.estimate.get("seconds")
        return None if estimated is None or self.is_resumed else (estimated, self.manifest.held_seconds)

    @property
    def device_hours(self) -> tuple[float, float] | None:
        """Estimated and actual device hours; None where they are not of the same work."""
        estimated = self.manifest.estimate.get("device_seconds")
        if estimated is None or self.is_resumed:
            return None
        return estimated / 3600, sum(self.manifest.device_seconds.values()) / 3600


def _figures(rows: Sequence[Compared]) -> list[dict[str, Any]]:
    figures: list[dict[str, Any]] = []
    for figure, digits in (("tokens", 0), ("seconds", 1), ("device_hours", 4)):
        pairs = [pair for row in rows if (pair := getattr(row, figure)) is not None]
        if pairs:
            figures.append(_sum(figure.replace("_", " "), len(pairs), pairs, digits))
    return figures


def _wall(rows: Sequence[Compared]) -> list[dict[str, Any]]:
    """From the start of each run to its last step's end; nothing of runs that resumed a step, or did not estimate it.

    A run that was interrupted counts up to the last step that it finished.
    """
    runs: dict[float, list[Compared]] = {}
    for row in rows:
        if "run_began" in row.manifest.estimate:
            runs.setdefault(row.manifest.estimate["run_began"], []).append(row)
    whole = {began: run for began, run in runs.items() if not any(row.is_resumed for row in run)}
    pairs = [
        (max(row.manifest.estimate["done_after"] for row in run), max(row.ended for row in run) - began)
        for began, run in whole.items()
    ]
    return [_sum("wall seconds", sum(map(len, whole.values())), pairs, 1)] if pairs else []


def _sum(figure: str, steps: int, pairs: Sequence[tuple[float, float]], digits: int) -> dict[str, Any]:
    """A row: the sums of both sides, and their ratio."""
    estimated, actual = (sum(values) for values in zip(*pairs, strict=True))
    ratio = round(actual / estimated, 3) if estimated else None
    values = {"estimated": round(estimated, digits), "actual": round(actual, digits)}
    return {"figure": figure, "steps": steps, **values, "ratio": ratio}


def _notes(rows: Sequence[Compared], steps: Sequence[Step], finished: Mapping[str, Finished]) -> list[str]:
    """What is not compared, and why."""

    def listed(some: Sequence[Compared]) -> str:
        more = f" and {len(some) - 3} more" if len(some) > 3 else ""
        return ", ".join(row.step.name for row in some[:3]) + more

    notes: list[str] = []
    if unknown := [row for row in rows if not row.manifest.estimate]:
        notes.append(f"No estimate was recorded when these ran: {listed(unknown)}.")
    if resumed := [row for row in rows if row.manifest.estimate and row.is_resumed]:
        notes.append(
            f"Seconds of earlier attempts are not recorded, so only tokens are compared of what was resumed: "
            f"{listed(resumed)}."
        )
    if uncounted := [row for row in rows if row.manifest.estimate and "seconds" not in row.manifest.estimate]:
        notes.append(
            "The table of rates gives no seconds, and no earlier step of the store had used that base: "
            f"{listed(uncounted)}."
        )
    others = sum(finished[step.name].seconds for step in steps if step.name in finished and step.kind not in KINDS)
    if others:
        notes.append(f"No plan estimates the other steps; they took {others:.1f} s.")
    if rows:
        notes.append("Prompt tokens are not compared, because a plan counts shared demonstrations once.")
    return notes
