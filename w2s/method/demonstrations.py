"""Which weak completions go into the strong model's prompt as demonstrations (the paper, stage I.2, "Weak ICL").

Gold plays no part: a demonstration may be wrong, because nobody checks the weak model's work.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence

from w2s.answers import Unreadable
from w2s.method.join import by_problem
from w2s.method.outcomes import listed, most_frequent_first
from w2s.method.whole import answer_of, part_read
from w2s.recipe import Answers, Demonstrations
from w2s.records import Completion, Demonstration, Problem
from w2s.seed import derived_seed

Candidate = tuple[int, int, str, Demonstration]
"""(-length or 0, hash of (seed, problem_id), problem_id, demonstration), so that sorting gives the prompt's order."""


def choose_demonstrations(
    shards: Iterable[tuple[Sequence[Problem], Sequence[Completion]]], rule: Demonstrations, answers: Answers
) -> list[Demonstration]:
    """`rule.count` weak completions, right or wrong, in the order of the prompt.

    The candidates are finished completions with a readable answer, because a demonstration without an answer would
    teach the strong model to give none. The smallest hashes of (seed, problem_id) win, with `choice="longest"` the
    longest completions first: adding a problem changes at most one demonstration. `shards` are problems with their
    completions, one a problem; memory holds one shard and the best candidates.

    Raises ValueError, with the counts by reason, if there are fewer than `count` candidates or a problem_id repeats.
    """
    best: list[Candidate] = []
    usable, unusable = 0, Counter[str]()
    for problems, completions in shards:
        by_id = by_problem(completions, problems, "the weak completions")
        for problem in problems:
            completion = by_id.get(problem.problem_id)
            if obstacle := _obstacle(problem, completion, answers):
                unusable[obstacle] += 1
                continue
            assert completion is not None
            usable += 1
            best.append(_candidate(problem, completion, rule))
        best = heapq.nsmallest(rule.count, best)
    if usable < rule.count:
        raise ValueError(
            f"demonstrations.count is {rule.count}, but of {usable + unusable.total()} weak completions only {usable} "
            f"finished with a readable answer (not usable: {listed(most_frequent_first(unusable)) or 'none'}); lower "
            f"demonstrations.count, raise greedy.max_tokens if many are truncated, or set answers.family (now "
            f"{answers.family!r}) to the marker the weak model writes"
        )
    return [demonstration for *_, demonstration in best]


def _obstacle(problem: Problem, completion: Completion | None, answers: Answers) -> str:
    """Why a completion cannot be a demonstration; empty if it can."""
    if completion is None:
        return "missing"
    answer = answer_of(completion, problem.kind, answers)
    if isinstance(answer, Unreadable):
        return answer.reason
    return "" if answer else "empty"


def _candidate(problem: Problem, completion: Completion, rule: Demonstrations) -> Candidate:
    text = part_read(completion.text)
    length = len(text.strip()) if rule.choice == "longest" else 0
    demonstration = Demonstration(problem.problem_id, problem.question, text)
    return -length, derived_seed(rule.seed, problem.problem_id), problem.problem_id, demonstration
