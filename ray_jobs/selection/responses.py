"""The respond job: responses that are there already become the completions of a table of problems."""

from ray_jobs.runtime.context import Context
from w2s.data.responses import read_responses
from w2s.graph.recipes import Respond
from w2s.graph.step import Step
from w2s.method.outcomes import listed
from w2s.records import Completion, Problem
from w2s.store.attempt import Attempt


def respond(step: Step, attempt: Attempt, context: Context) -> str:
    """Write one completion for each problem, in order of problem_id."""
    recipe, problems = step.recipe, step.input("problems")
    assert isinstance(recipe, Respond) and problems is not None
    field = "weak.test" if recipe.must_be_complete else "weak.source"
    asked = context.store.each_record(problems, Problem)
    found = read_responses(field, recipe.source, recipe.finish_reason, asked, recipe.must_be_complete)
    attempt.write_records("completions", found.completions, Completion)
    attempt.counts.update(found.counts)
    return listed({name: count for name, count in found.counts.items() if count})
