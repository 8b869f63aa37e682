"""Scoring, the audit by gold, and the report. Nothing on the strong model's path reads what these write."""

from collections import defaultdict
from dataclasses import asdict
from typing import Any

from ray_jobs.curate import listed
from ray_jobs.progress import Progress
from ray_jobs.resources import Resources
from ray_jobs.versions import versions
from w2s import report as reports
from w2s.answers import answer_class, grade_completion
from w2s.audit import audit_pairs, audit_selection
from w2s.metrics import majority_at_k, pass_at_k
from w2s.records import Completion, Consensus, PreferencePair, Problem, Reference, Score, Selection
from w2s.step import Step, with_upstream
from w2s.step_recipes import Audit, Grade, Report
from w2s.store import Store


def scores(steps: list[Step], store: Store, resources: Resources, progress: Progress) -> None:
    """A verdict on every model's completion of every test problem."""
    (step,) = steps
    assert isinstance(step.recipe, Grade)
    attempt = store.attempt(step)
    kinds = {p.problem_id: p.kind for p in store.inputs(step, "problems", Problem)}
    gold = {r.problem_id: r for r in store.inputs(step, "references", Reference)}
    rows: list[Score] = []
    disputed = 0
    for role, table in step.inputs:
        if role in ("problems", "references"):
            continue
        for one in store.records(table, Completion):
            grade = grade_completion(one, gold[one.problem_id], kinds[one.problem_id], step.recipe.answers)
            rows.append(Score(one.problem_id, role, grade.answer, grade.verdict, grade.reason, grade.second_opinion))
            disputed += grade.disputed
    attempt.write_records("scores", rows, Score)
    undecided = sum(row.verdict == "undecided" for row in rows)
    attempt.counts.update(scores=len(rows), undecided=undecided, math_verify_disagrees=disputed)
    attempt.commit(versions("math-verify"))
    progress.finished(step.name, f"{len(rows)} verdicts, {undecided} undecided, on {disputed} Math-Verify disagrees")


def audit(steps: list[Step], store: Store, resources: Resources, progress: Progress) -> None:
    """How right the kept sets, the majority and the chosen side are: a document for the report alone."""
    (step,) = steps
    assert isinstance(step.recipe, Audit)
    attempt, answers = store.attempt(step), step.recipe.answers
    problems, references = store.inputs(step, "problems", Problem), store.inputs(step, "references", Reference)
    selections = {role: store.inputs(step, role, Selection) for role, _ in step.inputs if role.startswith("selection_")}
    contrast = audit_pairs(store.inputs(step, "consensus", Consensus), store.inputs(step, "pairs", PreferencePair), problems, references, answers)
    document: dict[str, Any] = {
        **{role: asdict(audit_selection(rows, problems, references, answers)) for role, rows in selections.items()},
        "pairs": asdict(contrast),
        "samples": _samples(store.inputs(step, "samples", Completion), problems, references, step.recipe),
    }
    attempt.write_document("audit", document)
    attempt.commit(versions())
    progress.finished(step.name, f"chosen right {contrast.chosen_right.numerator} of {contrast.chosen_right.denominator}")


def _samples(samples: list[Completion], problems: list[Problem], references: list[Reference], recipe: Audit) -> dict[str, float]:
    """pass@1, pass@n and maj@n of M_plus's samples on train_2, over the problems with a reference."""
    kinds = {p.problem_id: p.kind for p in problems}
    gold = {r.problem_id: r for r in references}
    grouped: defaultdict[str, list[Completion]] = defaultdict(list)
    for one in samples:
        if one.problem_id in gold:
            grouped[one.problem_id].append(one)
    sums, n = {"pass_at_1": 0.0, "pass_at_n": 0.0, "maj_at_n": 0.0}, 0
    for problem_id, group in grouped.items():
        n = len(group)
        right = [grade_completion(c, gold[problem_id], kinds[problem_id], recipe.answers).verdict == "right" for c in group]
        found = [answer_class(c, kinds[problem_id], recipe.answers) for c in group]
        sums["pass_at_1"] += pass_at_k(right, 1)
        sums["pass_at_n"] += pass_at_k(right, n)
        sums["maj_at_n"] += majority_at_k([c if isinstance(c, str) else None for c in found], right, n)
    return {**{name: value / max(1, len(grouped)) for name, value in sums.items()}, "n": n, "problems": len(grouped)}


def report(steps: list[Step], store: Store, resources: Resources, progress: Progress) -> None:
    """report.json and report.html, from the scores, the audit and the counts in the manifests of everything above."""
    (step,) = steps
    assert isinstance(step.recipe, Report)
    attempt = store.attempt(step)
    above = with_upstream([step])[:-1]
    manifests = {name: manifest for name, manifest in store.manifests(above).items() if manifest is not None}
    document = reports.build(
        step.recipe,
        store.inputs(step, "scores", Score),
        [one.title for one in above if one.title],
        store.document(dict(step.inputs)["audit"]),
        {name: manifest.counts for name, manifest in manifests.items()},
        {name: manifest.seconds for name, manifest in manifests.items()},
    )
    attempt.write_document("report", document)
    attempt.add("html", f"{attempt.name}/report.html", reports.html(document).encode())
    attempt.commit(versions())
    progress.finished(step.name, listed({"models": len(document["models"])}))
