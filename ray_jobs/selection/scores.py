"""Scoring and the audit by gold. Nothing on the strong model's path reads what these write."""

from functools import partial
from typing import Any

from ray_jobs.runtime.context import Context
from ray_jobs.selection.shards import Result, Rows, over_shards
from w2s.answers import grade_completion
from w2s.graph.recipes import Audit, Grade
from w2s.graph.step import Step
from w2s.method.outcomes import listed
from w2s.method.tally import Tally
from w2s.records import Completion, Consensus, PreferencePair, Problem, Reference, Score, Selection
from w2s.report.audit import audit_pairs, audit_samples, audit_selection
from w2s.store.attempt import Attempt


def scores(step: Step, attempt: Attempt, context: Context) -> str:
    """A verdict on every model's completion of every test problem; those that Math-Verify disputes are also a table of their own."""
    assert isinstance(step.recipe, Grade)
    inputs: dict[str, type[Any]] = {role: Completion for role, _ in step.inputs} | {
        "problems": Problem,
        "references": Reference,
    }
    total = over_shards(
        attempt, inputs, {"scores": Score, "disputed": Score}, partial(grade_shard, step.recipe), context.progress
    ).tally
    attempt.counts.update(total.section())
    return listed(total.section())


def grade_shard(recipe: Grade, rows: Rows) -> Result:
    """Verdicts on one shard, problem by problem, the models in the order of the step's inputs."""
    kinds = {p.problem_id: p.kind for p in rows["problems"]}
    gold = {r.problem_id: r for r in rows["references"]}
    found: list[Score] = []
    disputed: list[Score] = []
    tally = Tally()
    for model, completions in rows.items():
        for one in completions if model not in ("problems", "references") else ():
            grade = grade_completion(one, gold[one.problem_id], kinds[one.problem_id], recipe.answers)
            found.append(Score(one.problem_id, model, grade.answer, grade.verdict, grade.reason, grade.second_opinion))
            disputed += found[-1:] if grade.disputed else []
            tally.count("scores")
            tally.count("undecided", by=grade.verdict == "undecided")
            tally.count("math_verify_disagrees", by=grade.disputed)
    by_problem = {
        name: sorted(of, key=lambda score: score.problem_id) for name, of in (("scores", found), ("disputed", disputed))
    }
    return Result(by_problem, tally)


def audit(step: Step, attempt: Attempt, context: Context) -> str:
    """How right the kept sets, the majority and the chosen side are: a document for the report alone."""
    assert isinstance(step.recipe, Audit)
    inputs: dict[str, type[Any]] = {"problems": Problem, "references": Reference, "samples": Completion}
    inputs |= {
        "consensus": Consensus,
        "pairs": PreferencePair,
        **{role: Selection for role, _ in step.inputs if role.startswith("selection_")},
    }
    total = over_shards(attempt, inputs, {}, partial(audit_shard, step.recipe), context.progress).tally
    attempt.write_document("audit", total.nested())
    chosen = total.section("pairs", "chosen_right")
    return f"chosen right {chosen.get('numerator', 0):.0f} of {chosen.get('denominator', 0):.0f}"


def audit_shard(recipe: Audit, rows: Rows) -> Result:
    """The audit of one shard, a section for every selection, one for the pairs and one for the samples."""
    gold = rows["problems"], rows["references"], recipe.answers
    sections = {role: audit_selection(found, *gold) for role, found in rows.items() if role.startswith("selection_")}
    sections["pairs"] = audit_pairs(rows["consensus"], rows["pairs"], *gold)
    sections["samples"] = audit_samples(rows["samples"], *gold)
    return Result(
        tally=Tally(((name, *path), value) for name, tally in sections.items() for path, value in tally.items())
    )
