"""The engines of one base from their start until they are released: groups of steps join them, each gets its results.

Engines are actors of one Ray Data dataset whose source stays open (channel.py). A thread reads the dataset and gives
each result to the group that waits for it.
"""

import threading
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from ray_jobs.resources.vllm import EngineSize, engine_placement
from ray_jobs.runtime import local_ray
from ray_jobs.runtime.context import Context
from ray_jobs.runtime.devices import DeviceClock
from ray_jobs.sampling.engine import Engine
from ray_jobs.sampling.pool.size import PoolSize
from ray_jobs.sampling.results import COLUMN, BlockResult, from_row
from ray_jobs.sampling.step.work import Work
from w2s.graph.step import Table
from w2s.recipe import Model

ACTOR_RESTARTS = 10
"""Restarts of a lost actor before its steps fail; restarts of its engine do not count. Preempted machines cost actors
too, so this must last for steps of days; a permanent cause costs ten engine starts."""


@dataclass
class Group:
    """Steps that wait for results together."""

    works: Mapping[str, Work]
    """By the step's directory."""
    left: int
    """Results that are still to come."""
    results: "SimpleQueue[BlockResult | Exception]"


class Pool:
    """The engines of one base. Its methods may be called from several threads."""

    def __init__(self, base: Model | Table, engine: EngineSize, size: PoolSize, context: Context) -> None:
        from ray_jobs.sampling.pool.channel import Channel

        self.engine, self.context = engine, context
        self.failure: Exception | None = None
        """Why no engine is alive any more."""
        self._channel = Channel()
        self._clock = DeviceClock.of(context.resources, "sample")
        self._engines = set[str]()
        """Hosts and processes of the actors that have returned a result."""
        self._groups: dict[str, Group] = {}
        """By the directory of each step."""
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read, args=(base, size), name="engines", daemon=True)
        self._thread.start()

    def submit(self, works: Sequence[Work], requests: Sequence[bytes]) -> Generator[BlockResult, None, None]:
        """Give the engines the blocks of a group; returns its results in the order in which they come.

        A caller that stops before the last one closes the iterator, which drops the group's other blocks and waits
        until no engine works on them.
        """
        steps = {work.task.step.directory: work for work in works}
        group = Group(steps, len(requests), SimpleQueue())
        with self._lock:
            if self.failure is not None:
                raise self.failure
            if not any(other.left for other in self._groups.values()):
                self._clock.skip()  # engines that waited for work worked for no step
            self._groups |= dict.fromkeys(steps, group)
        self._channel.append({step: work.task for step, work in steps.items()}, requests)
        return self._results(group)

    def close(self) -> None:
        """End the engines after the last block of the groups that have joined, and wait for that."""
        if self.failure is None:
            self._channel.close()
        self._thread.join()

    def _results(self, group: Group) -> Generator[BlockResult, None, None]:
        try:
            while group.left:
                yield self._next(group)
        finally:
            if group.left:
                self._channel.drop(list(group.works))
            while group.left:
                self._next(group)

    def _next(self, group: Group) -> BlockResult:
        result = group.results.get()
        if isinstance(result, Exception):
            group.left = 0
            raise result
        group.left -= 1
        return result

    def _read(self, base: Model | Table, size: PoolSize) -> None:
        """Give each result to its group, until the dataset ends."""
        try:
            for batch in self._dataset(base, size).iter_batches(
                batch_size=None,
                batch_format="pyarrow",
                prefetch_batches=0,  # else a result waits for the next one
            ):
                for value in batch.column(COLUMN).to_pylist():
                    self._deliver(from_row({COLUMN: value}, BlockResult))
        except Exception as error:  # of Ray or Ray Data; each group raises it
            with self._lock:
                self.failure = error
                for group in self._groups.values():
                    group.results.put(error)

    def _deliver(self, result: BlockResult) -> None:
        resources = self.context.resources
        with self._lock:
            group = self._groups[result.step]
            self._engines.add(result.engine)
            devices = len(self._engines) * (resources.gpus_per_engine or resources.cpus_per_engine)
            self._clock.take(group.works[result.step].attempt, devices, result.began)
        group.results.put(result)

    def _dataset(self, base: Model | Table, size: PoolSize) -> Any:
        from ray.data import ActorPoolStrategy

        from ray_jobs.sampling.pool.channel import open_dataset

        context, resources = self.context, self.context.resources
        pool = ActorPoolStrategy(
            min_size=size.min_engines,
            initial_size=size.initial(local_ray.available(), resources),
            max_size=size.max_engines,
            max_tasks_in_flight_per_actor=size.in_flight,
        )
        return open_dataset(self._channel).map_batches(
            Engine,
            batch_size=1,
            fn_constructor_args=(base, self.engine, self._channel, context.store, resources),
            compute=pool,
            max_concurrency=size.in_flight,
            max_restarts=ACTOR_RESTARTS,
            # Bounded by max_restarts: until Ray notices a lost node, for seconds, every retry fails at once and would
            # count.
            max_task_retries=-1,
            **engine_placement(resources),
        )
