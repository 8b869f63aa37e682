"""Runs a step shard by shard: a shard's rows of the input tables in, its rows of the output tables and its counts out.

A step with one shard runs in the driver, without Ray. A larger step goes through Ray Data, one task a shard: a task
reads its rows from the store, writes its files into the attempt's directory and returns its counts, so the driver holds
no rows.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from ray_jobs.runtime import local_ray
from ray_jobs.runtime.progress import Progress
from w2s.graph.step import Step
from w2s.method.tally import Tally
from w2s.store.attempt import Attempt, put
from w2s.store.manifest import File
from w2s.store.shards import SHARD_BYTES, Part, Shard, part_of, plan_shards, read_part
from w2s.store.store import Store
from w2s.store.tables import parquet_bytes

CPUS_PER_SHARD = 1
"""Ray's resource request for a task, which computes in one thread."""

Rows = dict[str, list[Any]]
"""Records by role of the input or by name of the output table."""
Records = Mapping[str, type[Any]]
"""Record class by role of the input or by name of the output table."""
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


class Task(BaseModel):
    """One shard's work."""

    number: int
    shard: Shard
    inputs: dict[str, Part]


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

    def row(self, row: dict[str, Any]) -> dict[str, Any]:
        """`do` on a row of Ray Data: the task as JSON in, what it did as JSON out."""
        return {"done": self.do(Task.model_validate_json(row["task"])).model_dump_json()}

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


def tasks_of(step: Step, store: Store, inputs: Records) -> list[Task]:
    """The shards of a step's tables in the roles of `inputs`, each with the files that hold its rows."""
    tables = {role: table for role in inputs if (table := step.input(role)) is not None}
    files = {role: store.files(table) for role, table in tables.items()}
    return [
        Task(
            number=number,
            shard=shard,
            inputs={role: part_of(tables[role].step.directory, files[role], shard) for role in tables},
        )
        for number, shard in enumerate(plan_shards(files.values(), SHARD_BYTES))
    ]


def rows_of(task: Task, store: Store, inputs: Records) -> Rows:
    """A shard's rows of every input."""
    return {role: read_part(store, part, task.shard, inputs[role]) for role, part in task.inputs.items()}


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
    for done in [worker.do(tasks[0])] if worker.alone else _on_ray(worker, tasks, progress, step.name):
        total.tally.add(Tally(done.tally))
        total.candidates = choose([*total.candidates, *done.candidates])
        finished.append(done)
    for done in sorted(finished, key=lambda done: done.number):
        for table, file in done.files.items():
            attempt.include(table, file, done.rows[table])
    return total


def _on_ray(worker: Worker, tasks: Sequence[Task], progress: Progress, name: str) -> Iterator[Done]:
    local_ray.start()
    import ray

    progress.started(name, len(tasks), "shards")
    rows = [{"task": task.model_dump_json()} for task in tasks]
    dataset = ray.data.from_items(rows, override_num_blocks=len(rows)).map(worker.row, num_cpus=CPUS_PER_SHARD)
    for row in dataset.iter_rows():
        progress.advanced(name, 1)
        yield Done.model_validate_json(row["done"])
