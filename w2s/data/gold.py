"""Gold: which experiments need it, and which solutions a model cannot learn from."""

from collections import Counter
from collections.abc import Iterable

from w2s.recipe import Experiment, Model, Source, WorldProblems
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


def check_stop_strings(experiment: Experiment, split: str, references: Iterable[Reference]) -> None:
    """Refuse gold solutions that contain a stop string of a model that learns from them.

    What the model learns to say would end its completions there, before the answer. The strong model does not see
    train_1's solutions, but the weak model's completions, which are like them.

    Raises ValueError with the field, the string, the number of solutions and the first of them.
    """
    models = {
        "train_1": (("weak", experiment.weak), ("strong", experiment.strong)),
        "train_2": (("strong", experiment.strong),),
    }
    strings = [
        (role, string)
        for role, model in models[split]
        if isinstance(model, Model)  # responses that are there already have no prompt
        for string in model.prompt.stop_strings
    ]
    first: dict[tuple[str, str], Reference] = {}
    hits = Counter[tuple[str, str]]()
    total = 0
    for reference in references if strings else ():
        total += 1
        for key in strings:
            if key[1] in reference.solution:
                first.setdefault(key, reference)
                hits[key] += 1
    for role, string in strings:
        if (found := first.get((role, string))) is not None:
            at = found.solution.index(string)
            shown = found.solution[max(0, at - 20) : at + len(string) + 10]
            raise ValueError(
                f"{role}.prompt.stop has {string!r}, which {hits[role, string]} of {total} gold solutions of "
                f"problems.{split} contain (first {found.problem_id}: {shown!r}): completions like them would be "
                f'cut there; --set {role}.prompt.stop=["..."] to strings that no solution contains, or [] for none'
            )
