"""What a FineTune step learns from: kept examples, gold solutions, or one model's completions.

Examples always come in order of problem_id, because training_order shuffles row numbers and an optimizer step must not
depend on how a table was written.
"""

from collections.abc import Iterable, Sequence

from w2s.records import Completion, Problem, Reference, SFTExample


def in_order(examples: Iterable[SFTExample]) -> list[SFTExample]:
    """Examples by problem_id, then by source."""
    return sorted(examples, key=lambda example: (example.problem_id, example.source))


def examples_from_references(problems: Iterable[Problem], references: Iterable[Reference]) -> list[SFTExample]:
    """One example for each gold solution: weak SFT and the ceiling train on these."""
    questions = {problem.problem_id: problem.question for problem in problems}
    return in_order(SFTExample(r.problem_id, questions[r.problem_id], r.solution, "reference") for r in references)


def examples_from_completions(
    problems: Iterable[Problem], completions: Sequence[Completion]
) -> tuple[list[SFTExample], int]:
    """One example for each whole completion, right or wrong, and the number of completions left out.

    Left out are truncated, failed and blank completions: training would append an end token to them and so teach the
    model to stop anywhere.
    """
    questions = {problem.problem_id: problem.question for problem in problems}
    whole = [c for c in completions if c.finish_reason == "stop" and c.text.strip()]
    examples = in_order(SFTExample(c.problem_id, questions[c.problem_id], c.text, "weak") for c in whole)
    return examples, len(completions) - len(whole)
