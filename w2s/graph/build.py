"""The whole method as a graph of steps: the paper's two stages, top to bottom.

Who may see gold: `references` is an input of weak_sft, ceiling, scores and audit, and of no other step; where stage I
weighs the weak model's reliability, train_1's is also read to measure it. The rounds of stage I are in stage_one.py.
"""

from collections.abc import Mapping

from w2s.graph.recipes import (
    Audit,
    Committee,
    Demonstrate,
    FineTune,
    Grade,
    OpenVotes,
    Pair,
    Prefer,
    Report,
    Respond,
    Sample,
)
from w2s.graph.stage_one import complete, from_agreement, from_own_answers, tune, weak_step
from w2s.graph.step import Step, Table, step, with_upstream
from w2s.graph.trained import as_input
from w2s.recipe import Experiment, Model, Preference
from w2s.seed import derived_seed


def build_steps(e: Experiment, contents: Mapping[str, str] | None = None) -> tuple[Step, ...]:
    """All steps of an experiment, inputs before what reads them; the last one is `report`.

    `contents` are the hashes of the splits' rows, once they are known: what reads a split is named by its rows.
    """
    problems = Step("problems", e.problems, contents=tuple((contents or {}).items()))
    train_1, train_2, test = problems["train_1"], problems["train_2"], problems["test"]
    gold_1, gold_2, gold_test = (
        problems["train_1_references"],
        problems["train_2_references"],
        problems["test_references"],
    )

    # The weak model: gold on train_1, then its own answers to train_2 are all the supervision there is.
    weak_trained = None
    if e.weak_sft and isinstance(e.weak, Model):
        recipe = FineTune(model=e.weak, sft=e.weak_sft)
        weak_trained = weak_step(e, "weak_sft", recipe, problems=train_1, references=gold_1)
    weak_completions = _weak_answers("weak_completions", "", e, train_2, weak_trained)
    assert weak_completions is not None
    if e.committee > 1:
        weak_completions = _committee(e, train_1, gold_1, train_2, weak_completions)

    # Stage I: learn from agreement with the weak model, or from M's own answers (w2s/graph/stage_one.py).
    demonstrate = Demonstrate(demonstrations=e.demonstrations, answers=e.answers)
    shown = step("demonstrations", demonstrate, problems=train_2, completions=weak_completions["completions"])
    demonstrations = shown["demonstrations"]
    icl_completions = complete(e, "icl_completions", e.greedy, train_2, None, demonstrations)
    if e.stage_one == "agreement":
        stage_one = from_agreement(e, train_2, weak_completions, icl_completions, demonstrations)
    else:
        stage_one = from_own_answers(e, train_1, gold_1, train_2, weak_completions, icl_completions, demonstrations)
    m_plus = stage_one.students[-1]

    # Stage II: learn from contrast, starting from M_plus, which is also the reference.
    sampled = complete(e, "sampled", e.sampled, train_2, m_plus)
    still_open = _open_votes(e, train_2, sampled) if e.more_samples else None
    more = _more_samples(e, still_open, m_plus) if still_open else None
    greedy = complete(e, "m_plus_completions", e.greedy, train_2, m_plus) if e.pairs.greedy_vote else None
    pairs = step(
        "pairs",
        Pair(pairs=e.pairs, answers=e.answers),
        problems=train_2,
        samples=sampled["completions"],
        more=more["completions"] if more else None,
        weak=weak_completions["completions"],
        greedy=greedy["completions"] if greedy else None,
    )

    def prefer(name: str, preference: Preference) -> Step:
        recipe = Prefer(model=e.strong, preference=preference)
        return step(name, recipe, **as_input(m_plus["model"]), pairs=pairs["pairs"])

    m_pro = [prefer(name, loss) for name, loss in (("dpo", e.dpo), ("orpo", e.orpo)) if loss is not None]

    # What the method is measured against.
    unfiltered = [tune(e, "full_weak_ft", e.answers, problems=train_2, completions=weak_completions["completions"])]
    if e.full_icl and e.stage_one != "icl":  # else it is the first student
        unfiltered += [tune(e, "full_icl_ft", e.answers, problems=train_2, completions=icl_completions["completions"])]
    ceiling = [tune(e, "ceiling", problems=train_2, references=gold_2)] if e.ceiling else []

    # Greedy answers to the test split, graded together.
    def answer(name: str, recipe: Sample, model: Table | None, demonstrations: Table | None = None) -> Step:
        return step(f"test_{name}", recipe, name, problems=test, **as_input(model), demonstrations=demonstrations)

    strong_recipe = Sample(model=e.strong, sampling=e.greedy)
    floor = _weak_answers("test_weak_floor", "weak_floor", e, test, weak_trained)
    answers = [
        *([floor] if floor else []),
        answer("strong_base", strong_recipe, None),
        answer("weak_icl", strong_recipe, None, demonstrations),
        *(
            answer(model.name, strong_recipe, model["model"])
            for model in [*unfiltered, *stage_one.students, *m_pro, *ceiling]
        ),
    ]
    graded = {answered.report_name: answered["completions"] for answered in answers}
    scores = step("scores", Grade(answers=e.answers), problems=test, references=gold_test, **graded)
    audit = step(
        "audit",
        Audit(answers=e.answers),
        problems=train_2,
        references=gold_2,
        samples=sampled["completions"],
        consensus=pairs["consensus"],
        pairs=pairs["pairs"],
        **stage_one.selections,
    )
    report = step(
        "report",
        Report(experiment=e.name, description=e.description),
        scores=scores["scores"],
        audit=audit["audit"],
        **stage_one.summaries,
        weak_committee=weak_completions["summary"] if e.committee > 1 else None,
        open_votes=still_open["summary"] if still_open else None,
        contrast=pairs["summary"],
        problems=problems["duplicates"],  # not by content, so that the report has the counts of these very problems
    )
    # Training comes first, so that a plan reads as the method does.
    return with_upstream([*m_pro, *unfiltered, *ceiling, report])


def _committee(e: Experiment, train_1: Table, gold_1: Table, train_2: Table, first: Step) -> Step:
    """The completions that several weak models vote for; `first` is the first one's."""
    assert isinstance(e.weak, Model) and e.weak_sft is not None
    completions = {"member_1": first["completions"]}
    for number in range(2, e.committee + 1):
        seed = derived_seed(e.weak_sft.seed, "member", number) % 2**31
        recipe = FineTune(model=e.weak, sft=e.weak_sft.model_copy(update={"seed": seed}))
        member = weak_step(e, f"weak_member_{number}_sft", recipe, problems=train_1, references=gold_1)
        answered = _weak_answers(f"weak_member_{number}_completions", "", e, train_2, member)
        assert answered is not None
        completions[f"member_{number}"] = answered["completions"]
    return step("weak_committee", Committee(answers=e.answers), problems=train_2, **completions)


def _open_votes(e: Experiment, train_2: Table, sampled: Step) -> Step:
    """The problems on which M_plus's first samples are divided."""
    assert e.more_samples is not None
    recipe = OpenVotes(more=e.more_samples, answers=e.answers)
    return step("open_votes", recipe, problems=train_2, samples=sampled["completions"])


def _more_samples(e: Experiment, still_open: Step, m_plus: Step) -> Step:
    """M_plus's further samples, with a seed of their own: with the first samples' they would be the same texts."""
    assert e.more_samples is not None
    seed = derived_seed(e.sampled.seed, "more_samples") % 2**31
    again = e.sampled.model_copy(update={"n": e.more_samples.n, "seed": seed})
    return complete(e, "more_samples", again, still_open["train_2"], m_plus)


def _weak_answers(name: str, report_name: str, e: Experiment, problems: Table, trained: Step | None) -> Step | None:
    """The weak model's completions of a table of problems; None where it is responses, and none are to these."""
    if isinstance(e.weak, Model):
        recipe = Sample(model=e.weak, sampling=e.greedy)
        model = as_input(trained["model"] if trained else None)
        return weak_step(e, name, recipe, report_name, problems=problems, **model)
    source = e.weak.test if report_name else e.weak.source
    if source is None:
        return None
    recipe = Respond(source=source, finish_reason=e.weak.finish_reason, must_be_complete=bool(report_name))
    return step(name, recipe, report_name, problems=problems)
