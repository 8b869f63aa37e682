"""The vLLM actor: one engine a replica, blocks of problems in, files of completions out.

The engine is a process of its own below the actor. Where it dies the actor starts another one and gives it what was in flight;
ray_jobs/sampling/suspects.py finds the requests that kill it. Where the actor itself is lost, Ray starts it again and repeats its blocks.
"""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from ray_jobs.resources.resources import Resources
from ray_jobs.resources.vllm import engine_environment
from ray_jobs.sampling.blocks import Blocks
from ray_jobs.sampling.inputs import Task, fetch_inputs
from ray_jobs.sampling.process import EngineProcess
from ray_jobs.sampling.suspects import DEATHS_ALONE, Suspects
from w2s.records import Completion
from w2s.seed import derived_seed
from w2s.store.lease.leases import check_shared
from w2s.store.store import Store

ENGINE_STARTS = 2
"""Times it is tried to fetch what an engine needs, and to start it, before the step fails; what is refused with a ValueError is not tried
again."""
PAUSE_SECONDS = 5
"""Between two tries."""
DEATHS_IN_VAIN = 8
"""Deaths of an engine in a row, with no request finished or found guilty between, after which the step fails."""

Made = TypeVar("Made")
logger = logging.getLogger(__name__)


class EngineLost(RuntimeError):
    """There is no engine any more, or none worth starting again."""


class RequestFailed(Exception):
    """The engine cannot do one request: it was alone in flight when the engine died, `DEATHS_ALONE` times, or broke off by itself."""


class Engine:
    """An `AsyncLLM` in a Ray Data actor.

    All tasks share one base model; a request names its task's adapter. Blocks overlap (`max_concurrency`), so the engine never
    drains between them. A block's file is written whole, here, before the block is reported: what was reported is never lost, and of
    what was not less than a block (ray_jobs/sampling/blocks.py).

    An engine that vLLM refuses to make, that cannot be started or kept alive, or that more requests kill than `Task.most_failed`, is
    said in the block's row, and so is what cannot be fetched for it: what an actor raises, Ray Data wraps until the reason is gone, and
    may try again; an actor whose constructor raises, Ray does not start again.
    """

    def __init__(self, tasks: list[Task], store: Store, resources: Resources, max_model_len: int) -> None:
        os.environ.update(engine_environment(resources))
        self.tasks = tasks
        self.suspects = Suspects()
        self.changed = asyncio.Condition()
        """Notified when `suspects` may let others run."""
        self.restarts = self.repeated = 0
        self.broken: Exception | None = None
        """Why no block can be sampled any more."""
        try:
            check_shared(store)
            self.blocks = _tried("the store could not be read", lambda: Blocks([task.step for task in tasks], store))
            self.inputs = _tried(
                "model and adapters could not be fetched", lambda: fetch_inputs(tasks, store, resources, max_model_len)
            )
            self.process = self._start()
        except (ValueError, EngineLost) as error:
            self.broken = error

    def _start(self) -> EngineProcess:
        return _tried(
            f"the engine of {self.inputs.arguments.model} did not start", lambda: EngineProcess(self.inputs.arguments)
        )

    async def __call__(self, batch: dict[str, Any]) -> AsyncIterator[dict[str, list[Any]]]:
        """Sample what the store has not of one block: `batch` has one row (task, block, problem_ids, questions); yields its counts, or
        why there is none."""
        began, sampled = time.time(), list[list[Completion]]()
        task = self.tasks[int(batch["task"][0])]
        block, ids, questions = int(batch["block"][0]), list(batch["problem_ids"][0]), list(batch["questions"][0])
        if self.broken is None:
            try:
                found = await self.blocks.begin(task.step, block, len(ids))
                missing = [(i, q) for i, q in zip(ids, questions, strict=True) if i not in found]
                sampled = await asyncio.gather(*(self._problem(task, block, i, q) for i, q in missing))
                by_id = found | {rows[0].problem_id: rows for rows in sampled}
                await self.blocks.finish(task.step, block, [completion for i in ids for completion in by_id[i]])
            except (EngineLost, ValueError) as error:  # the second where a file of an earlier engine is damaged
                self.broken = error
        (restarts, self.restarts), (repeated, self.repeated) = (self.restarts, 0), (self.repeated, 0)
        yield {
            "task": [int(batch["task"][0])],
            "block": [block],
            "problems": [len(ids)],
            "completion_tokens": [sum(one.completion_tokens for rows in sampled for one in rows)],
            "error": [" ".join(str(self.broken or "").split())],
            "refused": [isinstance(self.broken, ValueError)],
            "restarts": [restarts],
            "repeated": [repeated],
            "began": [began],
            "ended": [time.time()],
        }

    async def _problem(self, task: Task, block: int, problem_id: str, question: str) -> list[Completion]:
        """Sample one problem of a block."""
        completions = await self._completions(task, problem_id, question)
        await self.blocks.add(task.step, block, completions)
        return completions

    async def _completions(self, task: Task, problem_id: str, question: str) -> list[Completion]:
        """The n samples of one problem, one engine request; a request the engine refuses gives n rows that say why."""
        from vllm import SamplingParams
        from vllm.exceptions import GenerationError, VLLMClientError
        from vllm.sampling_params import RequestOutputKind

        sampling, prompt = task.recipe.sampling, task.recipe.model.prompt
        seed = derived_seed(sampling.seed, problem_id) // 2  # room for vLLM's child seeds, seed .. seed + n - 1
        ids: list[int] = []
        try:
            ids = self.inputs.tokens[task.step.name].prompt_ids(question, task.demonstrations)
            parameters = SamplingParams(
                n=sampling.n,
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                max_tokens=sampling.max_tokens,
                seed=seed if sampling.temperature > 0 else None,
                stop=list(prompt.stop),
                output_kind=RequestOutputKind.FINAL_ONLY,
            )
            result = await self._generate(task, problem_id, ids, parameters)
            assert len(result.outputs) == sampling.n, f"{len(result.outputs)} samples, not {sampling.n}"
        except (ValueError, VLLMClientError, GenerationError, RequestFailed) as error:  # the word on this one request
            reason = f"{type(error).__name__}: {error}"[:500]
            return [
                Completion(problem_id, i, task.model, "", "error", len(ids), 0, seed, reason) for i in range(sampling.n)
            ]
        return [
            Completion(
                problem_id=problem_id,
                sample=output.index,
                model=task.model,
                text=output.text,
                finish_reason="length" if output.finish_reason == "length" else "stop",
                prompt_tokens=len(ids),
                completion_tokens=len(output.token_ids),
                seed=seed,
            )
            for output in sorted(result.outputs, key=lambda output: output.index)
        ]

    async def _generate(self, task: Task, problem_id: str, ids: list[int], parameters: Any) -> Any:
        """The engine's answer to one request, over as many engines as it takes.

        Raises RequestFailed where the request kills them, and what vLLM raises for a request it refuses.
        """
        from vllm import TokensPrompt
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        key = f"{task.step.directory}/{problem_id}"
        while True:
            async with self.changed:
                await self.changed.wait_for(lambda: self.suspects.may_run(key))
                self.suspects.started(key)
                engine = self.process
            try:
                result = await engine.generate(
                    TokensPrompt(prompt_token_ids=ids), parameters, key, self.inputs.adapters[task.step.name]
                )
            except (EngineDeadError, EngineGenerateError) as error:
                if not engine.dead:  # this request's alone
                    await self._finished(key)
                    raise RequestFailed(f"{type(error).__name__}: {error.__cause__ or error}") from error
                await self._restart(engine)
                if key in self.suspects.guilty:
                    self._count_guilty(task)
                    raise RequestFailed(f"alone in the engine when it died, {DEATHS_ALONE} times") from error
            except Exception:
                await self._finished(key)
                raise
            else:
                await self._finished(key)
                return result

    async def _finished(self, key: str) -> None:
        async with self.changed:
            self.suspects.finished(key)
            self.changed.notify_all()

    async def _restart(self, dead: EngineProcess) -> None:
        """Put another engine in the place of `dead`, once, whichever request saw it first."""
        async with self.changed:
            if dead is not self.process:
                return
            self.repeated += len(self.suspects.running)
            self.restarts += 1
            self.suspects.died()
            if self.suspects.deaths_in_vain >= DEATHS_IN_VAIN:
                raise EngineLost(f"the engine died {DEATHS_IN_VAIN} times and no request was finished between")
            logger.warning("the engine died: starting another; %d groups of suspects", len(self.suspects.groups))
            await asyncio.to_thread(dead.end)
            try:
                self.process = await asyncio.to_thread(self._start)
            except ValueError as error:  # it had started before: not the user's
                raise EngineLost(f"the engine did not start again: {error}") from error
            self.changed.notify_all()

    def _count_guilty(self, task: Task) -> None:
        """Raises EngineLost where the step's killers are too many to go on: each costs engine starts."""
        prefix = f"{task.step.directory}/"
        guilty = sorted(key.removeprefix(prefix) for key in self.suspects.guilty if key.startswith(prefix))
        if len(guilty) > task.most_failed:
            raise EngineLost(
                f"{task.step.name}: problems {', '.join(guilty)} kill the engine, more than the {task.most_failed} that may fail"
            )

    def __del__(self) -> None:
        if hasattr(self, "process"):
            self.process.end()


def _tried(failure: str, do: Callable[[], Made]) -> Made:
    """What `do` returns, tried `ENGINE_STARTS` times.

    Raises ValueError at once, for what the user has to change, and EngineLost, which says `failure`, after the last time.
    """
    attempt = 0
    while True:
        attempt += 1
        try:
            return do()
        except ValueError:
            raise
        except Exception as error:  # vLLM raises RuntimeError, TimeoutError and more where its process does not come up; stores and hubs theirs
            logger.exception("%s, attempt %d of %d", failure, attempt, ENGINE_STARTS)
            if attempt == ENGINE_STARTS:
                raise EngineLost(f"{failure}, {ENGINE_STARTS} times: {error}") from error
        time.sleep(PAUSE_SECONDS)
