"""What one more engine of M says of a finished tiny run: ids and texts of answers, log-probabilities of trained rows.

It is started as the engines of a run are.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ray_jobs.models.configs import context_limit
from ray_jobs.models.folders import base_folder
from ray_jobs.resources.resources import Resources
from ray_jobs.resources.vllm import EngineSize, engine_placement, rounded_context
from ray_jobs.runtime import local_ray
from ray_jobs.sampling.engine import Engine, Opened
from ray_jobs.sampling.inputs import Task
from ray_jobs.sampling.process import EngineProcess
from ray_jobs.sampling.requests import parameters
from w2s.graph.recipes import FineTune, Sample
from w2s.graph.step import Step, Table
from w2s.graph.trained import trained_model
from w2s.recipe import Model
from w2s.records import Problem
from w2s.store.store import Store

Ids = Sequence[int]


@dataclass(frozen=True)
class Answer:
    """A sampled answer as the engine has it."""

    question: str
    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    """With the end token or the stop string that ended it."""
    text: str
    is_ended: bool
    """Whether an end token ended it."""


@dataclass(frozen=True)
class Seen:
    """What the engine says. A row of n tokens has n - 1 log-probabilities, because the first token has none."""

    answers: list[Answer]
    base: list[list[float]]
    """Of the rows, from the base alone; empty where no adapter is on it."""
    trained: list[list[float]]
    """From the model of the step."""
    start_seconds: float = 0.0
    """From the request for the actor to its engine's readiness."""
    kv_tokens: int = 0
    """Tokens that the engine's KV cache holds."""


class Probe:
    """An actor whose engine the driver asks; no block comes to it."""

    def __init__(self, base: Model | Table, size: EngineSize, store: Store, resources: Resources) -> None:
        nobody: Any = None
        self.asked = Engine(base, size, nobody, store, resources)

    async def ready(self) -> None:
        """Returns once the engine has started, or has not."""

    async def look(self, step: Step, problems: Sequence[Problem], rows: Sequence[Ids]) -> Seen:
        """`seen` by this engine, which ends then. Raises why it has not started, and what it raises."""
        if self.asked.engine is None:
            raise self.asked.broken or AssertionError("without an engine there is a reason")
        try:
            return await seen(self.asked, step, problems, rows)
        finally:
            self.asked.engine.end()
            self.asked.engine = None


def look(step: Step, problems: Sequence[Problem], rows: Sequence[Ids], store: Store, resources: Resources) -> Seen:
    """`seen` by an engine on the cluster, in place of those of the run, which has ended."""
    local_ray.start()
    import ray

    base, size = _engine_of(step, max(map(len, rows)))
    began = time.monotonic()
    actor: Any = ray.remote(Probe).options(**engine_placement(resources)).remote(base, size, store, resources)
    try:
        ray.get(actor.ready.remote())
        start_seconds = time.monotonic() - began
        found: Seen = ray.get(actor.look.remote(step, problems, rows))
        return replace(found, start_seconds=start_seconds)
    finally:
        ray.kill(actor)


def _engine_of(step: Step, longest: int) -> tuple[Model | Table, EngineSize]:
    """The base of a step that samples from M_plus, and the size of an engine that takes rows of `longest` tokens."""
    recipe, model = step.recipe, trained_model(step)
    assert isinstance(recipe, Sample) and model is not None and isinstance(model.step.recipe, FineTune)
    limit, lora = context_limit(base_folder(recipe.model, weights=False)), model.step.recipe.sft.lora
    context = min(rounded_context(longest + recipe.sampling.max_tokens), limit)
    return (model, EngineSize(context)) if lora is None else (recipe.model, EngineSize(context, 1, lora.rank))


async def seen(engine: Engine, step: Step, problems: Sequence[Problem], rows: Sequence[Ids]) -> Seen:
    """The engine's answer to each problem, drawn as sampling step `step` draws its own, and its scores of rows."""
    assert engine.engine is not None
    process = engine.engine.process
    opened = await engine._prepared(Task(step, (), step.name, 0))
    prompts = opened.tokens.prompts_ids([problem.question for problem in problems])
    asked = enumerate(zip(problems, prompts, strict=True))
    answers = await asyncio.gather(*(_answer(process, opened, *one, number) for number, one in asked))
    base = await _scores(process, None, rows) if opened.adapter else []
    trained = await _scores(process, opened.adapter, rows)
    return Seen(answers, base, trained, kv_tokens=process.kv_tokens)


async def _answer(process: EngineProcess, opened: Opened, problem: Problem, prompt: list[int], number: int) -> Answer:
    from vllm import TokensPrompt

    asked = parameters(opened.task.recipe, opened.tokens.end_tokens, number, n=1)
    name, request = f"answer-{number}", TokensPrompt(prompt_token_ids=prompt)
    result = await process.generate(request, asked, name, opened.adapter)
    made = result.outputs[0]
    is_ended = made.finish_reason == "stop" and not isinstance(made.stop_reason, str)
    return Answer(problem.question, tuple(result.prompt_token_ids), tuple(made.token_ids), made.text, is_ended)


async def _scores(process: EngineProcess, adapter: Any, rows: Sequence[Ids]) -> list[list[float]]:
    """The log-probability of each token of each row but its first.

    Row by row: vLLM 0.32.0 kills an engine with adapters that scores two rows in one step on CPU, because it applies an
    adapter to one token of a request alone (`punica_cpu.add_lora_logits`).
    """
    from vllm import SamplingParams, TokensPrompt
    from vllm.sampling_params import RequestOutputKind

    once = RequestOutputKind.FINAL_ONLY
    asked = SamplingParams(max_tokens=1, temperature=0.0, prompt_logprobs=0, output_kind=once)
    scores: list[list[float]] = []
    for number, row in enumerate(rows):
        name = f"{adapter.lora_name if adapter else 'base'}-row-{number}"
        result = await process.generate(TokensPrompt(prompt_token_ids=list(row)), asked, name, adapter)
        entries = result.prompt_logprobs[1:]
        scores.append([entry[token].logprob for token, entry in zip(row[1:], entries, strict=True)])
    return scores
