"""Models asked the problems of one split, as a graph of the method's own steps: problems, samples, verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from w2s.graph.recipes import ForeignAdapter, Grade, Sample
from w2s.graph.step import Role, Step, Table, step
from w2s.graph.trained import as_input
from w2s.recipe import Evaluation, Model, Sampling


@dataclass(frozen=True)
class Asked:
    """A model to ask: a base or a trained model, perhaps with demonstrations before each question."""

    name: str
    model: Model
    trained: Table | None = None
    """An adapter or a whole model; None for the base."""
    demonstrations: Table | None = None
    role: Role = "strong"


@dataclass(frozen=True)
class Verdicts:
    """The steps of one model: greedy answers, and samples where the evaluation draws some."""

    asked: Asked
    greedy: Step
    sampled: Step | None


def build_evaluation(
    e: Evaluation, models: Sequence[Asked], contents: Mapping[str, str] | None = None
) -> tuple[tuple[Step, ...], tuple[Verdicts, ...]]:
    """The steps of an evaluation, inputs before what reads them, and each model's two grading steps.

    The steps that trained the models are not among them: they must be finished. Foreign adapters are.
    """
    problems = Step("problems", e.problems, contents=tuple((contents or {}).items()))
    asking: list[Step] = []
    grading: list[Step] = []
    verdicts: list[Verdicts] = []

    def graded(asked: Asked, suffix: str, sampling: Sampling) -> Step:
        model = as_input(asked.trained)
        inputs = {"problems": problems["test"], **model, "demonstrations": asked.demonstrations}
        answered = step(f"test_{asked.name}{suffix}", Sample(model=asked.model, sampling=sampling), **inputs)
        asking.append(replace(answered, role=asked.role))
        tables = {"problems": problems["test"], "references": problems["test_references"]}
        answers = {asked.name: asking[-1]["completions"]}
        grading.append(step(f"scores_{asked.name}{suffix}", Grade(answers=e.answers), **tables, **answers))
        return grading[-1]

    for asked in models:
        greedy = graded(asked, "", e.greedy)
        verdicts.append(Verdicts(asked, greedy, graded(asked, "_samples", e.sampled) if e.sampled else None))
    trained = [asked.trained.step for asked in models if asked.trained is not None]
    foreign = [step for step in trained if isinstance(step.recipe, ForeignAdapter)]
    return (problems, *foreign, *asking, *grading), tuple(verdicts)
