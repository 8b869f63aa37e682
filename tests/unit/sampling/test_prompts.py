"""Prompts that exceed the context are left out and counted, up to a share of the step's problems."""

from types import SimpleNamespace
from typing import Any

import pytest

from ray_jobs.sampling.results import PromptedProblem
from ray_jobs.sampling.step.prompts import Prompts


def prompts(lengths: list[int], limit: int = 100, max_tokens: int = 20) -> tuple[Prompts, list[PromptedProblem]]:
    recipe = SimpleNamespace(sampling=SimpleNamespace(max_tokens=max_tokens), model=SimpleNamespace(name="tiny"))
    task: Any = SimpleNamespace(step=SimpleNamespace(name="weak_completions"), recipe=recipe, demonstrations=())
    made = Prompts(task, limit)
    return made, [made.take(PromptedProblem(f"p{i}", tuple(range(n)))) for i, n in enumerate(lengths)]


def test_a_prompt_that_fits_goes_to_the_engine_as_it_is() -> None:
    made, taken = prompts([80, 10])
    made.check()
    assert [len(problem.prompt_ids) for problem in taken] == [80, 10] and not made.too_long
    assert made.longest == 80 and not any(problem.error for problem in taken)


@pytest.mark.parametrize("lengths", [[10, 81], [10] * 38 + [81, 5000]])
def test_a_few_that_do_not_fit_are_left_out_with_the_reason(lengths: list[int]) -> None:
    made, taken = prompts(lengths)
    made.check()
    left_out = [problem for problem in taken if problem.error]
    assert {problem.problem_id for problem in left_out} == set(made.too_long)
    assert len(left_out) == sum(length > 80 for length in lengths) and made.longest == 10
    assert all(problem.prompt_ids == () for problem in left_out)
    assert left_out[0].error == "its prompt of 81 tokens and max_tokens=20 exceed the context of 100 tokens"


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([81], r"weak_completions: 1 of 1 prompts do not fit tiny's context of 100 tokens.*problem p0, has 81 tokens"),
        ([10] * 36 + [81, 90, 85], r"3 of 39 prompts .*5% may be left out; the longest, problem p37, has 90 tokens"),
        ([10, 81, 82], r"2 of 3 prompts .*lower demonstrations.count or max_tokens, leave long questions out"),
    ],
)
def test_more_than_a_share_are_the_end_of_the_step(lengths: list[int], message: str) -> None:
    made, _ = prompts(lengths)
    with pytest.raises(ValueError, match=message):
        made.check()
