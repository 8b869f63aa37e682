"""What one more engine of M says of a finished smoke: ids and texts of answers, log-probabilities of trained rows.

It is started as those of a run are, so its start also shows whether the second one is faster.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ray_jobs.models.configs import context_limit
from ray_jobs.models.folders import base_folder
from ray_jobs.resources.resources import Resources
from ray_jobs.resources.vllm import EngineSize, engine_placement, rounded_context
from ray_jobs.sampling.engine import Engine
from ray_jobs.sampling.inputs import Task
from w2s.graph.recipes import FineTune, Sample
from w2s.graph.step import Step, Table
from w2s.graph.trained import is_whole, trained_model
from w2s.recipe import Model
from w2s.records import Problem
from w2s.store.store import Store

Ids = Sequence[int]


@dataclass(frozen=True)
class Answer:
    """A greedy answer as the engine has it."""

    question: str
    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    """With the end token or the stop string that ended it."""
    text: str
    is_ended: bool
    """Whether an end token ended it."""


@dataclass(frozen=True)
class Seen:
    """What the engine says. Each list of log-probabilities has one less number than its row has tokens, because the
    first token has none."""

    answers: list[Answer]
    base: list[list[float]]
    """Of the rows, from the base alone; empty where M_plus is a whole model."""
    trained: list[list[float]]
    """From M_plus."""


class Probe(Engine):
    """An engine that is asked by the driver, not by blocks."""

    def __init__(self, base: Model | Table, size: EngineSize, store: Store, resources: Resources) -> None:
        nobody: Any = None  # no block comes
        super().__init__(base, size, nobody, store, resources)

    async def look(self, step: Step, problems: Sequence[Problem], rows: Sequence[Ids]) -> Seen:
        """Answer the problems greedily as sampling step `step` would, and score the rows. The engine ends then.

        Raises why the engine has not started, and what it raises.
        """
        if self.broken or self.engine is None:
            raise self.broken or RuntimeError("no engine")
        try:
            opened = await self._prepared(Task(step, (), step.name, 0))
            prompts = opened.tokens.prompts_ids([problem.question for problem in problems])
            asked = enumerate(zip(problems, prompts, strict=True))
            answers = await asyncio.gather(*(self._answer(opened, *one, number) for number, one in asked))
            alone = [] if opened.adapter is None else await self._scores(None, rows)
            return Seen(answers, alone, await self._scores(opened.adapter, rows))
        finally:
            self.engine.end()
            self.engine = None

    async def _answer(self, opened: Any, problem: Problem, prompt: list[int], number: int) -> Answer:
        from vllm import SamplingParams, TokensPrompt
        from vllm.sampling_params import RequestOutputKind

        assert self.engine is not None
        recipe = opened.task.recipe
        parameters = SamplingParams(
            temperature=0.0,
            max_tokens=recipe.sampling.max_tokens,
            stop=list(recipe.model.prompt.stop_strings),
            stop_token_ids=list(opened.tokens.end_tokens),
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        request = TokensPrompt(prompt_token_ids=prompt)
        result = await self.engine.process.generate(request, parameters, f"answer-{number}", opened.adapter)
        made = result.outputs[0]
        is_ended = made.finish_reason == "stop" and not isinstance(made.stop_reason, str)
        ids = tuple(result.prompt_token_ids), tuple(made.token_ids)
        return Answer(problem.question, *ids, made.text, is_ended)

    async def _scores(self, adapter: Any, rows: Sequence[Ids]) -> list[list[float]]:
        return await asyncio.gather(*(self._logps(adapter, row, number) for number, row in enumerate(rows)))

    async def _logps(self, adapter: Any, row: Ids, number: int) -> list[float]:
        from vllm import SamplingParams, TokensPrompt
        from vllm.sampling_params import RequestOutputKind

        assert self.engine is not None
        parameters = SamplingParams(
            max_tokens=1, temperature=0.0, prompt_logprobs=0, output_kind=RequestOutputKind.FINAL_ONLY
        )
        request = TokensPrompt(prompt_token_ids=list(row))
        name = f"logps-{'' if adapter is None else adapter.lora_name}-{number}"
        result = await self.engine.process.generate(request, parameters, name, adapter)
        entries = result.prompt_logprobs[1:]
        return [entry[token].logprob for token, entry in zip(row[1:], entries, strict=True)]


def engine_of(step: Step, longest: int) -> tuple[Model | Table, EngineSize]:
    """The base of a sampling step of M_plus, and the size of an engine for it and for rows of at most `longest`
    tokens."""
    recipe, model = step.recipe, trained_model(step)
    assert isinstance(recipe, Sample) and model is not None and isinstance(model.step.recipe, FineTune)
    limit = context_limit(base_folder(recipe.model, weights=False))
    context = min(rounded_context(longest + recipe.sampling.max_tokens), limit)
    if is_whole(model):
        return model, EngineSize(context)
    assert model.step.recipe.sft.lora is not None
    return recipe.model, EngineSize(context, adapters=1, rank=model.step.recipe.sft.lora.rank)


def look(step: Step, problems: Sequence[Problem], rows: Sequence[Ids], store: Store, resources: Resources) -> Seen:
    """`Probe.look` of an engine on the cluster, in place of those of the run, which has ended."""
    from ray_jobs.runtime import local_ray

    local_ray.start()
    import ray

    base, size = engine_of(step, max(map(len, rows)))
    actor: Any = ray.remote(Probe).options(**engine_placement(resources)).remote(base, size, store, resources)
    try:
        return ray.get(actor.look.remote(step, problems, rows))
    finally:
        ray.kill(actor)
