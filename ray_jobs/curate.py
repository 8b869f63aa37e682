"""The cheap steps between sampling and training: tables in, a pure function of w2s, tables out."""

import heapq
from collections import Counter
from collections.abc import Collection
from functools import partial
from typing import Any

from ray_jobs.progress import Progress
from ray_jobs.resources import Resources
from ray_jobs.shards import Result, Rows, over_shards, rows_of, tasks_of
from ray_jobs.versions import versions
from w2s.consistency import agree_part, candidates, check_kept, top_up
from w2s.demonstrations import choose_demonstrations
from w2s.preferences import check_pairs, contrast_part
from w2s.problems import read_problems
from w2s.recipe import DatasetProblems, WorldProblems
from w2s.records import Completion, Consensus, Demonstration, Duplicate, Merge, PreferencePair, Problem, Reference, Selection, SFTExample
from w2s.step import Step
from w2s.step_recipes import Agree, Demonstrate, Pair
from w2s.store import Store

AGREE_INPUTS: dict[str, type[Any]] = {"problems": Problem, "weak": Completion, "icl": Completion}
AGREE_OUTPUTS: dict[str, type[Any]] = {"weak": SFTExample, "icl": SFTExample, "hybrid": SFTExample, "selection": Selection, "merges": Merge}
PAIR_INPUTS: dict[str, type[Any]] = {"problems": Problem, "samples": Completion, "weak": Completion}
PAIR_OUTPUTS: dict[str, type[Any]] = {"consensus": Consensus, "pairs": PreferencePair, "merges": Merge}


def problems(steps: list[Step], store: Store, resources: Resources, progress: Progress) -> None:
    """The three splits' problems and references, in order of problem_id, and the questions found in two splits."""
    (step,) = steps
    assert isinstance(step.recipe, DatasetProblems | WorldProblems)
    attempt = store.attempt(step)
    splits, counts, duplicates = read_problems(step.recipe)
    for name, split in splits.items():
        attempt.write_records(name, sorted(split.problems, key=lambda p: p.problem_id), Problem)
        attempt.write_records(f"{name}_references", sorted(split.references, key=lambda r: r.problem_id), Reference)
    attempt.write_records("duplicates", duplicates, Duplicate)
    attempt.counts.update(counts)
    attempt.commit(versions("datasets", "datasketch"))
    progress.finished(step.name, ", ".join(f"{len(split.problems)} {name}" for name, split in splits.items()) + _removed(counts))


def demonstrations(steps: list[Step], store: Store, resources: Resources, progress: Progress) -> None:
    """Demonstrations from the weak model's completions."""
    (step,) = steps
    assert isinstance(step.recipe, Demonstrate)
    attempt = store.attempt(step)
    inputs: dict[str, type[Any]] = {"problems": Problem, "completions": Completion}
    shards = (rows_of(task, store, inputs) for task in tasks_of(step, store, inputs))  # here, one after the other: reading is all there is to do
    parts = ((rows["problems"], rows["completions"]) for rows in shards)
    rows = choose_demonstrations(parts, step.recipe.demonstrations, step.recipe.answers)
    attempt.write_records("demonstrations", rows, Demonstration)
    attempt.commit(versions())
    progress.finished(step.name, f"{len(rows)} demonstrations: {', '.join(row.problem_id for row in rows)}")


def consistent(steps: list[Step], store: Store, resources: Resources, progress: Progress) -> None:
    """Stage I's kept examples; with a top-up in two passes, for who fills up is known when all are counted."""
    (step,) = steps
    assert isinstance(step.recipe, Agree)
    attempt, agreement, answers = store.attempt(step), step.recipe.agreement, step.recipe.answers
    shown = [one.problem_id for one in store.inputs(step, "demonstrations", Demonstration)]
    topped_up: Collection[str] = ()
    if agreement.top_up:
        look, first = partial(agree_shard, step.recipe, shown, None), partial(heapq.nsmallest, agreement.top_up)
        looked = over_shards(attempt, AGREE_INPUTS, AGREE_OUTPUTS, look, progress, first)
        topped_up = top_up(looked.smallest, looked.tally, agreement)
    total = over_shards(attempt, AGREE_INPUTS, AGREE_OUTPUTS, partial(agree_shard, step.recipe, shown, topped_up), progress).tally
    check_kept(total, agreement, answers)
    attempt.write_document("summary", total.nested())
    counts = outcomes(total.section("outcomes"))
    attempt.counts.update(counts | {"merged_forms": total["merged_forms",]})
    attempt.commit(versions())
    progress.finished(step.name, f"{attempt.rows['weak']} of {attempt.rows['selection']} kept ({listed(counts)})")


def agree_shard(recipe: Agree, shown: Collection[str], topped_up: Collection[str] | None, rows: Rows) -> Result:
    """The filter on one shard; without `topped_up` it only counts and names candidates for it."""
    found = agree_part(rows["problems"], rows["weak"], rows["icl"], shown, topped_up or (), recipe.agreement, recipe.answers)
    if topped_up is None:
        return Result({}, found.tally, candidates(found.selection, recipe.agreement))
    tables = {"weak": found.weak_half, "icl": found.icl_half, "hybrid": found.hybrid, "selection": found.selection, "merges": found.merges}
    return Result(tables, found.tally)


def pairs(steps: list[Step], store: Store, resources: Resources, progress: Progress) -> None:
    """Stage II's votes and preference pairs."""
    (step,) = steps
    assert isinstance(step.recipe, Pair)
    attempt = store.attempt(step)
    total = over_shards(attempt, PAIR_INPUTS, PAIR_OUTPUTS, partial(contrast_shard, step.recipe), progress).tally
    check_pairs(total, step.recipe.pairs, step.recipe.answers)
    attempt.write_document("summary", total.nested())
    counts = outcomes(total.section("outcomes"))
    made, by_weak = total["pairs", "all"], total["pairs", "weak_chosen"]
    attempt.counts.update(counts | {"pairs": made, "weak_chosen": by_weak, "merged_forms": total["merged_forms",]})
    attempt.commit(versions())
    progress.finished(step.name, f"{made:.0f} pairs, {by_weak:.0f} with the weak completion chosen ({listed(counts)})")


def contrast_shard(recipe: Pair, rows: Rows) -> Result:
    """Votes and pairs on one shard."""
    found = contrast_part(rows["problems"], rows["samples"], rows["weak"], recipe.pairs, recipe.answers)
    return Result({"consensus": found.consensus, "pairs": found.pairs, "merges": found.merges}, found.tally)


def outcomes(counts: dict[str, float]) -> dict[str, float]:
    """Problems by outcome, the most frequent first."""
    return dict(Counter(counts).most_common())


def listed(counts: dict[str, float]) -> str:
    """Counts as `3 kept, 1 differ`."""
    return ", ".join(f"{count:.0f} {name}" for name, count in counts.items())


def _removed(counts: dict[str, float]) -> str:
    return f" ({listed({name: count for name, count in counts.items() if count})})" if any(counts.values()) else ""
