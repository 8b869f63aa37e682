"""The agreement filter and the pair rule over whole tables, from the functions that the jobs call on each shard."""

from collections.abc import Collection, Sequence

from w2s.method.agreement import FilteredProblems, check_kept, choose_top_up, filter_problems, top_up_candidates
from w2s.method.pairs import PairedProblems, check_pairs, pair_problems
from w2s.recipe import Agreement, Answers, Pairs
from w2s.records import Completion, Problem


def agreement(
    problems: Sequence[Problem],
    weak: Sequence[Completion],
    icl: Sequence[Completion],
    demonstration_ids: Collection[str],
    rule: Agreement,
    answers: Answers,
) -> FilteredProblems:
    """The filter with both passes of a top-up, and its check."""
    tables = problems, weak, icl
    filtered = filter_problems(*tables, demonstration_ids, (), rule, answers)
    if rule.top_up:
        topped_up = choose_top_up(top_up_candidates(filtered.selection, rule), filtered.tally, rule)
        filtered = filter_problems(*tables, demonstration_ids, topped_up, rule, answers)
    check_kept(filtered.tally, rule, answers)
    return filtered


def pairs(
    problems: Sequence[Problem],
    samples: Sequence[Completion],
    weak: Sequence[Completion],
    rule: Pairs,
    answers: Answers,
) -> PairedProblems:
    """The pair rule and its check."""
    paired = pair_problems(problems, samples, weak, rule, answers)
    check_pairs(paired.tally, rule, answers)
    return paired
