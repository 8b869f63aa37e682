"""The job of a committee: several weak models' completions in, one completion a problem out.

It reads its tables twice: a member's weight is of the problems of all shards.
"""

from collections.abc import Sequence
from functools import partial

from ray_jobs.runtime.context import Context
from ray_jobs.runtime.shards import Records, Rows
from ray_jobs.selection.shards import Result, over_shards
from w2s.graph.recipes import Committee
from w2s.graph.step import Step
from w2s.method.labels.committee import count_agreement, vote_of, weights_of
from w2s.method.outcomes import listed, most_frequent_first
from w2s.records import Completion, Problem
from w2s.store.attempt import Attempt


def committee(step: Step, attempt: Attempt, context: Context) -> str:
    """Weigh the members by their agreement with each other, then vote on each problem."""
    assert isinstance(step.recipe, Committee)
    roles = [role for role, _ in step.inputs if role.startswith("member_")]
    inputs: Records = {"problems": Problem, **dict.fromkeys(roles, Completion)}
    counted = over_shards(attempt, inputs, {}, partial(count_shard, step.recipe, roles), context.progress).tally
    weights = weights_of(counted, len(roles))
    compute = partial(vote_shard, step.recipe, roles, weights)
    total = over_shards(attempt, inputs, {"completions": Completion}, compute, context.progress).tally
    total.add(counted)
    for role, weight in zip(roles, weights, strict=True):
        total.count("weights", role, by=weight)
    attempt.write_document("summary", total.nested())
    counts = most_frequent_first(total.section("outcomes"))
    attempt.counts.update(counts)
    return f"{attempt.rows['completions']} completions of {len(roles)} weak models ({listed(counts)})"


def count_shard(recipe: Committee, roles: Sequence[str], rows: Rows) -> Result:
    """First pass on one shard: how often members agree, no tables."""
    return Result(tally=count_agreement(rows["problems"], [rows[role] for role in roles], recipe.answers))


def vote_shard(recipe: Committee, roles: Sequence[str], weights: Sequence[float], rows: Rows) -> Result:
    """The completions of one shard that stand."""
    voted = vote_of(rows["problems"], [rows[role] for role in roles], weights, recipe.answers)
    return Result({"completions": voted.completions}, voted.tally)
