"""The vLLM actor: one engine a replica, blocks of problems in, files of completions out.

The engine is a process of its own below the actor. Where it dies the actor starts another one and gives it what was in flight;
ray_jobs/suspects.py finds the requests that kill it. Where the actor itself is lost, Ray starts it again and repeats its blocks.
"""

import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray_jobs.blocks import Blocks
from ray_jobs.guard import Guard
from ray_jobs.models import adapter_folder, base_folder
from ray_jobs.resources import Resources, engine_arguments, engine_environment
from ray_jobs.suspects import DEATHS_ALONE, Suspects
from ray_jobs.tokens import Tokens, load_tokenizer
from w2s.records import Completion, Demonstration
from w2s.seed import derived_seed
from w2s.step import Step
from w2s.step_recipes import Sample
from w2s.store import Store

LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""Values vLLM takes for max_lora_rank."""
ENGINE_STARTS = 2
"""Times an engine's start is tried before the step fails; what vLLM refuses as a ValueError is not tried again."""
DEATHS_IN_VAIN = 8
"""Deaths of an engine in a row, with no request finished or found guilty between, after which the step fails."""

logger = logging.getLogger(__name__)


class EngineLost(RuntimeError):
    """There is no engine any more, or none worth starting again."""


class RequestFailed(Exception):
    """The engine cannot do one request: it was alone in flight when the engine died, `DEATHS_ALONE` times, or broke off by itself."""


@dataclass(frozen=True)
class Task:
    """One sampling step as the engine sees it."""

    step: Step
    demonstrations: tuple[Demonstration, ...]
    model: str
    """What `Completion.model` says."""
    most_failed: int
    """Problems that may fail before the step does."""

    @property
    def recipe(self) -> Sample:
        """The step's recipe."""
        assert isinstance(self.step.recipe, Sample)
        return self.step.recipe


class Engine:
    """An `AsyncLLM` in a Ray Data actor.

    All tasks share one base model; a request names its task's adapter. Blocks overlap (`max_concurrency`), so the engine never
    drains between them. A block's file is written whole, here, before the block is reported: what was reported is never lost, and of
    what was not less than a block (ray_jobs/blocks.py).

    An engine that vLLM refuses to make, that cannot be started or kept alive, or that more requests kill than `Task.most_failed`, is
    said in the block's row: what an actor raises, Ray Data wraps until the reason is gone, and may try again.
    """

    def __init__(self, tasks: list[Task], store: Store, resources: Resources, max_model_len: int) -> None:
        os.environ.update(engine_environment(resources))
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.lora.request import LoRARequest

        self.tasks, self.blocks = tasks, Blocks([task.step for task in tasks], store)
        model = tasks[0].recipe.model
        folder = base_folder(model)
        self.tokens = {task.step.name: Tokens(load_tokenizer(folder), task.recipe.model.prompt) for task in tasks}
        tables = {task.step.name: task.step.input("adapter") for task in tasks}
        folders = {name: adapter_folder(store, table) for name, table in tables.items() if table is not None}
        # Known by content: vLLM's prefix cache goes by an adapter's name and path.
        distinct = sorted(set(folders.values()))
        requests = {folder: LoRARequest(folder.name, number, str(folder)) for number, folder in enumerate(distinct, 1)}
        self.adapters = {name: requests[folders[name]] if name in folders else None for name in tables}
        lora: dict[str, Any] = {}
        if distinct:
            rank = max(map(_rank, distinct))
            lora = {"enable_lora": True, "max_loras": len(distinct), "max_lora_rank": next(r for r in LORA_RANKS if r >= rank)}
        self.arguments = AsyncEngineArgs(
            model=str(folder),
            trust_remote_code=False,
            enable_prefix_caching=True,
            disable_log_stats=True,
            generation_config="vllm",  # the recipe decides; a model folder's own sampling defaults do not
            **engine_arguments(resources, max_model_len),
            **lora,
        )
        self.suspects = Suspects()
        self.changed = asyncio.Condition()
        """Notified when `suspects` may let others run."""
        self.restarts = self.repeated = 0
        self.broken: Exception | None = None
        """Why no block can be sampled any more."""
        try:
            self.llm = self._start()
        except (ValueError, EngineLost) as error:
            self.broken = error

    def _start(self) -> Any:
        from vllm.v1.engine.async_llm import AsyncLLM

        for attempt in range(1, ENGINE_STARTS + 1):
            try:
                llm = AsyncLLM.from_engine_args(self.arguments)
                self.guard = Guard(llm)
                return llm
            except ValueError:  # the user's: a model or an argument that vLLM does not take
                raise
            except Exception as error:  # vLLM raises RuntimeError, TimeoutError and more where its process does not come up
                logger.exception("the engine did not start, attempt %d of %d", attempt, ENGINE_STARTS)
                if attempt == ENGINE_STARTS:
                    raise EngineLost(f"the engine of {self.arguments.model} did not start {ENGINE_STARTS} times: {error}") from error

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
            "error": [str(self.broken or "")],
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
            ids = self.tokens[task.step.name].prompt_ids(question, task.demonstrations)
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
            return [Completion(problem_id, i, task.model, "", "error", len(ids), 0, seed, reason) for i in range(sampling.n)]
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
                engine = self.llm
            try:
                prompt, adapter = TokensPrompt(prompt_token_ids=ids), self.adapters[task.step.name]
                (result,) = [r async for r in engine.generate(prompt, parameters, key, lora_request=adapter)]
            except (EngineDeadError, EngineGenerateError) as error:
                if not engine.errored:  # this request's alone
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

    async def _restart(self, dead: Any) -> None:
        """Put another engine in the place of `dead`, once, whichever request saw it first."""
        async with self.changed:
            if dead is not self.llm:
                return
            self.repeated += len(self.suspects.running)
            self.restarts += 1
            self.suspects.died()
            if self.suspects.deaths_in_vain >= DEATHS_IN_VAIN:
                raise EngineLost(f"the engine died {DEATHS_IN_VAIN} times and no request was finished between")
            logger.warning("the engine died: starting another; %d groups of suspects", len(self.suspects.groups))
            await asyncio.to_thread(self.end)
            try:
                self.llm = await asyncio.to_thread(self._start)
            except ValueError as error:  # it had started before: not the user's
                raise EngineLost(f"the engine did not start again: {error}") from error
            self.changed.notify_all()

    def _count_guilty(self, task: Task) -> None:
        """Raises EngineLost where the step's killers are too many to go on: each costs engine starts."""
        prefix = f"{task.step.directory}/"
        guilty = sorted(key.removeprefix(prefix) for key in self.suspects.guilty if key.startswith(prefix))
        if len(guilty) > task.most_failed:
            raise EngineLost(f"{task.step.name}: problems {', '.join(guilty)} kill the engine, more than the {task.most_failed} that may fail")

    def end(self) -> None:
        """End the engine, and see that its processes are gone."""
        self.llm.shutdown()
        self.guard.end()

    def __del__(self) -> None:
        if hasattr(self, "llm"):
            self.end()


def _rank(adapter: Path) -> int:
    return int(json.loads((adapter / "adapter_config.json").read_text())["r"])
