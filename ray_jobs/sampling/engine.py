"""The Ray Data actor that samples blocks with one vLLM engine: requests for blocks in, files of completions out.

The engine runs in processes below the actor. A dead engine is replaced by the actor (ray_jobs/sampling/recovery.py); a
lost actor is replaced by Ray, which also repeats the actor's blocks.
"""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

from ray_jobs.models.folders import cache_folder
from ray_jobs.resources.resources import Resources
from ray_jobs.resources.vllm import engine_environment
from ray_jobs.sampling.blocks import Blocks
from ray_jobs.sampling.inputs import Task, fetch_inputs
from ray_jobs.sampling.process import EngineProcess
from ray_jobs.sampling.recovery import EngineLost, RestartingEngine, retried
from ray_jobs.sampling.requests import sample_problem
from ray_jobs.sampling.results import COLUMN, BlockCounts, BlockRequest, BlockResult, PromptedProblem, from_row, to_row
from w2s.records import Completion
from w2s.store.lease.heartbeat import check_shared
from w2s.store.store import Store


class Engine:
    """An engine for all tasks of a group, which share one base model; each request names its task's adapter.

    Blocks overlap (`max_concurrency`), so the engine never drains between them. The actor writes a block's file before
    it returns the block's result, so a returned result is never lost.

    Every failure comes back as a block's result, never as an exception: Ray Data wraps exceptions until the reason is
    gone, and Ray does not restart an actor whose constructor raises.
    """

    def __init__(self, tasks: list[Task], store: Store, resources: Resources, max_model_len: int) -> None:
        self.engine: RestartingEngine | None = None
        self.tasks = tasks
        self.broken: Exception | None = None
        """Why no block can be sampled any more."""
        self._checked: set[str] = set()
        """Names of the steps whose adapters the engine has taken."""
        try:
            os.environ.update(engine_environment(resources, cache_folder()))
            check_shared(store.objects, store.run)
            self.blocks = retried("the store could not be read", lambda: Blocks([task.step for task in tasks], store))
            self.inputs = retried(
                "model and adapters could not be fetched", lambda: fetch_inputs(tasks, store, resources, max_model_len)
            )
            self.engine = RestartingEngine(self._start)
        except (ValueError, EngineLost) as error:
            self.broken = error

    def _start(self) -> EngineProcess:
        failure = f"the engine of {self.inputs.arguments.model} did not start"
        return retried(failure, lambda: EngineProcess(self.inputs.arguments))

    async def __call__(self, batch: dict[str, Any]) -> AsyncIterator[dict[str, list[Any]]]:
        """Sample one block: `batch` holds the row of one BlockRequest, and the yielded batch the row of its
        BlockResult."""
        request = from_row({name: values[0] for name, values in batch.items()}, BlockRequest)
        result = await self.sample_block(request)
        yield {COLUMN: [to_row(result)[COLUMN]]}

    async def sample_block(self, request: BlockRequest) -> BlockResult:
        """Sample the problems of a block that have no completions in the store, and write the block's file."""
        began = time.time()
        counts: BlockCounts | None = None
        sampled: list[list[Completion]] = []
        if self.broken is None:
            task = self.tasks[request.task]
            try:
                by_id = await self.blocks.begin(task.step, request.block, len(request.problems))
                await self._check_adapter(task)
                missing = [problem for problem in request.problems if problem.problem_id not in by_id]
                sampled = await asyncio.gather(*(self._sample(task, request.block, problem) for problem in missing))
                by_id |= {completions[0].problem_id: completions for completions in sampled}
                ids = [problem.problem_id for problem in request.problems]
                completions = [completion for problem_id in ids for completion in by_id[problem_id]]
                counts = await self.blocks.finish(task.step, request.block, completions, ids, task.recipe.sampling.n)
            except (EngineLost, ValueError) as error:  # ValueError: a file of an earlier engine is damaged or foreign
                self.broken = error
        restarts, repeated = self.engine.take_counts() if self.engine else (0, 0)
        return BlockResult(
            task=request.task,
            block=request.block,
            problems=len(request.problems),
            counts=counts,
            sampled_tokens=sum(completion.completion_tokens for rows in sampled for completion in rows),
            error=" ".join(str(self.broken or "").split()),
            user_error=isinstance(self.broken, ValueError),
            restarts=restarts,
            repeated=repeated,
            engine=f"{socket.gethostname()}:{os.getpid()}",
            began=began,
            ended=time.time(),
        )

    async def _check_adapter(self, task: Task) -> None:
        """Check before a step's first request that the engine applies all of its adapter."""
        name = task.step.name
        if self.engine is None or name in self._checked or (adapter := self.inputs.adapters[name]) is None:
            return
        try:
            await self.engine.process.check_adapter(adapter)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        self._checked.add(name)

    async def _sample(self, task: Task, block: int, problem: PromptedProblem) -> list[Completion]:
        assert self.engine is not None, "an actor without an engine is broken"
        completions = await sample_problem(self.engine, task, problem, self.inputs.adapters[task.step.name])
        await self.blocks.add(task.step, block, completions)
        return completions

    def __del__(self) -> None:
        if self.engine is not None:
            self.engine.end()
