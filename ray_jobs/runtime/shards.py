"""The shards of a step: each has the rows of some problems in every input, and one task works on it.

The only shard of a small step is worked on in the driver, without Ray, where a worker's imports would take longer than
the work. Others go through Ray Data, one task a shard, and the driver holds what the tasks return, no rows. In a
cluster that can grow, tasks stay on the driver's node, because only GPU nodes are added.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from ray_jobs.runtime import local_ray
from w2s.graph.step import Step
from w2s.store.shards import SHARD_BYTES, Part, Shard, ShardSize, part_of, plan_shards, read_part
from w2s.store.store import Store

CPUS_PER_SHARD = 1
"""Ray's resource request for a task, which computes in one thread."""

Rows = dict[str, list[Any]]
"""Records by role of the input or by name of the output table."""
Records = Mapping[str, type[Any]]
"""Record class by role of the input or by name of the output table."""
Done = TypeVar("Done", bound=BaseModel)


class Task(BaseModel):
    """One shard of a step: its number, its range, and the input files that hold its rows."""

    number: int
    shard: Shard
    inputs: dict[str, Part]


def tasks_of(step: Step, store: Store, inputs: Records, shard_rows: float = math.inf) -> list[Task]:
    """The shards of a step's tables in the roles of `inputs`, each with the files that hold its rows.

    A shard ends with the file in which its largest table has `shard_rows` rows or SHARD_BYTES.
    """
    tables = {role: table for role in inputs if (table := step.input(role)) is not None}
    files = {role: store.files(table) for role, table in tables.items()}
    sizes = [(files[role], store.rows(table)) for role, table in tables.items()]
    return [
        Task(
            number=number,
            shard=shard,
            inputs={role: part_of(tables[role].step.directory, files[role], shard) for role in tables},
        )
        for number, shard in enumerate(plan_shards(sizes, ShardSize(SHARD_BYTES, shard_rows)))
    ]


def rows_of(task: Task, store: Store, inputs: Records) -> Rows:
    """A shard's rows of every input."""
    return {role: read_part(store, part, task.shard, inputs[role]) for role, part in task.inputs.items()}


def each_done(
    tasks: Sequence[Task], work: Callable[[Task], Done], result: type[Done], small: bool = True
) -> Iterator[Done]:
    """What `work` returns for each task, in the order in which they end; `work` must be picklable.

    The driver itself works on an only task that is `small`. A task that ran on a lost node runs again, so `work` must
    write the same files twice.
    """
    return iter([work(tasks[0])]) if len(tasks) == 1 and small else _on_ray(tasks, work, result)


def placement(nodes: Sequence[local_ray.Node], driver: Mapping[str, str]) -> dict[str, Any]:
    """Arguments of Ray Data's `map`: a CPU a task anywhere, or at most so many tasks as the driver's node has CPUs.

    In a cluster that can grow tasks request no CPU, because from half of the CPUs in use on Ray Data (2.60.0) asks for
    twice as many, and what an autoscaler adds for them is a GPU node.
    """
    from ray.data import TaskPoolStrategy

    cpus = int(sum(node.cpus for node in nodes if node.has(driver)))
    if not local_ray.can_grow(nodes) or not cpus:
        return {"num_cpus": CPUS_PER_SHARD}
    return {"num_cpus": 0, "label_selector": dict(driver), "compute": TaskPoolStrategy(size=cpus)}


def _on_ray(tasks: Sequence[Task], work: Callable[[Task], Done], result: type[Done]) -> Iterator[Done]:
    local_ray.start()
    import ray

    def row(row: dict[str, Any]) -> dict[str, Any]:
        return {"done": work(Task.model_validate_json(row["task"])).model_dump_json()}

    rows = [{"task": task.model_dump_json()} for task in tasks]
    where = placement(local_ray.nodes(), local_ray.driver_node())
    dataset = ray.data.from_items(rows, override_num_blocks=len(rows)).map(row, **where)
    for done in dataset.iter_rows():
        yield result.model_validate_json(done["done"])
