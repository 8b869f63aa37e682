"""One goal of speed: a figure of ours, of the other side, and the ratio that they should have."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Goal:
    """`figure` with its unit; the ratio is ours / other, and should be `at most` or `at least` the goal."""

    figure: str
    ours: float
    other_side: str
    other: float
    bound: Literal["at most", "at least"]
    goal: float

    @property
    def ratio(self) -> float:
        return self.ours / self.other

    @property
    def met(self) -> bool:
        return self.ratio <= self.goal if self.bound == "at most" else self.ratio >= self.goal


def table(goals: Sequence[Goal]) -> str:
    """The goals as a table of Markdown."""
    lines = ["| figure | ours | other side | ratio | goal | met |", "|---|---|---|---|---|---|"]
    for one in goals:
        sides = f"{one.ours:,.1f} | {one.other:,.1f}, {one.other_side}"
        lines.append(
            f"| {one.figure} | {sides} | {one.ratio:.2f} | {one.bound} {one.goal} | {'yes' if one.met else 'no'} |"
        )
    return "\n".join(lines)
