"""Completions joined to problems by problem_id, never by row position.

A completion of an unknown problem is an error and not dropped, because it means that two splits are mixed.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

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


def samples_by_problem(
    samples: Sequence[Completion], problems: Sequence[Problem], greedy: Sequence[Completion] = ()
) -> Mapping[str, list[Completion]]:
    """Samples by problem_id, in order of sample number; `greedy` completions, at most one a problem, come last.

    A greedy completion takes the number after the last sample's. The order of rows changes nothing.

    Raises ValueError if a (problem_id, sample) repeats or a completion's problem is unknown.
    """
    known = {problem.problem_id for problem in problems}
    grouped: defaultdict[str, list[Completion]] = defaultdict(list)
    for sample in samples:
        check_known(sample.problem_id, known, "the samples")
        grouped[sample.problem_id].append(sample)
    found = {problem_id: in_sample_order(group) for problem_id, group in grouped.items()}
    for problem_id, completion in by_problem(greedy, problems, "the greedy completions").items():
        group = found.setdefault(problem_id, [])
        group.append(replace(completion, sample=group[-1].sample + 1 if group else 0))
    return found


def in_sample_order(samples: Sequence[Completion]) -> list[Completion]:
    """One problem's samples by sample number. Raises ValueError if a number repeats."""
    ordered = sorted(samples, key=lambda sample: sample.sample)
    for sample, following in pairwise(ordered):
        if sample.sample == following.sample:
            raise ValueError(
                f"problem {sample.problem_id!r} has sample {sample.sample} more than once: "
                f"(problem_id, sample) must be unique"
            )
    return ordered
