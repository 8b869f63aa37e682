"""Several weak models as one teacher: their answers are put to a vote, weighted by how often each agrees with others.

A model that errs in its own way agrees with few (Dawid and Skene's one-coin model, 1979, in its first step). No gold is
read. What stands is a whole completion of one member, which keeps that model's name.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from w2s.method.classes import Classes, classify
from w2s.method.join import by_problem
from w2s.method.tally import Tally
from w2s.recipe import Answers
from w2s.records import Completion, Problem

Members = Sequence[Sequence[Completion]]
"""The completions of each member, at most one a problem; the first member has number 1."""


@dataclass(frozen=True, slots=True)
class Voted:
    """The completions that stand, in order of problem_id."""

    completions: list[Completion] = field(default_factory=list[Completion])
    tally: Tally = field(default_factory=Tally)
    """problems; outcomes {unanimous, majority, open, unreadable, missing}; stands, by the member whose completion it
    is."""


def count_agreement(problems: Sequence[Problem], members: Members, answers: Answers) -> Tally:
    """`agrees`, how often two members give the same answer; where that is undecided, they count as neither."""
    tally = Tally()
    for _, found, classes in _answered(problems, members, answers):
        for one, other in combinations(found, 2):
            same = found[one] == found[other]
            if same or classes.differ(found[one], found[other]):
                tally.share("agrees", f"{one} and {other}", of=same)
    return tally


def weights_of(tally: Tally, members: int) -> tuple[float, ...]:
    """Each member's weight: its mean share of agreement with the others, or 1 for all where none ever agrees."""
    shares: defaultdict[int, list[float]] = defaultdict(list)
    for one, other in combinations(range(1, members + 1), 2):
        key = "agrees", f"{one} and {other}"
        if together := tally.get((*key, "denominator"), 0.0):
            for number in (one, other):
                shares[number].append(tally[*key, "numerator"] / together)
    means = tuple(sum(shares[n]) / max(1, len(shares[n])) for n in range(1, members + 1))
    return means if any(means) else (1.0,) * members


def vote_of(problems: Sequence[Problem], members: Members, weights: Sequence[float], answers: Answers) -> Voted:
    """The completion of the heaviest member among those whose answer has the most weight.

    Where two answers weigh the same, or where the lead could be lost if undecided comparisons turned out equal, the
    vote is open, and the heaviest readable member stands; of equal weights the first. Without a readable answer the
    heaviest member's completion stands as it is, so that every problem with a completion keeps one.

    Raises ValueError if a member has two completions of a problem, or one of an unknown problem.
    """
    voted = Voted()
    for given, found, classes in _answered(problems, members, answers):
        voted.tally.count("problems")
        if not given:
            voted.tally.count("outcomes", "missing")
            continue
        totals: defaultdict[str, float] = defaultdict(float)
        for number, answer in found.items():
            totals[answer] += weights[number - 1]
        best = max(totals, key=lambda answer: totals[answer], default=None)
        leads = best is not None and all(
            totals[best] > _reach(answer, best, totals, classes) + 1e-12 for answer in totals if answer != best
        )
        outcome = "unreadable" if not found else "unanimous" if len(totals) == 1 else "majority" if leads else "open"
        voting = [number for number in found if not leads or found[number] == best] or list(given)
        stands = max(voting, key=lambda number: (weights[number - 1], -number))
        voted.completions.append(replace(given[stands], sample=0))
        voted.tally.count("outcomes", outcome)
        voted.tally.count("stands", f"member_{stands}")
    return voted


def _reach(answer: str, best: str, totals: dict[str, float], classes: Classes) -> float:
    """The most weight that `answer` may have, with the answers other than `best` that it may be equal to."""
    return totals[answer] + sum(
        totals[other] for other in totals if other not in (answer, best) and not classes.differ(answer, other)
    )


def _answered(
    problems: Sequence[Problem], members: Members, answers: Answers
) -> Iterator[tuple[dict[int, Completion], dict[int, str], Classes]]:
    """Of each problem the completions by member, the classes of those that have one by member, and all classes."""
    tables = [by_problem(rows, problems, f"the completions of member {n}") for n, rows in enumerate(members, 1)]
    for problem in sorted(problems, key=lambda p: p.problem_id):
        given = {n: rows[problem.problem_id] for n, rows in enumerate(tables, 1) if problem.problem_id in rows}
        classes = classify(problem, list(given.values()), answers)
        found = {number: one for number, one in zip(given, classes.by_completion, strict=True) if isinstance(one, str)}
        yield given, found, classes
