"""Runs a step shard by shard: a shard's rows of the input tables in, its rows of the output tables and its counts out.

A task reads its rows from the store, writes its files into the attempt's directory and returns its counts, so the
driver holds no rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from ray_jobs.runtime.progress import Progress
from ray_jobs.runtime.shards import Records, Rows, Task, each_done, rows_of, tasks_of
from w2s.method.tally import Tally
from w2s.store.attempt import Attempt, put
from w2s.store.manifest import File
from w2s.store.store import Store
from w2s.store.tables import parquet_bytes

Candidate = tuple[int, str]
"""A problem for a choice among all shards: its rank and its problem_id."""


@dataclass
class Result:
    """What the computation on one shard returns."""

    rows: Rows = field(default_factory=dict[str, list[Any]])
    """Rows by table; a table that is missing here is not written."""
    tally: Tally = field(default_factory=Tally)
    candidates: list[Candidate] = field(default_factory=list[Candidate])
    """Candidates for a choice among all shards' problems; a bounded number."""


class Done(BaseModel):
    """What a task returns to the driver."""

    number: int
    files: dict[str, File | None]
    rows: dict[str, int]
    tally: list[tuple[tuple[str, ...], float]]
    candidates: list[Candidate]


@dataclass(frozen=True)
class Worker:
    """Does tasks, in the driver or in a Ray worker."""

    store: Store
    directory: str
    attempt: str
    inputs: Records
    outputs: Records
    compute: Callable[[Rows], Result]
    alone: bool
    """Whether the step has one shard only; its files then carry no number."""

    def do(self, task: Task) -> Done:
        """Read, compute and write one shard. A task that runs twice writes the same files."""
        result = self.compute(rows_of(task, self.store, self.inputs))
        return Done(
            number=task.number,
            files={table: self._write(table, task.number, rows) for table, rows in result.rows.items()},
            rows={table: len(rows) for table, rows in result.rows.items()},
            tally=list(result.tally.items()),
            candidates=result.candidates,
        )

    def _write(self, table: str, number: int, rows: list[Any]) -> File | None:
        """The file of one shard's rows; None if there are none, unless the table would have no file at all."""
        if not rows and not self.alone:
            return None
        name = table if self.alone else f"{table}-{number:05d}"
        data = parquet_bytes(rows, self.outputs[table])
        return put(self.store.objects, self.directory, f"{self.attempt}/{name}.parquet", data)


def over_shards(
    attempt: Attempt,
    inputs: Records,
    outputs: Records,
    compute: Callable[[Rows], Result],
    progress: Progress,
    choose: Callable[[Sequence[Candidate]], list[Candidate]] = list,
) -> Result:
    """Apply `compute` to every shard and add the files it wrote to the attempt, in order of problem_id.

    `compute` must be picklable and pure and must treat each problem alone, because a shard may end after any problem.
    `choose` bounds the candidates of several shards together. The result has the counts and candidates of all shards,
    and no rows.
    """
    store, step = attempt.store, attempt.step
    tasks = tasks_of(step, store, inputs)
    worker = Worker(store, step.directory, attempt.name, inputs, outputs, compute, alone=len(tasks) == 1)
    total = Result()
    finished: list[Done] = []
    if not worker.alone:
        progress.started(step.name, len(tasks), "shards")
    for done in each_done(tasks, worker.do, Done):
        if not worker.alone:
            progress.advanced(step.name, 1)
        total.tally.add(Tally(done.tally))
        total.candidates = choose([*total.candidates, *done.candidates])
        finished.append(done)
    for done in sorted(finished, key=lambda done: done.number):
        for table, file in done.files.items():
            attempt.include(table, file, done.rows[table])
    return total
