"""One request's samples as completions: what ended each, and that only `stop` is whole. The engine is a fake one."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from ray_jobs.sampling.inputs import Task
from ray_jobs.sampling.requests import sample_problem
from ray_jobs.sampling.results import PromptedProblem
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import Sample
from w2s.graph.step import step
from w2s.recipe import Sampling, WorldProblems
from w2s.records import Completion

pytestmark = pytest.mark.slow  # vLLM is imported


def sampled(**output: Any) -> Completion:
    made = SimpleNamespace(index=0, text="t", token_ids=[5, 9], **output)

    class Engine:
        async def generate(self, *_: Any) -> Any:
            return SimpleNamespace(outputs=[made])

    recipe = Sample(model=quickstart().strong, sampling=Sampling())
    task = Task(step("s", recipe, problems=step("p", WorldProblems())["test"]), (), "m", 0, {9: "<|im_end|>"})
    engine: Any = Engine()
    (completion,) = asyncio.run(sample_problem(engine, task, PromptedProblem("p", (1, 2)), None))
    return completion


@pytest.mark.parametrize(
    ("reason", "stop_reason", "expected"),
    [
        ("stop", None, ("stop", "", "<|im_end|>")),
        ("stop", 9, ("stop", "", "<|im_end|>")),
        ("stop", "Answer", ("stop", "Answer", "")),
        ("length", None, ("length", "", "")),
        ("abort", None, ("error", "", "")),
        ("repetition", "repetition_detected", ("error", "", "")),
        (None, None, ("error", "", "")),
    ],
)
def test_what_ended_a_completion(reason: str | None, stop_reason: Any, expected: tuple[str, str, str]) -> None:
    found = sampled(finish_reason=reason, stop_reason=stop_reason)
    assert (found.finish_reason, found.stop_string, found.stop_token) == expected
    assert (found.text == "t") == (expected[0] != "error") and bool(found.error) == (expected[0] == "error")
