"""The figures of an evaluation out of a store, paired with every model that was graded on the same rows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from w2s.graph.evaluate import Verdicts
    from w2s.report.metrics import Credits
    from w2s.store.store import Store

ROLES = ("problems", "references")
"""Inputs of a grading step that are no models."""


def document(verdicts: "Sequence[Verdicts]", store: "Store") -> dict[str, Any]:
    """All figures: each model's, its samples', and its differences to every model graded on the same rows."""
    from w2s.records import Completion, Problem, Score
    from w2s.report.evaluation import figures, paired, sampled_figures
    from w2s.report.metrics import credit_by_problem

    rows: list[dict[str, Any]] = []
    credits: dict[str, Credits] = {}
    for one in verdicts:
        problems = store.inputs(one.greedy, "problems", Problem)
        scores = store.records(one.greedy["scores"], Score)
        answers = store.inputs(one.greedy, one.asked.name, Completion)
        row = figures(one.asked.name, problems, scores, answers)
        samples = store.records(one.sampled["scores"], Score) if one.sampled else []
        rows.append(row | {"samples": sampled_figures(samples, problems) if samples else {}})
        credits[one.asked.name] = credit_by_problem(scores)
    others = _graded_before(verdicts, store)
    differences: list[dict[str, Any]] = []
    names = list(credits)
    for number, name in enumerate(names):
        differences += paired(name, credits[name], {other: credits[other] for other in names[:number]} | others)
    return {"models": rows, "differences": differences}


def _graded_before(verdicts: "Sequence[Verdicts]", store: "Store") -> "dict[str, Credits]":
    """Credits of other models that this store has on the same rows, graded by the same recipe."""
    from w2s.graph.directory import STEPS, kind_of, listed_directory, step_directory
    from w2s.graph.fingerprint import stable
    from w2s.records import Score
    from w2s.report.metrics import credit_by_problem
    from w2s.store.tables import parse_parquet

    first = verdicts[0].greedy
    rows = {role: table.content for role, table in first.inputs if role in ROLES}
    ours = {table.step.directory for one in verdicts for role, table in one.greedy.inputs if role not in ROLES}
    names = {one.asked.name for one in verdicts}
    listed = [listed_directory(name) for name in store.objects.names(store.objects.path(STEPS))]
    found: dict[str, Credits] = {}
    for manifest in store.finished([directory for directory in listed if kind_of(directory) == first.kind]):
        if {role: manifest.input_contents.get(role) for role in ROLES} != rows or manifest.recipe != stable(
            first.recipe
        ):
            continue
        directory, files = (
            step_directory(manifest.kind, manifest.fingerprint),
            {file.path: file for file in manifest.files},
        )
        scores = [
            row
            for path in manifest.tables["scores"]
            for row in parse_parquet(store.read_file(directory, files[path]), Score)
        ]
        for role, (answered, _) in manifest.inputs.items():
            of = [score for score in scores if score.model == role]
            if role in ROLES or answered in ours or len({score.problem_id for score in of}) != len(of):
                continue  # the same answers, or samples, which have no single verdict a problem
            ours.add(answered)
            found[role if role not in names | set(found) else f"{role} ({answered.rpartition('-')[2][:8]})"] = (
                credit_by_problem(of)
            )
    return found
