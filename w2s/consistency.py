"""Stage I's filter: a problem is kept where the weak model and the strong model, prompted by the weak one's work, agree.

No gold is read here; how right the kept set is, is audit.py's matter.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from w2s.answers import Unreadable, answer_class
from w2s.recipe import Agreement, Answers
from w2s.records import Completion, Problem, Selection, SFTExample
from w2s.seed import derived_seed

OUTCOMES = {
    "kept": "both answers are readable and the same",
    "kept_top_up": "the answers differ; taken to fill up to agreement.top_up",
    "differ": "both answers are readable and differ",
    "demonstration": "the problem was shown in the strong model's prompt with the weak model's answer, which it would copy",
    "weak_missing": "no weak completion in the table",
    "icl_missing": "no ICL completion in the table",
    "weak_failed": "the engine gave no weak completion",
    "icl_failed": "the engine gave no ICL completion",
    "weak_unreadable:REASON": "the weak completion has no readable answer, for one of answers.answer.REASONS",
    "icl_unreadable:REASON": "the same for the ICL completion",
}
"""`Selection.outcome` and its meaning. Where several apply: missing, failed, unreadable (the weak side's first), demonstration, differ."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """What the filter leaves: examples by source, and its decision on every problem, all in order of problem_id."""

    weak_half: list[SFTExample]
    icl_half: list[SFTExample]
    hybrid: list[SFTExample]
    """Both halves, problem by problem: the weak completion, then the ICL completion."""
    selection: list[Selection]


def agree(
    problems: Sequence[Problem],
    weak_completions: Sequence[Completion],
    icl_completions: Sequence[Completion],
    demonstration_ids: Collection[str],
    agreement: Agreement,
    answers: Answers,
) -> Agreed:
    """The agreement filter (paper.md, stage I.3; top-up: stage I.6).

    Each table holds at most one completion a problem and is joined by problem_id; the order of the inputs changes nothing.
    `demonstration_ids` are the problems in the strong model's prompt, none where it was prompted without demonstrations
    (iteration 2). Examples hold the completion as generated, without trailing space.

    `agreement.top_up`: where fewer problems agree, those that differ with the smallest hash of (seed, problem_id) fill up to it.

    Raises ValueError where a problem_id repeats, a completion's problem is unknown, or fewer than `agreement.min_kept` are kept.
    """
    weak = by_problem(weak_completions, problems, "the weak completions")
    icl = by_problem(icl_completions, problems, "the ICL completions")
    shown = set(demonstration_ids) if agreement.leave_out_demonstrations else set[str]()
    ordered = sorted(problems, key=lambda p: p.problem_id)
    decided = {p.problem_id: _decide(p, weak.get(p.problem_id), icl.get(p.problem_id), shown, answers) for p in ordered}
    kept = sum(s.outcome == "kept" for s in decided.values())
    differing = sorted((p for p, s in decided.items() if s.outcome == "differ"), key=lambda p: (derived_seed(agreement.seed, "top_up", p), p))
    for problem_id in differing[: max(0, agreement.top_up - kept)]:
        s = decided[problem_id]
        decided[problem_id] = Selection(problem_id, "kept_top_up", s.weak_answer, s.icl_answer)
    selection = list(decided.values())
    kept_problems = [p for p in ordered if decided[p.problem_id].outcome.startswith("kept")]
    if len(kept_problems) < agreement.min_kept:
        raise ValueError(_too_few(selection, len(kept_problems), agreement, answers))
    weak_half = [_example(p, weak[p.problem_id], "weak") for p in kept_problems]
    icl_half = [_example(p, icl[p.problem_id], "icl") for p in kept_problems]
    hybrid = [example for both in zip(weak_half, icl_half, strict=True) for example in both]
    return Agreed(weak_half, icl_half, hybrid, selection)


def by_problem(completions: Sequence[Completion], problems: Sequence[Problem], table: str) -> dict[str, Completion]:
    """Completions by problem_id, for tables with one completion a problem; `table` names it in errors.

    Raises ValueError where a problem_id repeats in either, or a completion's problem is not among `problems`.
    """
    known = {p.problem_id for p in problems}
    if len(known) < len(problems):
        repeated = [problem_id for problem_id, count in Counter(p.problem_id for p in problems).items() if count > 1]
        raise ValueError(f"{len(repeated)} problem ids repeat in the problems, among them {repeated[0]!r}: ids must be unique")
    found: dict[str, Completion] = {}
    for completion in completions:
        problem_id = completion.problem_id
        if problem_id in found:
            raise ValueError(f"{table} hold problem {problem_id!r} more than once: sample with n=1, or select one sample first")
        if problem_id not in known:
            raise ValueError(f"{table} hold problem {problem_id!r}, not among the {len(known)} problems: two splits are mixed")
        found[problem_id] = completion
    return found


def _decide(problem: Problem, weak: Completion | None, icl: Completion | None, shown: Collection[str], answers: Answers) -> Selection:
    texts: list[str] = []
    obstacles: list[tuple[int, str]] = []
    for side, completion in (("weak", weak), ("icl", icl)):
        found = answer_class(completion, problem.kind, answers) if completion is not None else ""
        texts.append(found if isinstance(found, str) else "")
        if completion is None:
            obstacles.append((0, f"{side}_missing"))
        elif completion.finish_reason == "error":
            obstacles.append((1, f"{side}_failed"))
        elif not texts[-1]:
            obstacles.append((2, f"{side}_unreadable:{found.reason if isinstance(found, Unreadable) else 'empty'}"))
    if obstacles:
        outcome = min(obstacles, key=lambda obstacle: obstacle[0])[1]
    elif problem.problem_id in shown:
        outcome = "demonstration"
    else:
        outcome = "kept" if texts[0] == texts[1] else "differ"
    return Selection(problem.problem_id, outcome, texts[0], texts[1])


def _example(problem: Problem, completion: Completion, source: str) -> SFTExample:
    return SFTExample(problem.problem_id, problem.question, completion.text.rstrip(), source)


def _too_few(selection: Sequence[Selection], kept: int, agreement: Agreement, answers: Answers) -> str:
    outcomes = Counter(s.outcome for s in selection)
    counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    return (
        f"{kept} problems are kept, agreement.min_kept asks for {agreement.min_kept}: of {len(selection)} problems the weak model's "
        f"answer is readable on {sum(bool(s.weak_answer) for s in selection)}, the strong model's on "
        f"{sum(bool(s.icl_answer) for s in selection)} ({counts}). Use more train_2 problems, raise greedy.max_tokens if many are "
        f"truncated, set answers.family (now {answers.family!r}) to the marker the models write, set agreement.top_up to train on differing "
        f"answers too, or lower agreement.min_kept"
    )
