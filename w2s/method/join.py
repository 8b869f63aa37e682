"""Completions joined to problems by problem_id, never by row position.

A completion of an unknown problem is an error and not dropped, because it means that two splits are mixed.
"""

from collections import Counter
from collections.abc import Sequence

from w2s.records import Completion, Problem


def by_problem(completions: Sequence[Completion], problems: Sequence[Problem], table: str) -> dict[str, Completion]:
    """Completions by problem_id, for a table with at most one completion a problem; `table` names it in errors.

    Raises ValueError if a problem_id repeats in either table, or a completion's problem is not among `problems`.
    """
    known = {problem.problem_id for problem in problems}
    if len(known) < len(problems):
        counts = Counter(problem.problem_id for problem in problems)
        repeated = [problem_id for problem_id, count in counts.items() if count > 1]
        raise ValueError(
            f"{len(repeated)} problem ids repeat in the problems, among them {repeated[0]!r}: ids must be unique"
        )
    joined: dict[str, Completion] = {}
    for completion in completions:
        problem_id = completion.problem_id
        if problem_id in joined:
            raise ValueError(
                f"{table} hold problem {problem_id!r} more than once: sample with n=1, or select one sample first"
            )
        check_known(problem_id, known, table)
        joined[problem_id] = completion
    return joined


def check_known(problem_id: str, known: set[str], table: str) -> None:
    """Raise ValueError if a completion's problem is not among the `known` ids; `table` names the completions."""
    if problem_id not in known:
        raise ValueError(
            f"{table} hold problem {problem_id!r}, not among the {len(known)} problems: two splits are mixed"
        )
