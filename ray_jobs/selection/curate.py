"""The cheap steps between sampling and training: tables in, a pure function of w2s, tables out."""

import heapq
from collections.abc import Collection
from functools import partial
from typing import Any

from ray_jobs.runtime.context import Context
from ray_jobs.selection.shards import Result, Rows, over_shards, rows_of, tasks_of
from w2s.graph.recipes import Agree, Demonstrate, Pair
from w2s.graph.step import Step
from w2s.method.agreement import agree_part, candidates, check_kept, top_up
from w2s.method.demonstrations import choose_demonstrations
from w2s.method.outcomes import listed, most_frequent_first
from w2s.method.pairs import check_pairs, contrast_part
from w2s.records import (
    Completion,
    Consensus,
    Demonstration,
    Merge,
    PreferencePair,
    Problem,
    Selection,
    SFTExample,
)
from w2s.store.attempt import Attempt

AGREE_INPUTS: dict[str, type[Any]] = {"problems": Problem, "weak": Completion, "icl": Completion}
AGREE_OUTPUTS: dict[str, type[Any]] = {
    "weak": SFTExample,
    "icl": SFTExample,
    "hybrid": SFTExample,
    "selection": Selection,
    "merges": Merge,
}
PAIR_INPUTS: dict[str, type[Any]] = {"problems": Problem, "samples": Completion, "weak": Completion}
PAIR_OUTPUTS: dict[str, type[Any]] = {"consensus": Consensus, "pairs": PreferencePair, "merges": Merge}


def demonstrations(step: Step, attempt: Attempt, context: Context) -> str:
    """Demonstrations from the weak model's completions."""
    assert isinstance(step.recipe, Demonstrate)
    inputs: dict[str, type[Any]] = {"problems": Problem, "completions": Completion}
    shards = (
        rows_of(task, context.store, inputs) for task in tasks_of(step, context.store, inputs)
    )  # here, one after the other: reading is all there is to do
    parts = ((rows["problems"], rows["completions"]) for rows in shards)
    rows = choose_demonstrations(parts, step.recipe.demonstrations, step.recipe.answers)
    attempt.write_records("demonstrations", rows, Demonstration)
    return f"{len(rows)} demonstrations: {', '.join(row.problem_id for row in rows)}"


def agreement(step: Step, attempt: Attempt, context: Context) -> str:
    """Stage I's kept examples; with a top-up in two passes, for who fills up is known when all are counted."""
    assert isinstance(step.recipe, Agree)
    rule, answers = step.recipe.agreement, step.recipe.answers
    shown = [one.problem_id for one in context.store.inputs(step, "demonstrations", Demonstration)]
    topped_up: Collection[str] = ()
    if rule.top_up:
        look, first = partial(agree_shard, step.recipe, shown, None), partial(heapq.nsmallest, rule.top_up)
        looked = over_shards(attempt, AGREE_INPUTS, AGREE_OUTPUTS, look, context.progress, first)
        topped_up = top_up(looked.smallest, looked.tally, rule)
    total = over_shards(
        attempt, AGREE_INPUTS, AGREE_OUTPUTS, partial(agree_shard, step.recipe, shown, topped_up), context.progress
    ).tally
    check_kept(total, rule, answers)
    attempt.write_document("summary", total.nested())
    counts = most_frequent_first(total.section("outcomes"))
    attempt.counts.update(counts | {"merged_forms": total["merged_forms",]})
    return f"{attempt.rows['weak']} of {attempt.rows['selection']} kept ({listed(counts)})"


def agree_shard(recipe: Agree, shown: Collection[str], topped_up: Collection[str] | None, rows: Rows) -> Result:
    """The filter on one shard; without `topped_up` it only counts and names candidates for it."""
    found = agree_part(
        rows["problems"], rows["weak"], rows["icl"], shown, topped_up or (), recipe.agreement, recipe.answers
    )
    if topped_up is None:
        return Result({}, found.tally, candidates(found.selection, recipe.agreement))
    tables = {
        "weak": found.weak_half,
        "icl": found.icl_half,
        "hybrid": found.hybrid,
        "selection": found.selection,
        "merges": found.merges,
    }
    return Result(tables, found.tally)


def pairs(step: Step, attempt: Attempt, context: Context) -> str:
    """Stage II's votes and preference pairs."""
    assert isinstance(step.recipe, Pair)
    total = over_shards(
        attempt, PAIR_INPUTS, PAIR_OUTPUTS, partial(contrast_shard, step.recipe), context.progress
    ).tally
    check_pairs(total, step.recipe.pairs, step.recipe.answers)
    attempt.write_document("summary", total.nested())
    counts = most_frequent_first(total.section("outcomes"))
    made, by_weak = total["pairs", "all"], total["pairs", "weak_chosen"]
    attempt.counts.update(counts | {"pairs": made, "weak_chosen": by_weak, "merged_forms": total["merged_forms",]})
    return f"{made:.0f} pairs, {by_weak:.0f} with the weak completion chosen ({listed(counts)})"


def contrast_shard(recipe: Pair, rows: Rows) -> Result:
    """Votes and pairs on one shard."""
    found = contrast_part(rows["problems"], rows["samples"], rows["weak"], recipe.pairs, recipe.answers)
    return Result({"consensus": found.consensus, "pairs": found.pairs, "merges": found.merges}, found.tally)
