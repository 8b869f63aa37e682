"""The vLLM actor: one engine a replica, blocks of problems in, files of completions out."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray_jobs.models import adapter_folder, base_folder
from ray_jobs.resources import Resources, engine_arguments, engine_environment
from ray_jobs.tokens import Tokens, load_tokenizer
from w2s.attempt import parquet_bytes
from w2s.records import Completion, Demonstration
from w2s.seed import derived_seed
from w2s.step import Step
from w2s.step_recipes import Sample
from w2s.store import Store

LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""Values vLLM takes for max_lora_rank."""
ENGINE_DIED = 70
"""Exit code of an actor whose engine died: Ray then starts another one and repeats the block."""


@dataclass(frozen=True)
class Task:
    """One sampling step as the engine sees it."""

    step: Step
    demonstrations: tuple[Demonstration, ...]
    model: str
    """What `Completion.model` says."""

    @property
    def recipe(self) -> Sample:
        """The step's recipe."""
        assert isinstance(self.step.recipe, Sample)
        return self.step.recipe


def block_path(step: Step, block: int) -> str:
    """Where a block's completions are, relative to the step's directory."""
    return f"blocks/{block:06d}.parquet"


class Engine:
    """An `AsyncLLM` in a Ray Data actor.

    All tasks share one base model; a request names its task's adapter. Blocks overlap (`max_concurrency`), so the engine never
    drains between them. A block's file is written whole, here, before the block is reported: what was reported is never lost.
    """

    def __init__(self, tasks: list[Task], store: Store, resources: Resources, max_model_len: int) -> None:
        os.environ.update(engine_environment(resources))
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.lora.request import LoRARequest
        from vllm.v1.engine.async_llm import AsyncLLM

        self.tasks, self.store = tasks, store
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
        arguments = AsyncEngineArgs(
            model=str(folder),
            trust_remote_code=False,
            enable_prefix_caching=True,
            disable_log_stats=True,
            generation_config="vllm",  # the recipe decides; a model folder's own sampling defaults do not
            **engine_arguments(resources, max_model_len),
            **lora,
        )
        self.llm = AsyncLLM.from_engine_args(arguments)

    async def __call__(self, batch: dict[str, Any]) -> AsyncIterator[dict[str, list[Any]]]:
        """Sample one block: `batch` has one row (task, block, problem_ids, questions); yields its counts."""
        began = time.time()
        task = self.tasks[int(batch["task"][0])]
        block, ids, questions = int(batch["block"][0]), list(batch["problem_ids"][0]), list(batch["questions"][0])
        samples = await asyncio.gather(*(self._problem(task, i, q) for i, q in zip(ids, questions, strict=True)))
        completions = [completion for one in samples for completion in one]
        path = self.store.path(task.step.directory, block_path(task.step, block))
        await asyncio.to_thread(self.store.create, path, parquet_bytes(completions, Completion))  # the first writer of a block stands
        yield {
            "task": [int(batch["task"][0])],
            "block": [block],
            "problems": [len(ids)],
            "completions": [len(completions)],
            "completion_tokens": [sum(c.completion_tokens for c in completions)],
            "began": [began],
            "ended": [time.time()],
        }

    async def _problem(self, task: Task, problem_id: str, question: str) -> list[Completion]:
        """The n samples of one problem, one engine request; a request the engine refuses gives n rows that say why."""
        from vllm import SamplingParams, TokensPrompt
        from vllm.exceptions import GenerationError, VLLMClientError
        from vllm.sampling_params import RequestOutputKind
        from vllm.v1.engine.exceptions import EngineDeadError

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
            request = f"{task.step.directory}/{problem_id}"
            adapter = self.adapters[task.step.name]
            (result,) = [r async for r in self.llm.generate(TokensPrompt(prompt_token_ids=ids), parameters, request, lora_request=adapter)]
            assert len(result.outputs) == sampling.n, f"{len(result.outputs)} samples, not {sampling.n}"
        except EngineDeadError:
            os._exit(ENGINE_DIED)  # an exception would be retried on this actor, whose engine is dead; its exit is what Ray restarts
        except (ValueError, VLLMClientError, GenerationError) as error:  # the tokenizer's or the engine's word on this one request
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

    def __del__(self) -> None:
        if hasattr(self, "llm"):
            self.llm.shutdown()


def _rank(adapter: Path) -> int:
    return int(json.loads((adapter / "adapter_config.json").read_text())["r"])
