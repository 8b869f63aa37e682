"""Prompts that exceed the context are left out and counted, up to a share of the step's problems; only prompts that
may be too long are encoded before an engine of a large step starts."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from ray_jobs.sampling.results import PromptedProblem
from ray_jobs.sampling.step.prompts import Lengths, fitted, prompted
from w2s.records import Problem

MARGIN = 9
"""What the bound of the made tokenizer adds."""


class Words:
    """A tokenizer of words: a prompt has those of its question, a bound MARGIN more than these."""

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def prompts_ids(self, questions: Sequence[str], shown: Any = ()) -> list[list[int]]:
        if "refused" in questions:
            raise ValueError("the template fails")
        self.encoded += questions
        return [list(range(len(question.split()))) for question in questions]

    def most_ids(self, question: str) -> int:
        return len(question.split()) + MARGIN


def task(max_tokens: int = 20) -> Any:
    recipe = SimpleNamespace(sampling=SimpleNamespace(max_tokens=max_tokens), model=SimpleNamespace(name="tiny"))
    return SimpleNamespace(step=SimpleNamespace(name="weak_completions"), recipe=recipe, demonstrations=())


def asked(lengths: list[int]) -> list[Problem]:
    return [Problem(f"p{number}", "w " * length) for number, length in enumerate(lengths)]


def looked(lengths: list[int], all_encoded: bool = False) -> tuple[Lengths, list[str]]:
    """The problems, looked at in two parts, with a context of 100 tokens; and what was encoded."""
    words: Any = Words()
    made = Lengths(task(), words, 100, all_encoded)
    problems = asked(lengths)
    for part in (problems[:2], problems[2:]):
        made.look(part)
    return made, [question for question in words.encoded if question != "?"]


def test_prompts_that_certainly_fit_are_not_encoded() -> None:
    made, encoded = looked([10, 70, 71, 80])
    made.check()
    assert [len(question.split()) for question in encoded] == [71, 80], "71 + MARGIN + 1 of a blank prompt exceed 80"
    assert made.longest == 80 and made.problems == 4 and not made.too_long
    made, encoded = looked([10, 50])
    assert made.longest == 50 + MARGIN + 1 and not encoded
    made, encoded = looked([10, 50, 81], all_encoded=True)
    assert made.longest == 50 and len(encoded) == 3 and made.too_long == {"p2": 81}


@pytest.mark.parametrize("lengths", [[10, 81], [10] * 38 + [81, 5000]])
def test_a_few_that_do_not_fit_are_left_out_with_the_reason(lengths: list[int]) -> None:
    made, _ = looked(lengths)
    made.check()
    words: Any = Words()
    engine = [fitted(task(), problem, 100) for problem in prompted(task(), words, asked(lengths))]
    left_out = [problem for problem in engine if problem.error]
    assert {problem.problem_id for problem in left_out} == set(made.too_long)
    assert len(left_out) == sum(length > 80 for length in lengths) and made.longest == 10 + MARGIN + 1
    assert all(problem.prompt_ids == () for problem in left_out)
    assert left_out[0].error == "its prompt of 81 tokens and max_tokens=20 exceed the context of 100 tokens"
    assert all(len(problem.prompt_ids) == 10 for problem in engine if not problem.error)


def test_a_prompt_that_cannot_be_made_leaves_the_others_alone() -> None:
    words: Any = Words()
    made = prompted(task(), words, [Problem("a", "one"), Problem("b", "refused"), Problem("c", "one two")])
    assert made == [PromptedProblem("a", (0,)), PromptedProblem("b", (), "ValueError: the template fails"),
                    PromptedProblem("c", (0, 1))]  # fmt: skip


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([81], r"weak_completions: 1 of 1 prompts do not fit tiny's context of 100 tokens.*problem p0, has 81 tokens"),
        ([10] * 36 + [81, 90, 85], r"3 of 39 prompts .*5% may be left out; the longest, problem p37, has 90 tokens"),
        ([10, 81, 82], r"2 of 3 prompts .*lower demonstrations.count or max_tokens, leave long questions out"),
    ],
)
def test_more_than_a_share_are_the_end_of_the_step(lengths: list[int], message: str) -> None:
    made, _ = looked(lengths)
    with pytest.raises(ValueError, match=message):
        made.check()
