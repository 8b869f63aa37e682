"""Stage I: the rounds in which M learns from agreement with the weak model, or from its own answers.

Every round trains the base again, never the last round's model. No step here reads gold of train_2; `weak_reliability`
reads train_1's, which the weak model has learned from.
"""

from dataclasses import dataclass, field, replace

from w2s.graph.recipes import Agree, FineTune, Label, Reliability, Sample
from w2s.graph.step import Step, Table, step
from w2s.graph.trained import as_input
from w2s.recipe import Answers, Experiment, Model, Sampling, StepRecipe

HELD_IN = 0.5
"""Share of train_1 that a weak model learns from where its reliability is measured on the rest."""


@dataclass(frozen=True)
class StageOne:
    """What the rounds leave: students in the report's order, the last one is M_plus."""

    students: list[Step] = field(default_factory=list[Step])
    selections: dict[str, Table] = field(default_factory=dict[str, Table])
    summaries: dict[str, Table] = field(default_factory=dict[str, Table])


def weak_step(e: Experiment, name: str, recipe: StepRecipe, report_name: str = "", /, **inputs: Table | None) -> Step:
    """A step of the weak model, which takes the strong one's sizes where both have one name."""
    is_strong_too = isinstance(e.weak, Model) and e.weak.name == e.strong.name
    return replace(step(name, recipe, report_name, **inputs), role="strong" if is_strong_too else "weak")


def tune(e: Experiment, name: str, answers: Answers | None = None, /, **examples: Table) -> Step:
    """SFT of the strong base."""
    return step(name, FineTune(model=e.strong, sft=e.sft, answers=answers), **examples)


def complete(
    e: Experiment, name: str, sampling: Sampling, problems: Table, trained: Step | None, shown: Table | None = None
) -> Step:
    """The strong model's completions; `shown` are demonstrations."""
    model = as_input(trained["model"] if trained else None)
    recipe = Sample(model=e.strong, sampling=sampling)
    return step(name, recipe, problems=problems, **model, demonstrations=shown)


def from_agreement(e: Experiment, train_2: Table, weak: Step, icl: Step, demonstrations: Table) -> StageOne:
    """The paper's rounds: keep where two models agree, train on each half and on both."""
    made = StageOne()
    by_weak, by_icl = weak, icl
    for number in range(1, e.iterations + 1):
        if number > 1:
            by_weak = complete(e, f"weak_ft_{number - 1}_completions", e.greedy, train_2, made.students[-3])
            by_icl = complete(e, f"icl_ft_{number - 1}_completions", e.greedy, train_2, made.students[-2])
        agreement = step(
            f"consistent_{number}",
            Agree(agreement=e.agreement, answers=e.answers),
            problems=train_2,
            weak=by_weak["completions"],
            icl=by_icl["completions"],
            demonstrations=demonstrations,
        )
        made.selections[f"selection_{number}"] = agreement["selection"]
        made.summaries[f"agreement_{number}"] = agreement["summary"]
        for half in ("weak", "icl", "hybrid"):
            made.students.append(tune(e, f"{half}_ft_{number}", examples=agreement[half]))
    return made


def from_own_answers(
    e: Experiment, train_1: Table, gold_1: Table, train_2: Table, weak: Step, icl: Step, demonstrations: Table
) -> StageOne:
    """Rounds in which M learns its own answers: all greedy ones, or majorities of its samples."""
    made = StageOne()
    reliability = _reliability(e, train_1, gold_1) if e.stage_one == "trust" else None
    teacher, greedy, shown = None, icl, demonstrations
    for number in range(1, e.iterations + 1):
        if number > 1:
            teacher, shown = made.students[-1], None
            greedy = complete(e, f"{teacher.name}_completions", e.greedy, train_2, teacher)
        student = f"m_plus_{number}"
        if e.stage_one == "icl":
            made.students.append(tune(e, student, e.answers, problems=train_2, completions=greedy["completions"]))
            continue
        assert e.icl_sampled is not None
        name = f"{teacher.name}_samples" if teacher else "icl_samples"
        plain, plain_greedy = None, None
        if e.labels.choose_prompt and number == 1:
            plain = complete(e, "plain_samples", e.icl_sampled, train_2, None)
            plain_greedy = complete(e, "plain_completions", e.greedy, train_2, None) if e.labels.greedy_vote else None
        labels = step(
            f"labels_{number}",
            Label(labels=e.labels, answers=e.answers),
            problems=train_2,
            samples=complete(e, name, e.icl_sampled, train_2, teacher, shown)["completions"],
            greedy=greedy["completions"] if e.labels.greedy_vote else None,
            plain_samples=plain["completions"] if plain else None,
            plain_greedy=plain_greedy["completions"] if plain_greedy else None,
            weak=weak["completions"],
            demonstrations=demonstrations,
            reliability=reliability["summary"] if reliability else None,
        )
        made.selections[f"selection_{number}"] = labels["selection"]
        made.summaries[f"labels_{number}"] = labels["summary"]
        made.students.append(tune(e, student, examples=labels["examples"]))
    return made


def _reliability(e: Experiment, train_1: Table, gold_1: Table) -> Step:
    """How often the weak model is right on problems of train_1 that it has not learned from.

    A trained weak model knows train_1, so one that has learned from half of it stands for it.
    """
    assert isinstance(e.weak, Model)
    half = None
    if e.weak_sft:
        recipe = FineTune(model=e.weak, sft=e.weak_sft, part=HELD_IN)
        half = weak_step(e, "weak_half_sft", recipe, problems=train_1, references=gold_1)
    model = as_input(half["model"] if half else None)
    recipe = Sample(model=e.weak, sampling=e.greedy)
    answers = weak_step(e, "weak_half_completions", recipe, problems=train_1, **model)
    return step(
        "weak_reliability",
        Reliability(answers=e.answers, part=HELD_IN if half else 0.0),
        problems=train_1,
        references=gold_1,
        completions=answers["completions"],
    )
