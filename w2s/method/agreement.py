"""Stage I's filter: keep a problem where the weak model and the strong model, prompted with the weak one's work, agree.

It decides each problem alone, so that tables of any size can be filtered in shards; only the top-up ranks all problems.
It reads no gold: report/audit.py measures how right the kept set is.
"""

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from w2s.answers import Unreadable
from w2s.method.classes import classify
from w2s.method.join import by_problem
from w2s.method.outcomes import listed, most_frequent_first
from w2s.method.tally import Tally
from w2s.method.whole import part_read
from w2s.recipe import Agreement, Answers
from w2s.records import Completion, Merge, Problem, Selection, SFTExample
from w2s.seed import derived_seed

TopUpCandidate = tuple[int, str]
"""(hash of (seed, problem_id), problem_id) of a problem whose answers differ; the smallest hashes fill the set up."""


@dataclass(frozen=True, slots=True)
class FilteredProblems:
    """The filter's decision on each problem and the examples it keeps, all in order of problem_id."""

    weak_half: list[SFTExample] = field(default_factory=list[SFTExample])
    icl_half: list[SFTExample] = field(default_factory=list[SFTExample])
    hybrid: list[SFTExample] = field(default_factory=list[SFTExample])
    """Both halves interleaved: a problem's weak completion, then its ICL completion."""
    selection: list[Selection] = field(default_factory=list[Selection])
    merges: list[Merge] = field(default_factory=list[Merge])
    tally: Tally = field(default_factory=Tally)
    """problems; read {weak, icl, both}; outcomes; merged_forms; agreed, agreed_by_kind and agreed_by_level as shares of
    the problems with two readable answers."""


def filter_problems(
    problems: Sequence[Problem],
    weak_completions: Sequence[Completion],
    icl_completions: Sequence[Completion],
    demonstration_ids: Collection[str],
    topped_up: Collection[str],
    rule: Agreement,
    answers: Answers,
) -> FilteredProblems:
    """Apply the agreement filter to the problems of one shard (the paper, stage I.3; top-up: stage I.6).

    Each table holds at most one completion a problem and is joined by problem_id; the order of rows changes nothing.
    `demonstration_ids` are the problems in the strong model's prompt; a strong model prompted without demonstrations
    (iteration 2) has none. `topped_up` are the differing problems to keep all the same, from `choose_top_up`.
    Examples hold the part of the completion that the answer was read from, without trailing white space.

    Raises ValueError if a problem_id repeats or a completion's problem is unknown.
    """
    weak = by_problem(weak_completions, problems, "the weak completions")
    icl = by_problem(icl_completions, problems, "the ICL completions")
    left_out = set(demonstration_ids) if rule.leave_out_demonstrations else set[str]()
    filtered = FilteredProblems()
    for side in ("weak", "icl", "both"):
        filtered.tally.count("read", side, by=0)
    for problem in sorted(problems, key=lambda p: p.problem_id):
        problem_id = problem.problem_id
        sides = {"weak": weak.get(problem_id), "icl": icl.get(problem_id)}
        given = {side: completion for side, completion in sides.items() if completion is not None}
        selection, merges = _decide(problem, given, left_out, topped_up, answers)
        filtered.selection.append(selection)
        filtered.merges.extend(merges)
        _count(filtered.tally, problem, selection, merges)
        if selection.outcome.startswith("kept"):
            weak_example, icl_example = (_example(problem, given[side], side) for side in ("weak", "icl"))
            filtered.weak_half.append(weak_example)
            filtered.icl_half.append(icl_example)
            filtered.hybrid.extend((weak_example, icl_example))
    return filtered


def top_up_candidates(selection: Iterable[Selection], rule: Agreement) -> list[TopUpCandidate]:
    """The first `rule.top_up` candidates of one shard: the top-up never needs more of a shard than that."""
    candidates = (
        (derived_seed(rule.seed, "top_up", row.problem_id), row.problem_id)
        for row in selection
        if row.outcome == "differ"
    )
    return heapq.nsmallest(rule.top_up, candidates)


def choose_top_up(candidates: Iterable[TopUpCandidate], tally: Tally, rule: Agreement) -> frozenset[str]:
    """Ids of the differing problems that fill the kept set up to `rule.top_up`.

    `candidates` and `tally` are those of all shards. A hash ranks the candidates, so that a removed problem changes few
    choices.
    """
    missing = max(0, rule.top_up - round(tally.get(("outcomes", "kept"), 0)))
    return frozenset(problem_id for _, problem_id in heapq.nsmallest(missing, candidates))


def check_kept(tally: Tally, rule: Agreement, answers: Answers) -> None:
    """Raise ValueError, with the counts and the ways out, if the filter kept fewer than `rule.min_kept` problems."""
    outcomes = tally.section("outcomes")
    kept = round(sum(count for outcome, count in outcomes.items() if outcome.startswith("kept")))
    if kept < rule.min_kept:
        raise ValueError(
            f"{kept} problems are kept, but agreement.min_kept is {rule.min_kept}: of {sum(outcomes.values()):.0f} "
            f"problems the weak model's answer is readable on {tally['read', 'weak']:.0f}, the strong model's on "
            f"{tally['read', 'icl']:.0f} ({listed(most_frequent_first(outcomes))}). Use more train_2 problems, raise "
            f"greedy.max_tokens if many completions are truncated, set answers.family (now {answers.family!r}) to the "
            f"marker the models write, set agreement.top_up to train on differing answers too, or lower "
            f"agreement.min_kept"
        )


def _decide(
    problem: Problem,
    given: Mapping[str, Completion],
    left_out: Collection[str],
    topped_up: Collection[str],
    answers: Answers,
) -> tuple[Selection, list[Merge]]:
    """The decision on one problem; `given` has its completions by side, `left_out` the ids of demonstrations."""
    classes = classify(problem, list(given.values()), answers)
    class_of = dict(zip(given, classes.by_completion, strict=True))
    weak, icl = (answer if isinstance(answer := class_of.get(side), str) else "" for side in ("weak", "icl"))
    obstacles: list[tuple[int, str]] = []
    for side in ("weak", "icl"):
        answer = class_of.get(side)
        if answer is None:
            obstacles.append((0, f"{side}_missing"))
        elif given[side].finish_reason == "error":
            obstacles.append((1, f"{side}_failed"))
        elif isinstance(answer, Unreadable) or not answer:
            obstacles.append((2, f"{side}_unreadable:{answer.reason if isinstance(answer, Unreadable) else 'empty'}"))
    if obstacles:
        outcome = min(obstacles, key=lambda obstacle: obstacle[0])[1]
    elif problem.problem_id in left_out:
        outcome = "demonstration"
    elif weak == icl:
        outcome = "kept"
    elif not classes.differ(weak, icl):
        outcome = "undecided"
    else:
        outcome = "kept_top_up" if problem.problem_id in topped_up else "differ"
    return Selection(problem.problem_id, outcome, weak, icl), classes.merges


def _count(tally: Tally, problem: Problem, selection: Selection, merges: Sequence[Merge]) -> None:
    both_readable = bool(selection.weak_answer and selection.icl_answer)
    tally.count("problems")
    tally.count("read", "weak", by=bool(selection.weak_answer))
    tally.count("read", "icl", by=bool(selection.icl_answer))
    tally.count("read", "both", by=both_readable)
    tally.count("outcomes", selection.outcome)
    tally.count("merged_forms", by=len(merges))
    if both_readable:
        same = selection.weak_answer == selection.icl_answer
        tally.share("agreed", of=same)
        tally.share("agreed_by_kind", problem.kind or "any", of=same)
        tally.share("agreed_by_level", problem.level or "any", of=same)


def _example(problem: Problem, completion: Completion, source: str) -> SFTExample:
    return SFTExample(problem.problem_id, problem.question, part_read(completion.text), source)
