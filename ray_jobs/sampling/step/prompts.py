"""Prompts of a sampling step as token ids, and which of them fit the model's context.

Engines make the prompts of their blocks. The driver needs two things before an engine starts: its context, and whether
too many prompts do not fit. In a large step a bound on the tokens of a question tells both for nearly all problems.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ray_jobs.models.tokens import Tokens
from ray_jobs.sampling.inputs import Task
from ray_jobs.sampling.results import PromptedProblem
from w2s.errors import first_line
from w2s.records import Problem

MAX_TOO_LONG_SHARE = 0.05
"""Share of a step's problems whose prompts may be too long for the context; one problem always may."""
ALL_ENCODED = 10_000
"""Problems up to which the driver encodes all prompts of a step, for seconds, because the bound is several times the
tokens: with more context than it needs, an engine of later steps could not be the one that is alive."""
AT_ONCE = 500
"""Prompts that the driver encodes together."""


def prompted(task: Task, tokens: Tokens, problems: Sequence[Problem]) -> list[PromptedProblem]:
    """Problems with the ids of their prompts, or with the reason why a prompt cannot be made."""
    try:
        encoded = tokens.prompts_ids([problem.question for problem in problems], task.demonstrations)
    except ValueError as error:
        if len(problems) == 1:
            return [PromptedProblem(problems[0].problem_id, (), first_line(error))]
        return [made for problem in problems for made in prompted(task, tokens, [problem])]
    return [PromptedProblem(problem.problem_id, tuple(ids)) for problem, ids in zip(problems, encoded, strict=True)]


def fitted(task: Task, problem: PromptedProblem, limit: int) -> PromptedProblem:
    """The problem as it goes to the engine: without its ids, and with a reason, if they exceed the context of `limit`
    tokens together with a completion."""
    length, max_tokens = len(problem.prompt_ids), task.recipe.sampling.max_tokens
    if length + max_tokens <= limit:
        return problem
    why = f"its prompt of {length} tokens and max_tokens={max_tokens} exceed the context of {limit} tokens"
    return PromptedProblem(problem.problem_id, (), why)


@dataclass
class Lengths:
    """What is known of the lengths of a step's prompts before an engine starts.

    They share the `limit` tokens of the model's context with their completions. Prompts that do not fit are left out:
    their completions carry the reason.
    """

    task: Task
    tokens: Tokens
    limit: int
    all_encoded: bool = False
    """Whether all prompts are encoded, and not only those that may not fit."""
    longest: int = 0
    """No prompt that fits has more tokens."""
    problems: int = 0
    too_long: dict[str, int] = field(default_factory=dict[str, int])
    """Tokens of the prompts that do not fit, by problem_id."""

    def look(self, problems: Sequence[Problem]) -> None:
        """Take a part of the step's problems."""
        self.problems += len(problems)
        room, doubtful = self.limit - self.task.recipe.sampling.max_tokens, problems
        if not self.all_encoded:
            most = [self._blank + self.tokens.most_ids(problem.question) for problem in problems]
            self.longest = max([self.longest, *(length for length in most if length <= room)])
            doubtful = [problem for problem, length in zip(problems, most, strict=True) if length > room]
        for problem_id, length in self._exact(doubtful):
            if length > room:
                self.too_long[problem_id] = length
            else:
                self.longest = max(self.longest, length)

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

    def _exact(self, problems: Sequence[Problem]) -> Iterator[tuple[str, int]]:
        """The tokens of each problem's prompt; 0 where it cannot be made."""
        for start in range(0, len(problems), AT_ONCE):
            for problem in prompted(self.task, self.tokens, problems[start : start + AT_ONCE]):
                yield problem.problem_id, len(problem.prompt_ids)

    @cached_property
    def _blank(self) -> int:
        """Tokens of a prompt with next to no question."""
        (blank,) = prompted(self.task, self.tokens, [Problem("", "?")])
        if blank.error:
            raise ValueError(f"{self.task.step.name}: no prompt can be made: {blank.error}")
        return len(blank.prompt_ids)
