"""The jobs that make training data out of completions: demonstrations, agreement, labels and pairs.

Each reads tables, applies a pure function of w2s/method and writes tables. The tables of train_2 are read in shards,
because they may be larger than memory.
"""

import heapq
from collections.abc import Collection
from functools import cache, partial

from ray_jobs.runtime.context import Context
from ray_jobs.runtime.shards import Records, Rows, rows_of, tasks_of
from ray_jobs.selection.shards import Result, over_shards
from w2s.graph.recipes import Agree, Demonstrate, Label, OpenVotes, Pair
from w2s.graph.step import Step
from w2s.method.agreement import check_kept, choose_top_up, filter_problems, top_up_candidates
from w2s.method.demonstrations import choose_demonstrations
from w2s.method.labels.majority import check_labels, label_problems
from w2s.method.labels.open_votes import find_open
from w2s.method.labels.prompt import consistency_under
from w2s.method.labels.trust import Evidence, evidence_of
from w2s.method.outcomes import listed, most_frequent_first
from w2s.method.pairs import check_pairs, pair_problems
from w2s.method.tally import Tally
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

DEMONSTRATION_INPUTS: Records = {"problems": Problem, "completions": Completion}
AGREEMENT_INPUTS: Records = {"problems": Problem, "weak": Completion, "icl": Completion}
AGREEMENT_OUTPUTS: Records = {
    **dict.fromkeys(("weak", "icl", "hybrid"), SFTExample),
    "selection": Selection,
    "merges": Merge,
}
VOTES, PLAIN_VOTES = ("samples", "greedy"), ("plain_samples", "plain_greedy")
"""Roles of M's answers that vote on labels: with the weak model's demonstrations, and without them."""
LABEL_OUTPUTS: Records = {"examples": SFTExample, "selection": Selection, "merges": Merge}
OPEN_INPUTS: Records = {"problems": Problem, "samples": Completion}
PAIR_INPUTS: Records = {"problems": Problem, **dict.fromkeys(("samples", "more", "greedy", "weak"), Completion)}
PAIR_OUTPUTS: Records = {"consensus": Consensus, "pairs": PreferencePair, "merges": Merge}


def demonstrations(step: Step, attempt: Attempt, context: Context) -> str:
    """Choose weak completions as demonstrations. Shards are read in turn, here: reading is all the work there is."""
    assert isinstance(step.recipe, Demonstrate)
    store = context.store
    shards = (rows_of(task, store, DEMONSTRATION_INPUTS) for task in tasks_of(step, store, DEMONSTRATION_INPUTS))
    tables = ((rows["problems"], rows["completions"]) for rows in shards)
    chosen = choose_demonstrations(tables, step.recipe.demonstrations, step.recipe.answers)
    attempt.write_records("demonstrations", chosen, Demonstration)
    return f"{len(chosen)} demonstrations: {', '.join(row.problem_id for row in chosen)}"


def agreement(step: Step, attempt: Attempt, context: Context) -> str:
    """Run stage I's filter over all shards; a top-up needs two passes, because it ranks the problems of all shards."""
    assert isinstance(step.recipe, Agree)
    rule, answers = step.recipe.agreement, step.recipe.answers
    prompted = [row.problem_id for row in context.store.inputs(step, "demonstrations", Demonstration)]
    topped_up: Collection[str] = ()
    if rule.top_up:
        count, smallest = partial(top_up_shard, step.recipe, prompted), partial(heapq.nsmallest, rule.top_up)
        counted = over_shards(attempt, AGREEMENT_INPUTS, {}, count, context.progress, smallest)
        topped_up = choose_top_up(counted.candidates, counted.tally, rule)
    keep = partial(agreement_shard, step.recipe, prompted, topped_up)
    total = over_shards(attempt, AGREEMENT_INPUTS, AGREEMENT_OUTPUTS, keep, context.progress).tally
    check_kept(total, rule, answers)
    attempt.write_document("summary", total.nested())
    counts = most_frequent_first(total.section("outcomes"))
    attempt.counts.update(counts | {"merged_forms": total["merged_forms",]})
    return f"{attempt.rows['weak']} of {attempt.rows['selection']} kept ({listed(counts)})"


def top_up_shard(recipe: Agree, demonstration_ids: Collection[str], rows: Rows) -> Result:
    """First pass over one shard: counts outcomes and collects candidates for the top-up; writes no tables."""
    tables = rows["problems"], rows["weak"], rows["icl"]
    filtered = filter_problems(*tables, demonstration_ids, (), recipe.agreement, recipe.answers)
    return Result(tally=filtered.tally, candidates=top_up_candidates(filtered.selection, recipe.agreement))


def agreement_shard(
    recipe: Agree, demonstration_ids: Collection[str], topped_up: Collection[str], rows: Rows
) -> Result:
    """The filter's tables of one shard; `topped_up` are the differing problems to keep."""
    tables = rows["problems"], rows["weak"], rows["icl"]
    filtered = filter_problems(*tables, demonstration_ids, topped_up, recipe.agreement, recipe.answers)
    examples = {"weak": filtered.weak_half, "icl": filtered.icl_half, "hybrid": filtered.hybrid}
    return Result({**examples, "selection": filtered.selection, "merges": filtered.merges}, filtered.tally)


def labels(step: Step, attempt: Attempt, context: Context) -> str:
    """Label problems with majorities of M's own samples.

    The choice of a prompt and trust need a pass before, because their evidence is of the problems of all shards.
    """
    assert isinstance(step.recipe, Label)
    recipe, reliability = step.recipe, step.input("reliability")
    prompted = [row.problem_id for row in context.store.inputs(step, "demonstrations", Demonstration)]

    @cache  # the prompt and trust may both ask for the same pass
    def counted(votes: tuple[str, str]) -> Tally:
        count = partial(count_shard, recipe, prompted, votes)
        return over_shards(attempt, _label_inputs(votes), {}, count, context.progress).tally

    votes, evidence, consistency = VOTES, None, None
    if step.input("plain_samples") is not None:
        consistency = consistency_under(counted(VOTES), counted(PLAIN_VOTES))
        votes = PLAIN_VOTES if consistency.prefers_plain else VOTES
    if reliability is not None:
        right: dict[str, float] = context.store.document(reliability)["right"]
        evidence = evidence_of(counted(votes), right["numerator"] / right["denominator"])
    compute = partial(label_shard, recipe, prompted, votes, evidence)
    total = over_shards(attempt, _label_inputs(votes), LABEL_OUTPUTS, compute, context.progress).tally
    check_labels(total, recipe.labels, recipe.answers)
    if consistency is not None:
        total.count("prompt", "consistency_with_demonstrations", by=consistency.demonstrations)
        total.count("prompt", "consistency_without", by=consistency.plain)
        total.count("prompt", "without_demonstrations", by=consistency.prefers_plain)
    if evidence is not None:
        total.count("trust", "reliability", by=evidence.reliability)
        total.count("trust", "agreement_right_at_most", by=evidence.bound)
        total.count("trust", "agreement_believed", by=evidence.believes_agreement)
    attempt.write_document("summary", total.nested())
    counts = most_frequent_first(total.section("outcomes"))
    attempt.counts.update(counts | {"examples": total["examples",], "merged_forms": total["merged_forms",]})
    return f"{attempt.rows['examples']} examples of {attempt.rows['selection']} problems ({listed(counts)})"


def _label_inputs(votes: tuple[str, str]) -> Records:
    return {"problems": Problem, **dict.fromkeys((*votes, "weak"), Completion)}


def count_shard(recipe: Label, demonstration_ids: Collection[str], votes: tuple[str, str], rows: Rows) -> Result:
    """A pass that only counts, on one shard."""
    return Result(tally=label_shard(recipe, demonstration_ids, votes, None, rows).tally)


def label_shard(
    recipe: Label, demonstration_ids: Collection[str], votes: tuple[str, str], evidence: Evidence | None, rows: Rows
) -> Result:
    """The labels of one shard; `votes` are the roles of the samples and the greedy answers that vote."""
    samples, greedy = votes
    tables = rows["problems"], rows[samples], rows.get(greedy, []), rows["weak"]
    labelled = label_problems(*tables, demonstration_ids, recipe.labels, recipe.answers, evidence)
    written = {"examples": labelled.examples, "selection": labelled.selection, "merges": labelled.merges}
    return Result(written, labelled.tally)


def open_votes(step: Step, attempt: Attempt, context: Context) -> str:
    """Find the problems whose vote is open; a budget needs two passes, because it ranks the problems of all shards."""
    assert isinstance(step.recipe, OpenVotes)
    more, chosen = step.recipe.more, None
    if more.budget is not None:
        first = partial(heapq.nsmallest, more.budget // more.n)
        counted = over_shards(attempt, OPEN_INPUTS, {}, partial(rank_shard, step.recipe), context.progress, first)
        chosen = frozenset(problem_id for _, problem_id in counted.candidates)
    compute = partial(open_shard, step.recipe, chosen)
    total = over_shards(attempt, OPEN_INPUTS, {"train_2": Problem}, compute, context.progress).tally
    attempt.write_document("summary", total.nested())
    attempt.counts.update(total.section("votes"))
    return f"{attempt.rows['train_2']} of {total['problems',]:.0f} problems get {more.n} more samples"


def rank_shard(recipe: OpenVotes, rows: Rows) -> Result:
    """First pass of a budget on one shard: its open problems, the closest votes first, no tables."""
    found = find_open(rows["problems"], rows["samples"], recipe.more, recipe.answers)
    assert recipe.more.budget is not None
    return Result(candidates=heapq.nsmallest(recipe.more.budget // recipe.more.n, found.candidates))


def open_shard(recipe: OpenVotes, chosen: Collection[str] | None, rows: Rows) -> Result:
    """The open problems of one shard; of a budget only the `chosen` ones."""
    found = find_open(rows["problems"], rows["samples"], recipe.more, recipe.answers)
    taken = [problem for problem in found.problems if chosen is None or problem.problem_id in chosen]
    found.tally.count("votes", "left_out_by_budget", by=len(found.problems) - len(taken))
    return Result({"train_2": taken}, found.tally)


def pairs(step: Step, attempt: Attempt, context: Context) -> str:
    """Run stage II's vote and pair rule over all shards."""
    assert isinstance(step.recipe, Pair)
    total = over_shards(attempt, PAIR_INPUTS, PAIR_OUTPUTS, partial(pair_shard, step.recipe), context.progress).tally
    check_pairs(total, step.recipe.pairs, step.recipe.answers)
    attempt.write_document("summary", total.nested())
    counts = most_frequent_first(total.section("outcomes"))
    made, weak_chosen = total["pairs", "all"], total["pairs", "weak_chosen"]
    attempt.counts.update(counts | {"pairs": made, "weak_chosen": weak_chosen, "merged_forms": total["merged_forms",]})
    return f"{made:.0f} pairs, {weak_chosen:.0f} with the weak completion chosen ({listed(counts)})"


def pair_shard(recipe: Pair, rows: Rows) -> Result:
    """The votes and pairs of one shard."""
    tables = rows["problems"], rows["samples"], rows["weak"]
    paired = pair_problems(*tables, recipe.pairs, recipe.answers, rows.get("greedy", []), rows.get("more", []))
    return Result({"consensus": paired.consensus, "pairs": paired.pairs, "merges": paired.merges}, paired.tally)
