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
    samples: Sequence[Completion],
    problems: Sequence[Problem],
    greedy: Sequence[Completion] = (),
    more: Sequence[Completion] = (),
) -> Mapping[str, list[Completion]]:
    """Samples by problem_id, in order of sample number; `more` samples follow, then `greedy` ones, at most one each.

    What follows is numbered on from the last sample. The order of rows changes nothing.

    Raises ValueError if a (problem_id, sample) repeats or a completion's problem is unknown.
    """
    known = {problem.problem_id for problem in problems}
    found = _grouped(samples, known, "the samples")
    single = by_problem(greedy, problems, "the greedy completions")
    for later in (_grouped(more, known, "the further samples"), {name: [one] for name, one in single.items()}):
        for problem_id, group in later.items():
            before = found.setdefault(problem_id, [])
            first = before[-1].sample + 1 if before else 0
            before += [replace(completion, sample=first + number) for number, completion in enumerate(group)]
    return found


def _grouped(completions: Sequence[Completion], known: set[str], table: str) -> dict[str, list[Completion]]:
    grouped: defaultdict[str, list[Completion]] = defaultdict(list)
    for completion in completions:
        check_known(completion.problem_id, known, table)
        grouped[completion.problem_id].append(completion)
    return {problem_id: in_sample_order(group) for problem_id, group in grouped.items()}


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
