"""The problems of a sampling step: how they are cut into blocks, and how a block's problems are read.

Nobody holds all problems of a step. The driver looks at a file at a time; an engine reads the rows of its blocks.
"""

import threading
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from ray_jobs.sampling.results import ProblemRows
from w2s.graph.step import Step, Table
from w2s.records import Problem
from w2s.store.manifest import File
from w2s.store.store import Store
from w2s.store.tables import parse_parquet

FILES_HELD = 2
"""Runs of files whose problems a reader keeps: blocks come in order, and one may lie across two files."""

Run = tuple[int, ...]
"""Numbers of a table's files that have problem_ids in common ranges; usually of a single file."""


def runs_of(files: Sequence[File]) -> list[Run]:
    """The files in order of their problem_ids, those with overlapping ranges together.

    So the problems of a table are those of its runs, one run after the other, each in order of problem_id.
    """
    if any(file.first is None for file in files):  # an empty table, or ids that its files do not tell
        return [tuple(range(len(files)))]
    runs: list[list[int]] = []
    last = ""
    for number in sorted(range(len(files)), key=lambda number: files[number].first or ""):
        if runs and (files[number].first or "") <= last:
            runs[-1].append(number)
        else:
            runs.append([number])
        last = max(last, files[number].last or "")
    return [tuple(run) for run in runs]


@dataclass(frozen=True)
class Cut:
    """How the problems of a step, in order of problem_id, are cut into blocks."""

    runs: tuple[tuple[Run, int], ...]
    """Runs of files with their numbers of problems."""
    size: int
    """Problems of each block but the last."""

    @property
    def problems(self) -> int:
        """Number of problems of the step."""
        return self._ends[-1]

    def __len__(self) -> int:
        """Number of blocks."""
        return -(-self.problems // self.size)

    def problems_in(self, block: int) -> int:
        """Number of problems of a block."""
        return min(self.size, self.problems - block * self.size)

    def rows(self, block: int) -> tuple[ProblemRows, ...]:
        """Where the problems of a block are, in their order."""
        start, stop = block * self.size, block * self.size + self.problems_in(block)
        found: list[ProblemRows] = []
        for number in range(bisect_right(self._ends, start), len(self.runs)):
            (run, count), end = self.runs[number], self._ends[number]
            begin = end - count
            if begin >= stop:
                break
            found.append(ProblemRows(run, max(start, begin) - begin, min(stop, end) - begin))
        return tuple(found)

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(count for _, count in self.runs))


class Problems:
    """Reads problems from the tables of steps. Its methods may be called from several threads."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._held: dict[tuple[str, str, Run], list[Problem]] = {}
        self._lock = threading.Lock()

    def read(self, step: Step, rows: Sequence[ProblemRows]) -> list[Problem]:
        """The problems in `rows` of a step's input. Raises ValueError where a file is damaged."""
        return [problem for part in rows for problem in self.run(step, part.files)[part.start : part.stop]]

    def run(self, step: Step, run: Run) -> list[Problem]:
        """The problems of a run of files, in order of problem_id."""
        table = dict(step.inputs)["problems"]
        key = (table.step.directory, table.name, run)
        with self._lock:
            problems = self._held.pop(key, None) or self._sorted(table, run)
            self._held[key] = problems
            while len(self._held) > FILES_HELD:
                del self._held[next(iter(self._held))]
        return problems

    def _sorted(self, table: Table, run: Run) -> list[Problem]:
        files = self.store.files(table)
        tables = [self.store.read_file(table.step.directory, files[number]) for number in run]
        problems = [problem for data in tables for problem in parse_parquet(data, Problem)]
        return sorted(problems, key=lambda problem: problem.problem_id)
