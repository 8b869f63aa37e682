"""The jobs for scores, audit and the weak model's reliability: with training's gold steps all that read references.

No step on the strong model's path reads the tables of scores and audit. Reliability is a share of train_1, whose gold
is the weak model's own.
"""

from functools import partial

from ray_jobs.runtime.context import Context
from ray_jobs.runtime.shards import Records, Rows
from ray_jobs.selection.shards import Result, over_shards
from w2s.answers import grade_completion
from w2s.graph.recipes import Audit, Grade, Reliability
from w2s.graph.step import Step
from w2s.method.examples import in_part
from w2s.method.outcomes import listed
from w2s.method.tally import Tally
from w2s.records import Completion, Consensus, PreferencePair, Problem, Reference, Score, Selection
from w2s.report.audit import add_calibration_error, audit_pairs, audit_samples, audit_selection
from w2s.store.attempt import Attempt

GOLD_INPUTS: Records = {"problems": Problem, "references": Reference}
SCORE_OUTPUTS: Records = {"scores": Score, "disputed": Score}
AUDIT_INPUTS: Records = {**GOLD_INPUTS, "samples": Completion, "consensus": Consensus, "pairs": PreferencePair}


def scores(step: Step, attempt: Attempt, context: Context) -> str:
    """Grade every model's completion of every test problem; verdicts that Math-Verify disputes get a table too."""
    assert isinstance(step.recipe, Grade)
    inputs = {role: GOLD_INPUTS.get(role, Completion) for role, _ in step.inputs}
    total = over_shards(attempt, inputs, SCORE_OUTPUTS, partial(score_shard, step.recipe), context.progress).tally
    attempt.counts.update(total.section())
    return listed(total.section())


def score_shard(recipe: Grade, rows: Rows) -> Result:
    """The verdicts of one shard by problem, then by model in the order of the step's inputs."""
    problems = {problem.problem_id: problem for problem in rows["problems"]}
    gold = {reference.problem_id: reference for reference in rows["references"]}
    scores: list[Score] = []
    disputed: list[Score] = []
    tally = Tally()
    for model, completions in rows.items():
        if model in GOLD_INPUTS:
            continue
        for row in completions:
            problem = problems[row.problem_id]
            grade = grade_completion(row, gold[row.problem_id], problem.kind, recipe.answers)
            verdict = grade.answer, grade.verdict, grade.reason, grade.second_opinion
            score = Score(row.problem_id, model, *verdict, problem.level)
            scores.append(score)
            if grade.disputed:
                disputed.append(score)
            tally.count("scores")
            tally.count("undecided", by=grade.verdict == "undecided")
            tally.count("math_verify_disagrees", by=grade.disputed)
    tables = {"scores": scores, "disputed": disputed}
    return Result({name: sorted(table, key=lambda score: score.problem_id) for name, table in tables.items()}, tally)


def reliability(step: Step, attempt: Attempt, context: Context) -> str:
    """Measure how often the weak model is right on problems of train_1 that it has not learned from."""
    assert isinstance(step.recipe, Reliability)
    inputs: Records = {**GOLD_INPUTS, "completions": Completion}
    total = over_shards(attempt, inputs, {}, partial(reliability_shard, step.recipe), context.progress).tally
    right = total.section("right")
    if not right.get("denominator"):
        raise ValueError(
            "train_1 has no problem left to measure the weak model on: use more train_1 problems, or another stage_one"
        )
    attempt.write_document("summary", total.nested())
    return f"right on {right['numerator']:.0f} of {right['denominator']:.0f}"


def reliability_shard(recipe: Reliability, rows: Rows) -> Result:
    """The verdicts of one shard on the problems that the weak model has not learned from."""
    kinds = {problem.problem_id: problem.kind for problem in rows["problems"]}
    gold = {reference.problem_id: reference for reference in rows["references"]}
    tally = Tally()
    for row in rows["completions"]:
        if not in_part(row.problem_id, recipe.part):
            grade = grade_completion(row, gold[row.problem_id], kinds[row.problem_id], recipe.answers)
            tally.share("right", of=grade.verdict == "right")
    return Result(tally=tally)


def audit(step: Step, attempt: Attempt, context: Context) -> str:
    """Measure by gold how right the kept sets, the majorities and the chosen sides are; only the report reads it."""
    assert isinstance(step.recipe, Audit)
    selections = {role: Selection for role, _ in step.inputs if role.startswith("selection_")}
    inputs = {**AUDIT_INPUTS, **selections}
    total = over_shards(attempt, inputs, {}, partial(audit_shard, step.recipe), context.progress).tally
    add_calibration_error(total)
    attempt.write_document("audit", total.nested())
    chosen = total.section("pairs", "chosen_right")
    return f"chosen right {chosen.get('numerator', 0):.0f} of {chosen.get('denominator', 0):.0f}"


def audit_shard(recipe: Audit, rows: Rows) -> Result:
    """The audit of one shard: a section for each selection, one for the pairs and one for the samples."""
    gold = rows["problems"], rows["references"], recipe.answers
    sections = {role: audit_selection(table, *gold) for role, table in rows.items() if role.startswith("selection_")}
    sections["pairs"] = audit_pairs(rows["consensus"], rows["pairs"], *gold)
    sections["samples"] = audit_samples(rows["samples"], *gold)
    numbers = (((name, *path), value) for name, section in sections.items() for path, value in section.items())
    return Result(tally=Tally(numbers))
