"""The course of the run: loss curves, what ran beside what, tokens, hours of devices, and cost."""

from collections.abc import Mapping, Sequence
from typing import Any

from w2s.report.page import charts
from w2s.report.page.names import capital, name_of
from w2s.report.page.parts import duration, figure, folded, paragraph, section, table, whole
from w2s.report.sections import estimates_table

KINDS = {"sampling": charts.BAR, "training": charts.THIRD, "other steps": charts.LIMIT}
"""Kinds of steps in the timeline, with their colours."""


def losses(report: Mapping[str, Any]) -> str:
    """A small curve for each training, and the first and last losses."""
    if not report["losses"]:
        return ""
    curves: list[str] = []
    for of in report["losses"]:
        points: Sequence[Sequence[float]] = of["points"]
        name = capital(name_of(of["step"]))
        told = f"Loss of {name}: from {whole(points[0][1])} to {whole(points[-1][1])}"
        curves.append(f'<div class="curve">{charts.line(points, name, told)}</div>')
    rows: list[list[str]] = []
    for of in report["losses"]:
        counts = report["counts"].get(of["step"], {})
        ends = [f"{loss:.4f}" for loss in (of["points"][0][1], of["points"][-1][1])]
        examples = [whole(counts.get(name, 0)) for name in ("examples", "too_long", "steps")]
        rows.append([capital(name_of(of["step"])), *examples, *ends])
    header = ["training", "examples", "left out, too long", "optimizer steps", "first loss", "last loss"]
    return section("losses", "Losses", f'<div class="curves">{"".join(curves)}</div>', table(header, rows))


def course(report: Mapping[str, Any]) -> str:
    """The timeline, then tokens and device hours."""
    times = report["timeline"]
    if not times["steps"]:
        return ""
    rows = [
        (name_of(row["step"]), row["ready"], row["start"], row["end"], _kind(report, row["step"]))
        for row in times["steps"]
    ]
    told = "; ".join(f"{name} {start:.0f} to {end:.0f} s" for name, _, start, end, _ in rows)
    gaps = [gap["at"] for gap in times["gaps"]]
    caption = "When each step ran. A thin line is waiting: for a place, or for steps that share its engine or workers."
    if gaps:
        lengths = ", ".join(duration(gap["seconds"]) for gap in times["gaps"])
        caption += f" Dashed lines are cuts, of {lengths} in which no step ran."
    cells = [
        [capital(name_of(row["step"])), duration(row["start"]), duration(row["waited"]), duration(row["took"])]
        for row in times["steps"]
    ]
    return section(
        "course",
        "How the run went",
        paragraph(f"From {times['began']} to {times['ended']}."),
        figure(charts.spans(rows, gaps, KINDS, f"Timeline: {told}"), caption),
        _spent(report),
        _estimates(report),
        folded("Times of all steps", table(["step", "started after", "waited", "took"], cells)),
    )


def _estimates(report: Mapping[str, Any]) -> str:
    """What was expected of sampling and training, beside what it took, and what is not compared."""
    header, rows = estimates_table(report)
    caption = "Estimated before each step began, and what it took"
    return "".join([
        table(header, [[capital(first), *others] for first, *others in rows], caption),
        *(paragraph(note) for note in report["estimates"]["notes"]),
    ])  # fmt: skip


def _kind(report: Mapping[str, Any], step: str) -> str:
    kind = next(node["kind"] for node in report["graph"] if node["step"] == step)
    return {"sample": "sampling", "finetune": "training", "prefer": "training"}.get(kind, "other steps")


def _spent(report: Mapping[str, Any]) -> str:
    """Tokens, device hours and cost, and their parts by step."""
    tokens, devices = report["tokens"], report["devices"]
    rows = [
        ["Sampled tokens", whole(tokens["sampled"])],
        ["Prompt tokens", whole(tokens["prompts"])],
        ["Trained tokens, all epochs", whole(tokens["trained"])],
        *([f"Device hours, {held['device']}", f"{held['hours']:.3f}"] for held in devices["held"]),
    ]
    if devices["dollars"] is not None:
        rows.append([f"Cost at ${devices['dollars_per_hour']:.2f} an hour of a GPU", f"${devices['dollars']:,.2f}"])
    by_step = [
        [capital(name_of(row["step"])), whole(row["sampled"]), whole(row["prompts"]), whole(row["trained"])]
        for row in tokens["steps"]
    ]
    by_device = [[capital(name_of(row["step"])), row["device"], duration(row["seconds"])] for row in devices["steps"]]
    return (
        table(["", ""], rows)
        + folded("Tokens of all steps", table(["step", "sampled", "prompts", "trained"], by_step))
        + folded("Device seconds of all steps", table(["step", "device", "seconds"], by_device))
    )
