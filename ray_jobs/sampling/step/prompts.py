"""Prompts of a sampling step as token ids, and which of them fit the model's context.

The driver tokenizes each prompt once and sends the ids to the engine, because their lengths decide the engine's context
and which prompts are too long must be known before an engine starts.
"""

from dataclasses import dataclass, field

from ray_jobs.models.tokens import Tokens
from ray_jobs.sampling.inputs import Task
from ray_jobs.sampling.results import PromptedProblem
from w2s.errors import first_line
from w2s.records import Problem

MAX_TOO_LONG_SHARE = 0.05
"""Share of a step's problems whose prompts may be too long for the context; one problem always may."""


def prompted(task: Task, tokens: Tokens, problem: Problem) -> PromptedProblem:
    """A problem with the ids of its prompt, or with the reason why the prompt cannot be made."""
    try:
        return PromptedProblem(problem.problem_id, tuple(tokens.prompt_ids(problem.question, task.demonstrations)))
    except ValueError as error:
        return PromptedProblem(problem.problem_id, (), first_line(error))


@dataclass
class Prompts:
    """The prompts of a sampling step, which share the `limit` tokens of the model's context with their completions.

    Prompts that do not fit are left out: their completions carry the reason.
    """

    task: Task
    limit: int
    longest: int = 0
    """Tokens of the longest prompt that fits."""
    problems: int = 0
    too_long: dict[str, int] = field(default_factory=dict[str, int])
    """Tokens of the prompts that do not fit, by problem_id."""

    def take(self, problem: PromptedProblem) -> PromptedProblem:
        """The problem as it goes to the engine: without its ids, and with a reason, if they do not fit."""
        self.problems += 1
        length, max_tokens = len(problem.prompt_ids), self.task.recipe.sampling.max_tokens
        if length + max_tokens <= self.limit:
            self.longest = max(self.longest, length)
            return problem
        self.too_long[problem.problem_id] = length
        why = f"its prompt of {length} tokens and max_tokens={max_tokens} exceed the context of {self.limit} tokens"
        return PromptedProblem(problem.problem_id, (), why)

    def check(self) -> None:
        """Raise ValueError if more prompts do not fit than may be left out."""
        allowed = max(1, int(MAX_TOO_LONG_SHARE * self.problems))
        if not self.too_long or (len(self.too_long) <= allowed and self.longest):
            return
        problem_id, longest = max(self.too_long.items(), key=lambda item: item[1])
        recipe = self.task.recipe
        raise ValueError(
            f"{self.task.step.name}: {len(self.too_long)} of {self.problems} prompts do not fit {recipe.model.name}'s "
            f"context of {self.limit} tokens, and {MAX_TOO_LONG_SHARE:.0%} may be left out; the longest, problem "
            f"{problem_id}, has {longest} tokens with {len(self.task.demonstrations)} demonstrations, and max_tokens "
            f"is {recipe.sampling.max_tokens}: lower demonstrations.count or max_tokens, leave long questions out with "
            "`where`, or take a model with a longer context"
        )
