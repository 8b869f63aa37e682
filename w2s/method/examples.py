"""What a FineTune step learns from: kept examples, gold solutions, or one model's completions.

Examples always come in order of problem_id, because training_order shuffles row numbers and an optimizer step must not
depend on how a table was written.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from w2s.method.whole import obstacle, part_read
from w2s.recipe import Answers
from w2s.records import Completion, Problem, Reference, SFTExample
from w2s.seed import derived_seed

SEEDS = 2**63
"""How many values `derived_seed` has."""


def in_part(problem_id: str, part: float) -> bool:
    """Whether a hash puts a problem into the first `part` (0..1) of all problems: the same ones for every table."""
    return derived_seed(0, "part", problem_id) < part * SEEDS


def in_order(examples: Iterable[SFTExample]) -> list[SFTExample]:
    """Examples by problem_id, then by source."""
    return sorted(examples, key=lambda example: (example.problem_id, example.source))


def examples_from_references(problems: Iterable[Problem], references: Iterable[Reference]) -> list[SFTExample]:
    """One example for each gold solution: weak SFT and the ceiling train on these."""
    questions = {problem.problem_id: problem.question for problem in problems}
    return in_order(SFTExample(r.problem_id, questions[r.problem_id], r.solution, "reference") for r in references)


def examples_from_completions(
    problems: Iterable[Problem], completions: Sequence[Completion], answers: Answers
) -> tuple[list[SFTExample], Counter[str]]:
    """One example for each whole completion, right or wrong, and the numbers of completions left out, by reason.

    An example is the part of the text that answers are read from.
    """
    by_id = {problem.problem_id: problem for problem in problems}
    examples: list[SFTExample] = []
    left_out = Counter[str]()
    for c in completions:
        problem = by_id[c.problem_id]
        if reason := obstacle(c, problem.kind, answers):
            left_out[reason] += 1
        else:
            examples.append(SFTExample(c.problem_id, problem.question, part_read(c.text), "weak"))
    return in_order(examples), left_out
