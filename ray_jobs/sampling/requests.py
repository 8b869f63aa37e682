"""One engine request: the n samples of one problem, as completions.

A request that fails gives n completions that carry the reason, because every (problem, sample) must be in the table.
"""

from collections.abc import Iterable
from typing import Any

from ray_jobs.sampling.inputs import Task
from ray_jobs.sampling.recovery import RequestFailed, RestartingEngine
from ray_jobs.sampling.results import PromptedProblem
from w2s.errors import first_line
from w2s.graph.recipes import Sample
from w2s.records import Completion
from w2s.seed import derived_seed

ERROR_CHARACTERS = 500
"""Longest reason that a failed completion carries."""


async def sample_problem(
    engine: RestartingEngine, task: Task, problem: PromptedProblem, adapter: Any
) -> list[Completion]:
    """The n completions of one problem, from one request to `engine` with vLLM's `LoRARequest` or None."""
    from vllm.exceptions import GenerationError, VLLMClientError

    sampling = task.recipe.sampling
    seed = derived_seed(sampling.seed, problem.problem_id) // 2  # room for vLLM's child seeds, seed .. seed + n - 1
    if problem.error:
        return _failed(task, problem, seed, problem.error)
    try:
        asked = parameters(task.recipe, task.end_tokens, seed, sampling.n)
        result = await engine.generate(task, problem.problem_id, list(problem.prompt_ids), asked, adapter)
        assert len(result.outputs) == sampling.n, f"{len(result.outputs)} samples, not {sampling.n}"
        reasons = {str(output.finish_reason) for output in result.outputs}
        if other := reasons - {"stop", "length"}:  # "abort" for example: the text is not whole
            raise RequestFailed(f"the engine ended it with {', '.join(sorted(other))}")
    except (ValueError, VLLMClientError, GenerationError, RequestFailed) as error:  # about this one request
        return _failed(task, problem, seed, first_line(error))
    return [
        Completion(
            problem_id=problem.problem_id,
            sample=output.index,
            model=task.model,
            text=output.text,
            finish_reason="length" if output.finish_reason == "length" else "stop",
            prompt_tokens=len(problem.prompt_ids),
            completion_tokens=len(output.token_ids),
            seed=seed,
            **_ended_by(output, task),
        )
        for output in sorted(result.outputs, key=lambda output: output.index)
    ]


def _ended_by(output: Any, task: Task) -> dict[str, str]:
    """The stop string or the end token that ended one output of vLLM; nothing where max_tokens did."""
    if output.finish_reason == "length":
        return {}
    if isinstance(output.stop_reason, str):
        return {"stop_string": output.stop_reason}
    last = output.token_ids[-1]  # vLLM keeps an end token among the ids
    return {"stop_token": task.end_tokens.get(last, str(last))}


def parameters(recipe: Sample, end_tokens: Iterable[int], seed: int, n: int) -> Any:
    """vLLM's `SamplingParams` of `n` samples as `recipe` draws them; any of `end_tokens` ends one."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    sampling = recipe.sampling
    return SamplingParams(
        n=n,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        max_tokens=sampling.max_tokens,
        seed=seed if sampling.temperature > 0 else None,
        stop=list(recipe.model.prompt.stop_strings),
        stop_token_ids=list(end_tokens),
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def _failed(task: Task, problem: PromptedProblem, seed: int, reason: str) -> list[Completion]:
    reason, prompt_tokens = reason[:ERROR_CHARACTERS], len(problem.prompt_ids)
    return [
        Completion(problem.problem_id, sample, task.model, "", "error", prompt_tokens, 0, seed, reason)
        for sample in range(task.recipe.sampling.n)
    ]
