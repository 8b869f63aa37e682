"""Which problems get further samples: those on which the first samples are divided. It reads no gold."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from w2s.method.classes import classify
from w2s.method.join import samples_by_problem
from w2s.method.tally import Tally
from w2s.method.votes import vote
from w2s.recipe import Answers, MoreSamples
from w2s.records import Completion, Problem
from w2s.seed import derived_seed


@dataclass(frozen=True, slots=True)
class OpenProblems:
    """The open problems of one shard, in order of problem_id."""

    problems: list[Problem] = field(default_factory=list[Problem])
    candidates: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    """Rank and problem_id of each: the margin in thousandths, then a hash, so that a removed problem changes few
    choices of a budget."""
    tally: Tally = field(default_factory=Tally)
    """problems; votes {open, decided, failed}."""


def find_open(
    problems: Sequence[Problem], samples: Sequence[Completion], rule: MoreSamples, answers: Answers
) -> OpenProblems:
    """The problems whose vote has a margin of at most `rule.margin`.

    The margin is the majority's share of the samples minus the runner-up's. It is 0 for a tie, for samples that give no
    answer, and where undecided comparisons could overturn the majority. A problem whose requests all failed is not
    open, because they would fail again.
    """
    samples_of = samples_by_problem(samples, problems)
    found = OpenProblems()
    for problem in sorted(problems, key=lambda p: p.problem_id):
        given = samples_of.get(problem.problem_id, [])
        margin = _margin(problem, given, answers)
        failed = all(sample.finish_reason == "error" for sample in given)
        is_open = not failed and margin <= rule.margin + 1e-9
        found.tally.count("problems")
        for name, holds in (("open", is_open), ("decided", not failed and not is_open), ("failed", failed)):
            found.tally.count("votes", name, by=holds)
        if is_open:
            found.problems.append(problem)
            rank = round(1000 * margin) << 40 | derived_seed(0, "open_votes", problem.problem_id) >> 23
            found.candidates.append((rank, problem.problem_id))
    return found


def _margin(problem: Problem, samples: Sequence[Completion], answers: Answers) -> float:
    classes = classify(problem, samples, answers)
    majority = vote(classes.by_completion, classes.undecided, answers.equality == "paper")
    if not majority.answer or majority.obstacle:
        return 0.0
    others = Counter(one for one in classes.by_completion if isinstance(one, str) and one and one != majority.answer)
    return (majority.votes - max(others.values(), default=0)) / len(samples)
