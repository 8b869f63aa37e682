"""How right the selected data are, by gold. For the report only: no step of the method reads what this returns.

All figures add up over shards. A share's denominator counts the rows whose problem has a reference; unreadable and
undecided answers count as not right.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from w2s.answers import Grade, Unreadable, grade_class
from w2s.method.classes import classify
from w2s.method.tally import Tally
from w2s.recipe import Answers
from w2s.records import Completion, Consensus, PreferencePair, Problem, Reference, Selection
from w2s.report.metrics import majority_at_k, pass_at_k


def audit_selection(
    selection: Sequence[Selection], problems: Iterable[Problem], references: Iterable[Reference], answers: Answers
) -> Tally:
    """Precision of what the filter kept, against that of all answers.

    weak_right, icl_right: of all problems; kept_weak_right, kept_icl_right: of the kept problems, so of what the two
    halves teach; kept_weak_right_by_level; both_wrong, of all problems, and same_wrong_answer, of those: errors that
    the two share pass the filter; undecided verdicts.
    """
    right = _judge(problems, references, answers)
    levels = {p.problem_id: p.level for p in problems}
    tally = Tally()
    tally.count("undecided", by=0)
    for s in selection:
        verdicts = [right(s.problem_id, answer) for answer in (s.weak_answer, s.icl_answer)]
        for side, verdict in zip(("weak", "icl"), verdicts, strict=True):
            if verdict is not None:
                tally.share(f"{side}_right", of=verdict == "right")
                tally.count("undecided", by=verdict == "undecided")
                if s.outcome.startswith("kept"):
                    tally.share(f"kept_{side}_right", of=verdict == "right")
                    tally.share(f"kept_{side}_right_by_level", levels[s.problem_id] or "any", of=verdict == "right")
        if None not in verdicts:
            tally.share("both_wrong", of=verdicts == ["wrong", "wrong"])
        if verdicts == ["wrong", "wrong"]:
            tally.share("same_wrong_answer", of=s.weak_answer == s.icl_answer != "")
    return tally


def add_calibration_error(tally: Tally) -> None:
    """Add the vote's calibration error to the tally of all shards, as `calibration_error` of pairs.

    It is the mean distance between a vote share and the share of right majorities among those with that vote share (the
    expected calibration error of arXiv 1706.04599). Distances do not add up, so a shard alone has no such figure.
    """
    place = ("pairs", "consensus_right_by_vote_share")
    for share in sorted({path[2] for path in tally if path[:2] == place}):
        of = tally.section(*place, share)
        error = abs(of["numerator"] - float(share) * of["denominator"])
        tally.share("pairs", "calibration_error", of=error, all=of["denominator"])


def audit_pairs(
    consensus: Sequence[Consensus],
    pairs: Sequence[PreferencePair],
    problems: Iterable[Problem],
    references: Iterable[Reference],
    answers: Answers,
) -> Tally:
    """chosen_right and rejected_right, of all pairs; consensus_right, of problems with a vote; undecided verdicts.

    consensus_right and chosen_right also by vote share (to two digits) and by level. chosen_longer: of the pairs with a
    right chosen side and of those with a wrong one, the share whose chosen side has more characters; equal lengths
    count one half. Where both are far from one half and alike, preference training can learn length in place of truth.
    Unlike majority_at_n, consensus_right leaves out a problem without a readable sample, and a tie has one answer.
    """
    problems = list(problems)
    levels = {p.problem_id: p.level or "any" for p in problems}
    right = _judge(problems, references, answers)
    tally = Tally()
    tally.count("undecided", by=0)
    rows = [("consensus_right", c.problem_id, c.answer, c.confidence) for c in consensus if c.answer]
    rows += [("chosen_right", p.problem_id, p.chosen_answer, p.confidence) for p in pairs]
    for name, problem_id, answer, confidence in rows:
        if (verdict := right(problem_id, answer)) is not None:
            tally.share(name, of=verdict == "right")
            tally.share(f"{name}_by_vote_share", f"{confidence:.2f}", of=verdict == "right")
            tally.share(f"{name}_by_level", levels[problem_id], of=verdict == "right")
            tally.count("undecided", by=verdict == "undecided")
    for pair in pairs:
        chosen, rejected = (right(pair.problem_id, side) for side in (pair.chosen_answer, pair.rejected_answer))
        if chosen is not None and rejected is not None:
            tally.share("rejected_right", of=rejected == "right")
            tally.count("undecided", by=rejected == "undecided")
            longer = (len(pair.chosen) > len(pair.rejected)) + (len(pair.chosen) == len(pair.rejected)) / 2
            tally.share("chosen_longer", "chosen right" if chosen == "right" else "chosen not right", of=longer)
    return tally


def audit_samples(
    samples: Iterable[Completion], problems: Iterable[Problem], references: Iterable[Reference], answers: Answers
) -> Tally:
    """pass_at_1, pass_at_n and majority_at_n of M_plus's samples, as credits of problems; a tie shares its credit."""
    by_id = {p.problem_id: p for p in problems}
    right = _judge(by_id.values(), references, answers)
    grouped: defaultdict[str, list[Completion]] = defaultdict(list)
    for one in samples:
        grouped[one.problem_id].append(one)
    tally = Tally()
    for problem_id, group in grouped.items():
        found = classify(by_id[problem_id], sorted(group, key=lambda c: c.sample), answers).by_completion
        verdicts = [right(problem_id, one if isinstance(one, str) else "") for one in found]
        if None not in verdicts:
            rightly, n = [verdict == "right" for verdict in verdicts], len(group)
            tally.share("pass_at_1", of=pass_at_k(rightly, 1))
            tally.share("pass_at_n", of=pass_at_k(rightly, n))
            tally.share(
                "majority_at_n", of=majority_at_k([one if isinstance(one, str) else None for one in found], rightly, n)
            )
    return tally


def _judge(
    problems: Iterable[Problem], references: Iterable[Reference], answers: Answers
) -> Callable[[str, str], str | None]:
    """A function from (problem_id, answer class) to a verdict, None without a reference."""
    kinds = {p.problem_id: p.kind for p in problems}
    gold = {r.problem_id: r for r in references}
    known: dict[tuple[str, str], Grade] = {}

    def verdict(problem_id: str, answer: str) -> str | None:
        if problem_id not in gold:
            return None
        key = problem_id, answer
        if key not in known:
            known[key] = grade_class(answer or Unreadable("empty"), gold[problem_id], kinds[problem_id], answers)
        return known[key].verdict

    return verdict
