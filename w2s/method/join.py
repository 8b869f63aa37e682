"""Rows joined by problem_id, never by position."""

from collections import Counter
from collections.abc import Sequence

from w2s.records import Completion, Problem


def by_problem(completions: Sequence[Completion], problems: Sequence[Problem], table: str) -> dict[str, Completion]:
    """Completions by problem_id, for tables with one completion a problem; `table` names it in errors.

    Raises ValueError where a problem_id repeats in either, or a completion's problem is not among `problems`.
    """
    known = {p.problem_id for p in problems}
    if len(known) < len(problems):
        repeated = [problem_id for problem_id, count in Counter(p.problem_id for p in problems).items() if count > 1]
        raise ValueError(
            f"{len(repeated)} problem ids repeat in the problems, among them {repeated[0]!r}: ids must be unique"
        )
    found: dict[str, Completion] = {}
    for completion in completions:
        problem_id = completion.problem_id
        if problem_id in found:
            raise ValueError(
                f"{table} hold problem {problem_id!r} more than once: sample with n=1, or select one sample first"
            )
        if problem_id not in known:
            raise ValueError(
                f"{table} hold problem {problem_id!r}, not among the {len(known)} problems: two splits are mixed"
            )
        found[problem_id] = completion
    return found
