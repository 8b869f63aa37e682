"""The examples or pairs that a training learns from, of one shard of its inputs."""

from collections.abc import Sequence
from typing import Any

from ray_jobs.runtime.shards import Records, Rows
from w2s.graph.recipes import FineTune, Prefer
from w2s.graph.step import Step
from w2s.method.examples import examples_from_completions, examples_from_references, in_order, in_part
from w2s.records import Completion, PreferencePair, Problem, Reference, SFTExample

Examples = Sequence[SFTExample] | Sequence[PreferencePair]

_RECORDS: dict[str, type[Any]] = {
    "examples": SFTExample,
    "pairs": PreferencePair,
    "problems": Problem,
    "references": Reference,
    "completions": Completion,
}


def input_records(step: Step) -> Records:
    """Record class by role, of the inputs that hold what the step learns from."""
    whole = next((role for role in ("examples", "pairs") if step.input(role)), None)
    return {whole: _RECORDS[whole]} if whole else {role: _RECORDS[role] for role in _RECORDS if step.input(role)}


def examples_of(step: Step, rows: Rows) -> tuple[Examples, dict[str, int]]:
    """The examples of a FineTune step, in order of problem_id, or the pairs of a Prefer step, and the numbers of
    completions left out, by count of the manifest.

    A FineTune step's rows are examples, or problems with references, or problems with completions.
    """
    if isinstance(step.recipe, Prefer):
        return rows["pairs"], {}
    assert isinstance(step.recipe, FineTune)
    if "examples" in rows:
        return in_order(rows["examples"]), {}
    if "references" in rows:
        learned = [row for row in rows["references"] if in_part(row.problem_id, step.recipe.part)]
        return examples_from_references(rows["problems"], learned), {}
    assert step.recipe.answers is not None
    examples, left_out = examples_from_completions(rows["problems"], rows["completions"], step.recipe.answers)
    return examples, {f"left_out_{reason}": count for reason, count in left_out.items()}
