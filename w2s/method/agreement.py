"""Stage I's filter: a problem is kept where the weak model and the strong model, prompted by the weak one's work, agree.

Every problem is decided alone, so that tables of any size can be filtered in parts; only the top-up looks at all of them. No gold is
read here; how right the kept set is, is audit.py's matter.
"""

import heapq
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from w2s.answers import Unreadable
from w2s.method.classes import classify
from w2s.method.join import by_problem
from w2s.method.tally import Tally
from w2s.recipe import Agreement, Answers
from w2s.records import Completion, Merge, Problem, Selection, SFTExample
from w2s.seed import derived_seed

Candidate = tuple[int, str]
"""Hash of (seed, problem_id), and the problem_id: the order in which differing problems fill up."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """What the filter leaves: examples by source, and its decision on every problem, all in order of problem_id."""

    weak_half: list[SFTExample]
    icl_half: list[SFTExample]
    hybrid: list[SFTExample]
    """Both halves, problem by problem: the weak completion, then the ICL completion."""
    selection: list[Selection]
    merges: list[Merge]
    tally: Tally
    """problems; read {weak, icl, both}; outcomes; agreed, with agreed_by_kind and agreed_by_level: of those read on both sides;
    merged_forms."""


def agree(
    problems: Sequence[Problem],
    weak_completions: Sequence[Completion],
    icl_completions: Sequence[Completion],
    demonstration_ids: Collection[str],
    agreement: Agreement,
    answers: Answers,
) -> Agreed:
    """The agreement filter over whole tables (paper.md, stage I.3; top-up: stage I.6).

    Each table holds at most one completion a problem and is joined by problem_id; the order of the inputs changes nothing.
    `demonstration_ids` are the problems in the strong model's prompt, none where it was prompted without demonstrations
    (iteration 2). Examples hold the completion as generated, without trailing space.

    `agreement.top_up`: where fewer problems agree, those that differ with the smallest hash of (seed, problem_id) fill up to it.

    Raises ValueError where a problem_id repeats, a completion's problem is unknown, or fewer than `agreement.min_kept` are kept.
    """
    tables = problems, weak_completions, icl_completions
    found = agree_part(*tables, demonstration_ids, (), agreement, answers)
    if agreement.top_up:
        topped_up = top_up(candidates(found.selection, agreement), found.tally, agreement)
        found = agree_part(*tables, demonstration_ids, topped_up, agreement, answers)
    check_kept(found.tally, agreement, answers)
    return found


def agree_part(
    problems: Sequence[Problem],
    weak_completions: Sequence[Completion],
    icl_completions: Sequence[Completion],
    demonstration_ids: Collection[str],
    topped_up: Collection[str],
    agreement: Agreement,
    answers: Answers,
) -> Agreed:
    """The filter over the rows of some problems; `topped_up` are those to be kept although they differ. See `agree`.

    Raises ValueError where a problem_id repeats or a completion's problem is unknown.
    """
    weak = by_problem(weak_completions, problems, "the weak completions")
    icl = by_problem(icl_completions, problems, "the ICL completions")
    shown = set(demonstration_ids) if agreement.leave_out_demonstrations else set[str]()
    found = Agreed([], [], [], [], [], Tally())
    for section in ("weak", "icl", "both"):
        found.tally.count("read", section, by=0)
    for problem in sorted(problems, key=lambda p: p.problem_id):
        problem_id = problem.problem_id
        selected, merges = _decide(problem, weak.get(problem_id), icl.get(problem_id), shown, answers)
        if selected.outcome == "differ" and problem_id in topped_up:
            selected = Selection(problem_id, "kept_top_up", selected.weak_answer, selected.icl_answer)
        found.selection.append(selected)
        found.merges.extend(merges)
        _count(found.tally, problem, selected, merges)
        if selected.outcome.startswith("kept"):
            both = _example(problem, weak[problem_id], "weak"), _example(problem, icl[problem_id], "icl")
            found.weak_half.append(both[0])
            found.icl_half.append(both[1])
            found.hybrid.extend(both)
    return found


def candidates(selection: Iterable[Selection], agreement: Agreement) -> list[Candidate]:
    """The `agreement.top_up` first of the problems that could fill up: enough of every part to choose from."""
    differing = (
        (derived_seed(agreement.seed, "top_up", s.problem_id), s.problem_id) for s in selection if s.outcome == "differ"
    )
    return heapq.nsmallest(agreement.top_up, differing)


def top_up(found: Iterable[Candidate], tally: Tally, agreement: Agreement) -> frozenset[str]:
    """Problems to keep although their answers differ, out of the `candidates` of all parts; `tally` is that of all parts."""
    missing = max(0, agreement.top_up - round(tally.get(("outcomes", "kept"), 0)))
    return frozenset(problem_id for _, problem_id in heapq.nsmallest(missing, found))


def check_kept(tally: Tally, agreement: Agreement, answers: Answers) -> None:
    """Raise ValueError, with the counts and the ways out, where fewer than `agreement.min_kept` problems are kept."""
    outcomes = tally.section("outcomes")
    kept = round(sum(count for outcome, count in outcomes.items() if outcome.startswith("kept")))
    if kept < agreement.min_kept:
        counts = ", ".join(f"{count:.0f} {outcome}" for outcome, count in Counter(outcomes).most_common())
        raise ValueError(
            f"{kept} problems are kept, agreement.min_kept asks for {agreement.min_kept}: of {sum(outcomes.values()):.0f} problems the weak "
            f"model's answer is readable on {tally['read', 'weak']:.0f}, the strong model's on {tally['read', 'icl']:.0f} ({counts}). Use more "
            f"train_2 problems, raise greedy.max_tokens if many are truncated, set answers.family (now {answers.family!r}) to the marker the "
            f"models write, set agreement.top_up to train on differing answers too, or lower agreement.min_kept"
        )


def _decide(
    problem: Problem, weak: Completion | None, icl: Completion | None, shown: Collection[str], answers: Answers
) -> tuple[Selection, list[Merge]]:
    given = {side: completion for side, completion in (("weak", weak), ("icl", icl)) if completion is not None}
    classes = classify(problem, list(given.values()), answers)
    found = dict(zip(given, classes.found, strict=True))
    texts = [one if isinstance(one := found.get(side), str) else "" for side in ("weak", "icl")]
    obstacles: list[tuple[int, str]] = []
    for side in ("weak", "icl"):
        one = found.get(side)
        if side not in given:
            obstacles.append((0, f"{side}_missing"))
        elif given[side].finish_reason == "error":
            obstacles.append((1, f"{side}_failed"))
        elif not one or isinstance(one, Unreadable):
            obstacles.append((2, f"{side}_unreadable:{one.reason if isinstance(one, Unreadable) else 'empty'}"))
    if obstacles:
        outcome = min(obstacles, key=lambda obstacle: obstacle[0])[1]
    elif problem.problem_id in shown:
        outcome = "demonstration"
    else:
        outcome = "kept" if texts[0] == texts[1] else "differ" if classes.differ(*texts) else "undecided"
    return Selection(problem.problem_id, outcome, *texts), classes.merges


def _count(tally: Tally, problem: Problem, selected: Selection, merges: Sequence[Merge]) -> None:
    both = bool(selected.weak_answer and selected.icl_answer)
    tally.count("problems")
    tally.count("read", "weak", by=bool(selected.weak_answer))
    tally.count("read", "icl", by=bool(selected.icl_answer))
    tally.count("read", "both", by=both)
    tally.count("outcomes", selected.outcome)
    tally.count("merged_forms", by=len(merges))
    if both:
        same = selected.weak_answer == selected.icl_answer
        tally.share("agreed", of=same)
        tally.share("agreed_by_kind", problem.kind or "any", of=same)
        tally.share("agreed_by_level", problem.level or "any", of=same)


def _example(problem: Problem, completion: Completion, source: str) -> SFTExample:
    return SFTExample(problem.problem_id, problem.question, completion.text.rstrip(), source)
