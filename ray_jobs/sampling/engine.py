"""The Ray Data actor that samples blocks with one vLLM engine: requests for blocks in, files of completions out.

The engine runs in processes below the actor. A dead engine is replaced by the actor (ray_jobs/sampling/recovery.py); a
lost actor is replaced by Ray, which also repeats the actor's blocks.
"""

import asyncio
import os
import socket
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from ray_jobs.models.configs import context_limit
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from ray_jobs.resources.resources import Resources
from ray_jobs.resources.vllm import EngineSize, engine_environment
from ray_jobs.sampling.blocks import Blocks
from ray_jobs.sampling.inputs import Adapters, Task, base_arguments
from ray_jobs.sampling.process import EngineProcess
from ray_jobs.sampling.recovery import EngineLost, RestartingEngine, StepLost, retried
from ray_jobs.sampling.requests import sample_problem
from ray_jobs.sampling.results import COLUMN, BlockCounts, BlockRequest, BlockResult, PromptedProblem, from_row, to_row
from ray_jobs.sampling.step.problems import Problems
from ray_jobs.sampling.step.prompts import fitted, prompted
from w2s.data.location import cache_folder
from w2s.graph.step import Step, Table
from w2s.recipe import Model
from w2s.records import Completion, Problem
from w2s.store.lease.heartbeat import check_shared
from w2s.store.store import Store


class Tasks(Protocol):
    """Where an engine learns of the steps whose blocks it gets (ray_jobs/sampling/pool/channel.py)."""

    async def task(self, step: str) -> Task:
        """The task of the step with this directory."""
        ...

    async def dropped(self, known: int) -> list[str]:
        """All steps that have failed, in their order, once there are more than the `known`: nobody waits for their
        blocks."""
        ...


@dataclass(frozen=True)
class Opened:
    """A step that the engine samples: its task, what makes its prompts, and vLLM's `LoRARequest` or None."""

    task: Task
    tokens: Tokens
    limit: int
    """The model's context in tokens."""
    adapter: Any


class Engine:
    """An engine for all steps of one base model, also for those that begin while it lives; each block names its step.

    Blocks overlap (`max_concurrency`), so the engine never drains between them. The actor writes a block's file before
    it returns the block's result, so a returned result is never lost.

    Every failure comes back as a block's result, never as an exception: Ray Data wraps exceptions until the reason is
    gone, and Ray does not restart an actor whose constructor raises. A failure that is one step's leaves the others
    alone.
    """

    def __init__(self, base: Model | Table, size: EngineSize, tasks: Tasks, store: Store, resources: Resources) -> None:
        self.engine: RestartingEngine | None = None
        self.tasks = tasks
        self.broken: Exception | None = None
        """Why no block can be sampled any more."""
        self.refused: dict[str, Exception] = {}
        """Why no block of a step can be sampled any more, by the step's directory."""
        self.blocks, self.adapters, self.problems = Blocks(store), Adapters(store), Problems(store)
        self._encoding = threading.Lock()
        """Held while prompts are encoded, because each use of a tokenizer sets it."""
        self._dropping: asyncio.Task[None] | None = None
        self._opened: dict[str, Opened] = {}
        self._opening = defaultdict[str, asyncio.Lock](asyncio.Lock)
        self._requests = defaultdict[str, set[asyncio.Future[list[Completion]]]](set)
        """Requests in flight by the step's directory."""
        try:
            os.environ.update(engine_environment(resources, cache_folder()))
            check_shared(store.objects, store.run)
            self.arguments = retried(
                "the model could not be fetched", lambda: base_arguments(base, store, resources, size)
            )
            self.engine = RestartingEngine(self._start)
        except (ValueError, EngineLost) as error:
            self.broken = error

    def _start(self) -> EngineProcess:
        failure = f"the engine of {self.arguments.model} did not start"
        return retried(failure, lambda: EngineProcess(self.arguments))

    async def __call__(self, batch: dict[str, Any]) -> AsyncIterator[dict[str, list[Any]]]:
        """Sample one block: `batch` holds the row of one BlockRequest, and the yielded batch the row of its
        BlockResult."""
        request = from_row({name: values[0] for name, values in batch.items()}, BlockRequest)
        result = await self.sample_block(request)
        yield {COLUMN: [to_row(result)[COLUMN]]}

    async def sample_block(self, request: BlockRequest) -> BlockResult:
        """Sample the problems of a block that have no completions in the store, and write the block's file."""
        began = time.time()
        if self._dropping is None:
            self._dropping = asyncio.create_task(self._drop())
        counts: BlockCounts | None = None
        sampled: list[list[Completion]] = []
        if self._error(request.step) is None:
            try:
                opened = await self._open(request.step)
                step = opened.task.step
                problems = await asyncio.to_thread(self._read, step, request)
                by_id = await self.blocks.begin(step, request.block, len(problems))
                missing = [problem for problem in problems if problem.problem_id not in by_id]
                prompts = await asyncio.to_thread(self._prompts, opened, missing)
                sampled = await self._sample(opened, request.block, prompts)
                by_id |= {completions[0].problem_id: completions for completions in sampled}
                ids = [problem.problem_id for problem in problems]
                completions = [completion for problem_id in ids for completion in by_id[problem_id]]
                counts = await self.blocks.finish(step, request.block, completions, ids, opened.task.recipe.sampling.n)
            except EngineLost as error:
                self.broken = error
            except (ValueError, StepLost) as error:  # ValueError: an earlier engine's file is damaged
                self._refuse(request.step, error)
            except asyncio.CancelledError:
                if self._error(request.step) is None:
                    raise
        restarts, repeated = self.engine.take_counts() if self.engine else (0, 0)
        error = self._error(request.step)
        return BlockResult(
            step=request.step,
            block=request.block,
            counts=counts,
            sampled_tokens=sum(completion.completion_tokens for rows in sampled for completion in rows),
            error="" if counts else " ".join(str(error).split()),
            user_error=isinstance(error, ValueError),
            restarts=restarts,
            repeated=repeated,
            engine=f"{socket.gethostname()}:{os.getpid()}",
            began=began,
            ended=time.time(),
        )

    def _error(self, step: str) -> Exception | None:
        return self.broken or self.refused.get(step)

    def _refuse(self, step: str, error: Exception) -> None:
        """Sample no block of a step any more, and end its requests."""
        self.refused.setdefault(step, error)
        for request in self._requests[step]:
            request.cancel()

    async def _drop(self) -> None:
        """Refuse each step as soon as the driver has dropped it."""
        known = 0
        while True:
            steps = await self.tasks.dropped(known)
            for step in steps[known:]:
                self._refuse(step, StepLost(f"{step} has failed"))
            known = len(steps)

    async def _open(self, step: str) -> Opened:
        """What the engine needs to sample a step; at the step's first block its files are listed and its adapter is
        fetched and checked."""
        async with self._opening[step]:
            if step not in self._opened:
                self._opened[step] = await self._prepared(await self.tasks.task(step))
        return self._opened[step]

    async def _prepared(self, task: Task) -> Opened:
        assert self.engine is not None, "an actor without an engine is broken"
        failure = "adapters could not be fetched"
        await asyncio.to_thread(retried, "the store could not be read", lambda: self.blocks.open(task.step))
        adapter = await asyncio.to_thread(retried, failure, lambda: self.adapters.fetch(task.step))
        if adapter is not None:
            try:
                await self.engine.process.check_adapter(adapter)
            except ValueError as error:
                raise ValueError(f"{task.step.name}: {error}") from error
        tokens = Tokens(await asyncio.to_thread(lambda: self._tokenizer), task.recipe.model.prompt)
        return Opened(task, tokens, context_limit(Path(self.arguments.model)), adapter)

    @cached_property
    def _tokenizer(self) -> Any:
        return load_tokenizer(Path(self.arguments.model))

    def _read(self, step: Step, request: BlockRequest) -> list[Problem]:
        return retried("the store could not be read", lambda: self.problems.read(step, request.rows))

    def _prompts(self, opened: Opened, problems: list[Problem]) -> list[PromptedProblem]:
        """The problems with their prompts; those that exceed the model's context are without."""
        with self._encoding:
            made = prompted(opened.task, opened.tokens, problems)
        return [fitted(opened.task, problem, opened.limit) for problem in made]

    async def _sample(self, opened: Opened, block: int, problems: list[PromptedProblem]) -> list[list[Completion]]:
        """The completions of each problem. The first request that raises ends the block's others."""
        step = opened.task.step.directory
        if step in self.refused:  # while it was opened
            raise self.refused[step]
        in_flight = self._requests[step]
        requests = [asyncio.ensure_future(self._sample_problem(opened, block, problem)) for problem in problems]
        in_flight.update(requests)
        try:
            return await asyncio.gather(*requests)
        finally:
            in_flight.difference_update(requests)
            for request in requests:
                request.cancel()

    async def _sample_problem(self, opened: Opened, block: int, problem: PromptedProblem) -> list[Completion]:
        assert self.engine is not None, "an actor without an engine is broken"
        completions = await sample_problem(self.engine, opened.task, problem, opened.adapter)
        await self.blocks.add(opened.task.step, block, completions)
        return completions

    def __del__(self) -> None:
        if self.engine is not None:
            self.engine.end()
