"""Which of the weak model's completions the strong model is shown in its prompt (paper.md, stage I.2, "Weak ICL")."""

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from w2s.answers import Unreadable, answer_class
from w2s.method.join import by_problem
from w2s.recipe import Answers, Demonstrations
from w2s.records import Completion, Demonstration, Problem
from w2s.seed import derived_seed


@dataclass
class Candidates:
    """The best so far, and how many could not be used, by reason."""

    best: list[tuple[int, int, str, Demonstration]] = field(default_factory=list[tuple[int, int, str, Demonstration]])
    """In the order in which they would stand in the prompt: (-length or 0, hash, problem_id, demonstration)."""
    usable: int = 0
    rejected: Counter[str] = field(default_factory=Counter[str])


def choose_demonstrations(
    parts: Iterable[tuple[Sequence[Problem], Sequence[Completion]]], demonstrations: Demonstrations, answers: Answers
) -> list[Demonstration]:
    """`demonstrations.count` of the weak model's completions, right or wrong, in the order they stand in the prompt.

    Of the problems whose completion finished and has a readable answer those with the smallest hash of (seed, problem_id), with
    `choice="longest"` those with the longest completions first: a problem added to the set changes at most one of them. One without an
    answer would teach the strong model not to give one. `parts` are the problems and their completions, one a problem, all at once or some
    at a time: only the best are kept.

    Raises ValueError, with the counts by reason, where fewer than `count` are readable, and where a problem_id repeats.
    """
    found = Candidates()
    for problems, completions in parts:
        _add(found, problems, completions, demonstrations, answers)
    if found.usable < demonstrations.count:
        reasons = ", ".join(f"{count} {reason}" for reason, count in found.rejected.most_common()) or "none"
        raise ValueError(
            f"demonstrations.count is {demonstrations.count}, but of {found.usable + found.rejected.total()} weak completions only "
            f"{found.usable} finished with a readable answer (not usable: {reasons}); lower demonstrations.count, raise greedy.max_tokens if "
            f"many are truncated, or set answers.family (now {answers.family!r}) to the marker the weak model writes"
        )
    return [demonstration for *_, demonstration in found.best]


def _add(
    found: Candidates,
    problems: Sequence[Problem],
    completions: Sequence[Completion],
    demonstrations: Demonstrations,
    answers: Answers,
) -> None:
    by_id = by_problem(completions, problems, "the weak completions")
    for problem in problems:
        completion = by_id.get(problem.problem_id)
        if completion is None:
            found.rejected["missing"] += 1
            continue
        answer = answer_class(completion, problem.kind, answers)
        if isinstance(answer, Unreadable):
            found.rejected[answer.reason] += 1
        elif not answer or completion.finish_reason != "stop":
            found.rejected["truncated" if completion.finish_reason == "length" else "empty"] += 1
        else:
            length = len(completion.text.strip()) if demonstrations.choice == "longest" else 0
            shown = Demonstration(problem.problem_id, problem.question, completion.text.rstrip())
            found.usable += 1
            found.best.append(
                (-length, derived_seed(demonstrations.seed, problem.problem_id), problem.problem_id, shown)
            )
    found.best = heapq.nsmallest(demonstrations.count, found.best)
