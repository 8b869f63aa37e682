"""Gold: which experiments need it, and the final answer of a gold solution."""

import re
from collections.abc import Sequence

from w2s.answers.markers import after_hashes, braced, last_box
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


def final_answer(solution: str) -> str | None:
    """The final answer of a gold solution; None without a mark or with nothing after it.

    The mark is the last `####`, else the last `\\boxed{}`, else `answer:` or `answer is:` in the last line.
    """
    marked = _marked(solution)
    return (marked[-1] or None) if marked else None


def answer_of_cell(cell: str) -> str:
    """The final answer in a cell of answers, which may be a whole solution, as in GSM8K's column `answer`.

    Raises ValueError where a cell of several lines has no mark, a mark nothing after it, or two marks two answers.
    """
    marked = _marked(cell)
    answers = list(dict.fromkeys(answer for answer in marked if answer))
    if len(answers) > 1:
        raise ValueError(f"it has the final answers {', '.join(map(repr, answers))}")
    if marked and not answers:
        raise ValueError("its mark of the final answer has nothing after it")
    if not marked and len(cell.splitlines()) > 1:
        raise ValueError(f"it has several lines and no final answer {MARKS}")
    return answers[0] if answers else cell


MARKS = "after `####`, in \\boxed{} or after `answer:`"

_STATED = re.compile(
    r"\banswers?(?: is| are)?:(.*)|^(?:so,? )?(?:the )?(?:final )?answers? (?:is|are) (.+)", re.IGNORECASE
)


def _marked(text: str) -> list[str]:
    """The final answers of the first sort of mark that the text has, in order; '' for a mark without an answer."""
    if hashes := after_hashes(text):
        return [part.strip() for rest in hashes for part in rest.split("####")]
    boxes: list[str] = []
    before = len(text)
    while (start := last_box(text[:before])) is not None:
        content = braced(text, start) or ""
        if last_box(content) is None:  # else the box inside is the answer
            boxes.insert(0, content.strip())
        before = start - 1
    if boxes:
        return boxes
    last_line = (text.strip().splitlines() or [""])[-1]
    stated = _STATED.search(last_line)
    return [(stated[1] if stated[1] is not None else stated[2]).strip()] if stated else []
