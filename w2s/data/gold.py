"""Gold: which experiments need it, and the final answer of a gold solution."""

from w2s.answers.markers import after_hashes, braced, last_box
from w2s.recipe import Experiment, Source, WorldProblems


def check_gold(experiment: Experiment) -> None:
    """Refuse an experiment that needs gold where its source names no column of it.

    Raises ValueError with the recipe's field to set, or the step to do without.
    """
    if isinstance(experiment.problems, WorldProblems):
        return
    for split, needed, why, otherwise in (
        ("train_1", experiment.weak_sft is not None, "the weak model is trained on it", ", or --set weak_sft=null"),
        ("train_2", experiment.ceiling, "the ceiling is trained on it", ", or --set ceiling=false"),
        ("test", True, "every model is graded by it", ""),
    ):
        source: Source = getattr(experiment.problems, split)
        if needed and source.answer is None and source.solution is None:
            fields = f"problems.{split}.answer or problems.{split}.solution"
            raise ValueError(
                f"problems.{split} ({source.name}) has no gold and {why}: set {fields} to a column{otherwise}"
            )


def final_answer(solution: str) -> str | None:
    """The final answer of a gold solution: after the last `####`, else in the last `\\boxed{}`; None without a mark."""
    if marked := after_hashes(solution):
        return marked[-1].strip() or None
    start = last_box(solution)
    content = None if start is None else braced(solution, start)
    return (content or "").strip() or None
