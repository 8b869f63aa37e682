"""Loss curves of all trainings, short enough for a page."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from w2s.graph.step import Step
from w2s.report.document.finished import Source

POINTS = 200
"""Most points of a curve; longer ones are averaged in equal stretches of optimizer steps."""


def losses(steps: Sequence[Step], source: Source) -> list[dict[str, Any]]:
    """[{step, points: [[optimizer step, loss]]}] of the finished trainings; the last point is the last step's."""
    trained = [step for step in steps if step.name in source.finished and "losses" in step.recipe.tables]
    found = [step for step in trained if "losses" in source.finished[step.name].tables]  # older stores lack them
    return [{"step": step.name, "points": thinned(source.document(step["losses"]))} for step in found]


def thinned(rows: Sequence[Mapping[str, float]]) -> list[list[float]]:
    """[optimizer step, loss] of each row or, of more than `POINTS`, means of stretches at their last step."""
    ends = [round(number * len(rows) / POINTS) for number in range(POINTS + 1)]
    stretches = [rows[start:end] for start, end in pairwise(ends)] if len(rows) > POINTS else [[row] for row in rows]
    return [
        [int(stretch[-1]["step"]), round(sum(row["loss"] for row in stretch) / len(stretch), 6)]
        for stretch in stretches
        if stretch
    ]
