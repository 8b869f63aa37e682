"""Which of the weak model's completions the strong model is shown in its prompt (paper.md, stage I.2, "Weak ICL")."""

from collections import Counter
from collections.abc import Sequence

from w2s.answers import Unreadable, answer_class
from w2s.consistency import by_problem
from w2s.recipe import Answers, Demonstrations
from w2s.records import Completion, Demonstration, Problem
from w2s.seed import derived_seed


def choose_demonstrations(
    problems: Sequence[Problem], completions: Sequence[Completion], demonstrations: Demonstrations, answers: Answers
) -> list[Demonstration]:
    """`demonstrations.count` of the weak model's completions, right or wrong, in the order they stand in the prompt.

    Of the problems whose completion finished and has a readable answer those with the smallest hash of (seed, problem_id), with
    `choice="longest"` those with the longest completions first: a problem added to the set changes at most one of them. `completions`
    holds one completion a problem; one without an answer would teach the strong model not to give one.

    Raises ValueError, with the counts by reason, where fewer than `count` are readable, and where a problem_id repeats.
    """
    by_id = by_problem(completions, problems, "the weak completions")
    rejected: Counter[str] = Counter()
    usable: list[tuple[int, int, Problem, Completion]] = []
    for problem in problems:
        completion = by_id.get(problem.problem_id)
        if completion is None:
            rejected["missing"] += 1
            continue
        found = answer_class(completion, problem.kind, answers)
        if isinstance(found, Unreadable):
            rejected[found.reason] += 1
        elif not found or completion.finish_reason != "stop":
            rejected["truncated" if completion.finish_reason == "length" else "empty"] += 1
        else:
            length = len(completion.text.strip()) if demonstrations.choice == "longest" else 0
            usable.append((-length, derived_seed(demonstrations.seed, problem.problem_id), problem, completion))
    if len(usable) < demonstrations.count:
        reasons = ", ".join(f"{count} {reason}" for reason, count in rejected.most_common()) or "none"
        raise ValueError(
            f"demonstrations.count is {demonstrations.count}, but of {len(problems)} weak completions only {len(usable)} finished with a "
            f"readable answer (not usable: {reasons}); lower demonstrations.count, raise greedy.max_tokens if many are truncated, or set "
            f"answers.family (now {answers.family!r}) to the marker the weak model writes"
        )
    usable.sort(key=lambda item: (item[0], item[1], item[2].problem_id))
    return [Demonstration(p.problem_id, p.question, completion.text.rstrip()) for _, _, p, completion in usable[: demonstrations.count]]
