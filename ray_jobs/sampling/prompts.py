"""Prompts of a sampling step as token ids, and the check that they fit the model's context.

The driver tokenizes each prompt once and sends the ids to the engine, because their lengths decide the engine's context
and a prompt that is too long must be refused before an engine starts.
"""

from collections.abc import Sequence

from ray_jobs.models.tokens import Tokens
from ray_jobs.sampling.inputs import Task
from ray_jobs.sampling.results import PromptedProblem
from w2s.errors import first_line
from w2s.records import Problem


def prompted(task: Task, tokens: Tokens, problem: Problem) -> PromptedProblem:
    """A problem with the ids of its prompt, or with the reason why the prompt cannot be made."""
    try:
        return PromptedProblem(problem.problem_id, tuple(tokens.prompt_ids(problem.question, task.demonstrations)))
    except ValueError as error:
        return PromptedProblem(problem.problem_id, (), first_line(error))


def context_needed(task: Task, lengths: Sequence[tuple[int, str]], limit: int) -> int:
    """Tokens of context for the longest prompt and its completion; `lengths` holds (prompt tokens, problem_id).

    Raises ValueError where that is more than `limit`, the model's context.
    """
    max_tokens = task.recipe.sampling.max_tokens
    longest, problem_id = max(lengths, default=(0, ""))
    if longest + max_tokens > limit:
        too_long = sum(length + max_tokens > limit for length, _ in lengths)
        raise ValueError(
            f"{task.step.name}: {too_long} of {len(lengths)} prompts do not fit {task.recipe.model.name}'s context of "
            f"{limit} tokens; the longest, problem {problem_id}, has {longest} tokens with "
            f"{len(task.demonstrations)} demonstrations, and max_tokens is {max_tokens}: lower demonstrations.count or "
            "max_tokens, or take a model with a longer context"
        )
    return longest + max_tokens
