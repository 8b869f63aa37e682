"""The pools of a run, one a base: a group joins the engines of its base, or starts them.

When engines are released: ray_jobs/driver/live_engines.py.
"""

import json
import posixpath
import threading
from collections import defaultdict
from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass, field

from ray_jobs.models.adapters import ADAPTER_FILES, read_adapter
from ray_jobs.runtime.context import Context
from ray_jobs.sampling.pool.pool import Pool
from ray_jobs.sampling.pool.size import PoolSize, adapter_rank, base_of, engine_size, pool_size
from ray_jobs.sampling.results import BlockResult
from ray_jobs.sampling.step.work import Work
from w2s.graph.recipes import ForeignAdapter, Sample
from w2s.graph.step import Step
from w2s.store.store import Store


@dataclass
class Pools:
    """The engines of a run by base. `missing` and `done` are the run's steps and the names of those that are done."""

    missing: Sequence[Step]
    done: Collection[str]
    _pools: dict[str, Pool] = field(default_factory=dict[str, Pool])
    _locks: dict[str, threading.Lock] = field(default_factory=lambda: defaultdict[str, threading.Lock](threading.Lock))

    def submit(
        self, works: Sequence[Work], requests: Sequence[bytes], prompt: int, limit: int, context: Context
    ) -> Generator[BlockResult, None, None]:
        """Results of a group whose longest prompt has `prompt` tokens of the `limit` that its model has: from the live
        engines of its base or, where there are none that can take the group, from others."""
        steps = [work.task.step for work in works]
        recipe = works[0].task.recipe
        base = base_of(steps[0])

        def rank_of(step: Step) -> int:
            return adapter_rank(step, lambda foreign: foreign_rank(foreign, context.store))

        with self._locks[base]:
            pool = self._pools.get(base)
            need = engine_size(steps, prompt, limit, rank_of)
            if pool is not None and not (pool.failure is None and pool.engine.takes(need)):
                pool.close()  # first, because the others need its place
                pool = None
            if pool is None:
                names = {step.name for step in steps}
                others = [
                    step for step in self.missing if base_of(step) == base and step.name not in {*self.done, *names}
                ]
                engine = engine_size([*steps, *others], prompt, limit, rank_of)
                size = _size(works, len(requests), others, context)
                pool = self._pools[base] = Pool(steps[0].input("base") or recipe.model, engine, size, context)
            return pool.submit(works, requests)

    def alive(self, step: Step) -> bool:
        """Whether engines of the step's base are alive."""
        pool = self._pools.get(base_of(step))
        return pool is not None and pool.failure is None

    def release(self, base: str) -> None:
        """End the engines of a base; of groups that have joined, after their last block."""
        with self._locks[base]:
            if (pool := self._pools.pop(base, None)) is not None:
                pool.close()


def foreign_rank(step: Step, store: Store) -> int:
    """The rank of an adapter from elsewhere: of its copy in the store or, before that, of its folder."""
    assert isinstance(step.recipe, ForeignAdapter)
    if store.manifest(step) is None:
        config = read_adapter(step.recipe.name)[ADAPTER_FILES[0]]
    else:
        (path,) = [
            file.path for file in store.files(step["model"]) if posixpath.basename(file.path) == ADAPTER_FILES[0]
        ]
        config = store.objects.read(store.objects.path(step.directory, path))
    return int(json.loads(config)["r"])


def _size(works: Sequence[Work], blocks: int, others: Sequence[Step], context: Context) -> PoolSize:
    later = [(rows, step.recipe.sampling.n) for step in others if isinstance(step.recipe, Sample)
             and (rows := context.store.rows(dict(step.inputs)["problems"]))]  # fmt: skip
    return pool_size(blocks, sum(work.sequences for work in works), later, context.resources)
