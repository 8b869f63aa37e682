"""Gold: which experiments need it."""

from collections.abc import Sequence

from w2s.recipe import Experiment, Source, WorldProblems
from w2s.records import Reference


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


def check_stop_strings(experiment: Experiment, split: str, references: Sequence[Reference]) -> None:
    """Refuse gold solutions that contain a stop string of a model that learns from them.

    What the model learns to say would end its completions there, before the answer. The strong model does not see
    train_1's solutions, but the weak model's completions, which are like them.

    Raises ValueError with the field, the string, the number of solutions and the first of them.
    """
    models = {
        "train_1": (("weak", experiment.weak), ("strong", experiment.strong)),
        "train_2": (("strong", experiment.strong),),
    }
    for role, model in models[split]:
        for string in model.prompt.stop_strings:
            if hits := [reference for reference in references if string in reference.solution]:
                at = hits[0].solution.index(string)
                shown = hits[0].solution[max(0, at - 20) : at + len(string) + 10]
                raise ValueError(
                    f"{role}.prompt.stop has {string!r}, which {len(hits)} of {len(references)} gold solutions of "
                    f"problems.{split} contain (first {hits[0].problem_id}: {shown!r}): completions like them would be "
                    f'cut there; --set {role}.prompt.stop=["..."] to strings that no solution contains, or [] for none'
                )
