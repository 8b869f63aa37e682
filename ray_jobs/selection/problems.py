"""The problems job: reads an experiment's dataset or generates its world, and writes the splits.

Problems and references go into tables of their own, so that a step sees gold only if the graph names a
reference table.
"""

from ray_jobs.runtime.context import Context
from w2s.data.splits import read_problems
from w2s.graph.step import Step
from w2s.method.outcomes import listed
from w2s.recipe import DatasetProblems, TestProblems, WorldProblems
from w2s.records import Disagreement, Duplicate, Problem, Reference
from w2s.store.attempt import Attempt


def problems(step: Step, attempt: Attempt, context: Context) -> str:
    """Write problems and references of all splits in order of problem_id, duplicate questions and disagreements."""
    assert isinstance(step.recipe, DatasetProblems | TestProblems | WorldProblems)
    splits, counts, duplicates, disagreements = read_problems(step.recipe)
    for name, split in splits.items():
        attempt.write_records(name, split.problems, Problem)
        attempt.write_records(f"{name}_references", split.references, Reference)
    if "duplicates" in step.recipe.tables:
        attempt.write_records("duplicates", duplicates, Duplicate)
    attempt.write_records("disagreements", disagreements, Disagreement)
    attempt.counts.update(counts)
    sizes = listed({name: len(split.problems) for name, split in splits.items()})
    removed = listed({name: count for name, count in counts.items() if count})
    return f"{sizes} ({removed})" if removed else sizes
