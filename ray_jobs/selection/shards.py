"""A step done shard by shard: rows of its input tables in, rows of its output tables and counts out.

A small step is one shard, done here, without Ray. A larger one goes through Ray Data, a shard a task: the task reads its rows from the
store, writes its files under the attempt, and hands back what it counted. The driver never sees a row.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from ray_jobs.runtime import local_ray
from ray_jobs.runtime.progress import Progress
from w2s.graph.step import Step
from w2s.method.tally import Tally
from w2s.store.attempt import Attempt, parquet_bytes, put
from w2s.store.manifest import File
from w2s.store.shards import SHARD_BYTES, Part, Shard, part_of, plan_shards, read_part
from w2s.store.store import Store

CPUS_PER_SHARD = 1
"""What a task claims; it computes in one thread."""

Rows = dict[str, list[Any]]
"""Records by role of the input, or by name of the output table."""


@dataclass
class Result:
    """What a shard's computation gives."""

    rows: Rows = field(default_factory=dict[str, list[Any]])
    """Of the tables named in `over_shards`; a table that is not in it is not written."""
    tally: Tally = field(default_factory=Tally)
    smallest: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    """Candidates for a choice among all shards' problems, a bounded number of each shard."""


class Task(BaseModel):
    """One shard's work."""

    number: int
    shard: Shard
    inputs: dict[str, Part]


class Done(BaseModel):
    """What a task reports."""

    number: int
    files: dict[str, File | None]
    rows: dict[str, int]
    tally: list[tuple[tuple[str, ...], float]]
    smallest: list[tuple[int, str]]


@dataclass(frozen=True)
class Worker:
    """Does tasks, in the driver or in a Ray worker."""

    store: Store
    directory: str
    attempt: str
    inputs: Mapping[str, type[Any]]
    outputs: Mapping[str, type[Any]]
    compute: Callable[[Rows], Result]
    alone: bool

    def row(self, row: dict[str, Any]) -> dict[str, Any]:
        """A task as JSON in, what it did as JSON out: what Ray Data passes on."""
        return {"done": self.do(Task.model_validate_json(row["task"])).model_dump_json()}

    def do(self, task: Task) -> Done:
        """Read, compute, write. A task done twice writes the same files."""
        result = self.compute(rows_of(task, self.store, self.inputs))
        files: dict[str, File | None] = {}
        for table, found in result.rows.items():
            name = table if self.alone else f"{table}-{task.number:05d}"
            data = parquet_bytes(found, self.outputs[table])
            files[table] = (
                put(self.store, self.directory, f"{self.attempt}/{name}.parquet", data) if found or self.alone else None
            )
        counts = {table: len(found) for table, found in result.rows.items()}
        return Done(
            number=task.number, files=files, rows=counts, tally=list(result.tally.items()), smallest=result.smallest
        )


def tasks_of(step: Step, store: Store, inputs: Mapping[str, type[Any]]) -> list[Task]:
    """The shards of a step whose tables in the roles of `inputs` are to be cut, and what each needs."""
    tables = {role: table for role in inputs if (table := step.input(role)) is not None}
    files = {role: store.files(table) for role, table in tables.items()}
    return [
        Task(
            number=n,
            shard=shard,
            inputs={role: part_of(tables[role].step.directory, files[role], shard) for role in tables},
        )
        for n, shard in enumerate(plan_shards(files.values(), SHARD_BYTES))
    ]


def rows_of(task: Task, store: Store, inputs: Mapping[str, type[Any]]) -> Rows:
    """A shard's rows of every input; `inputs`: role -> record."""
    return {role: read_part(store, part, task.shard, inputs[role]) for role, part in task.inputs.items()}


def over_shards(
    attempt: Attempt,
    inputs: Mapping[str, type[Any]],
    outputs: Mapping[str, type[Any]],
    compute: Callable[[Rows], Result],
    progress: Progress,
    choose: Callable[[Sequence[tuple[int, str]]], list[tuple[int, str]]] = list,
) -> Result:
    """Apply `compute` to every shard of the step's tables and make what it wrote part of the attempt, in order of problem_id.

    `inputs`: role -> record of the tables to be cut; `outputs`: table -> record; `compute` must be picklable, pure, and treat every problem
    alone. `choose` bounds the candidates of several shards together. The result has all shards' counts and candidates, and no rows.
    """
    store, step = attempt.store, attempt.step
    tasks = tasks_of(step, store, inputs)
    worker = Worker(store, step.directory, attempt.name, inputs, outputs, compute, alone=len(tasks) == 1)
    total = Result()
    finished: list[Done] = []
    for done in [worker.do(tasks[0])] if worker.alone else _on_ray(worker, tasks, progress, step.name):
        total.tally.add(Tally(done.tally))
        total.smallest = choose([*total.smallest, *done.smallest])
        finished.append(done)
    for done in sorted(finished, key=lambda one: one.number):
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
