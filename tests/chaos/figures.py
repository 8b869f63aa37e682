"""Results of a campaign: one JSON line for each disturbed run, and the table made from them."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

KINDS = (
    "driver",
    "engine",
    "sampling actor",
    "training worker",
    "node",
    "S3 errors",
    "lost S3 answers",
    "damaged objects",
    "two drivers",
    "poison row",
)


@dataclass
class Run:
    """One run under faults, from its first start until its store was complete and checked."""

    kind: str
    during: str
    """What was disturbed: `sampling`, `training`, `curation`, ..."""
    seed: str
    faults: int = 0
    reruns: int = 0
    """How often the command was given again; none for a fault that the job survives by itself."""
    rows: int = 0
    """Rows that all tables of the finished store must have together."""
    rows_lost: int = 0
    rows_duplicated: int = 0
    rows_different: int = 0
    """Rows that differ from a run without faults; counted only in tables whose bytes are deterministic."""
    problems_again: list[int] = field(default_factory=list[int])
    """For each fault during sampling, the number of finished problems that were sampled again."""
    seconds_again: list[float] = field(default_factory=list[float])
    """For each fault during training, the seconds of training since the last checkpoint."""
    seconds: list[float] = field(default_factory=list[float])
    """For each fault that stopped work, the seconds until work resumed."""
    left: list[str] = field(default_factory=list[str])
    """Processes and CPU reservations that outlived the job."""
    wrong: list[str] = field(default_factory=list[str])
    """All other broken promises, a sentence each."""

    @property
    def clean(self) -> bool:
        """Whether every promise was kept."""
        return not (self.rows_lost or self.rows_duplicated or self.rows_different or self.left or self.wrong)

    def line(self) -> str:
        """The run in one line, for the terminal."""
        state = "clean" if self.clean else f"NOT CLEAN: {'; '.join([*self.left, *self.wrong])[:300]}"
        again = (
            f"{max(self.problems_again)} problems"
            if self.problems_again
            else f"{max(self.seconds_again):.1f} s"
            if self.seconds_again
            else "nothing"
        )
        gap = (
            f"{statistics.median(self.seconds):.1f} s, worst {max(self.seconds):.1f} s"
            if self.seconds
            else "not measured"
        )
        return (
            f"{self.kind}, {self.during}: {self.faults} faults, {self.reruns} reruns, {self.rows} rows "
            f"({self.rows_lost} lost, {self.rows_duplicated} twice, {self.rows_different} different), "
            f"at most {again} done again, work resumed after {gap}; {state} [seed {self.seed}]"
        )


def append(path: Path, run: Run) -> None:
    """Add a run to the results."""
    with path.open("a") as file:
        file.write(json.dumps(asdict(run)) + "\n")


def load(path: Path) -> list[Run]:
    """All runs in the file; none if there is no file."""
    return [Run(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def table(runs: Sequence[Run]) -> str:
    """A Markdown table with one line for each kind and time of fault, and the sum."""
    names = (
        "fault",
        "during",
        "faults",
        "runs",
        "reruns",
        "rows",
        "lost",
        "twice",
        "different",
        "done again, worst",
        "on after, median, worst",
        "left",
    )
    lines = ["| " + " | ".join(names) + " |", "|---|---" + "|---:" * (len(names) - 2) + "|"]
    for kind in KINDS:
        for during in dict.fromkeys(run.during for run in runs if run.kind == kind):
            lines.append(_row(kind, during, [run for run in runs if run.kind == kind and run.during == during]))
    return "\n".join([*lines, _row("all", "", list(runs))])


def _row(kind: str, during: str, runs: Sequence[Run]) -> str:
    problems, saves, seconds = (
        [x for run in runs for x in getattr(run, name)] for name in ("problems_again", "seconds_again", "seconds")
    )
    again = [f"{max(problems)} problems"] if problems else []
    again += [f"{max(saves):.1f} s"] if saves else []
    gap = f"{statistics.median(seconds):.1f} s, {max(seconds):.1f} s" if seconds else ""
    sums = [
        sum(getattr(run, name) for run in runs)
        for name in ("faults", "reruns", "rows", "rows_lost", "rows_duplicated", "rows_different")
    ]
    cells = [kind, during, sums[0], len(runs), *sums[1:], ", ".join(again), gap, sum(len(run.left) for run in runs)]
    return "| " + " | ".join(map(str, cells)) + " |"
