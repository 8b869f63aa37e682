"""How right the selected data are, by gold. For the report only: no step of the method reads what this returns."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from w2s.answers import Unreadable, grade_class
from w2s.recipe import Answers
from w2s.records import Consensus, PreferencePair, Problem, Reference, Selection

SHARE_BINS = 10


@dataclass(frozen=True, slots=True)
class Ratio:
    """A share with the counts it is made of."""

    numerator: int
    denominator: int

    @property
    def value(self) -> float | None:
        """numerator / denominator, None where the denominator is 0."""
        return self.numerator / self.denominator if self.denominator else None


@dataclass(frozen=True, slots=True)
class SelectionAudit:
    """Rightness before and after the agreement filter. Unreadable answers count as not right."""

    weak_right: Ratio
    """Of all problems with a reference."""
    icl_right: Ratio
    weak_half_right: Ratio
    """Of the kept problems with a reference: what the weak half teaches."""
    icl_half_right: Ratio
    undecided: int
    """Verdicts that canonical forms could not decide; they count as not right."""
    outcomes: dict[str, int]
    """Problems by `Selection.outcome`."""


@dataclass(frozen=True, slots=True)
class PairAudit:
    """Rightness and length of the preference pairs, and the votes behind them."""

    chosen_right: Ratio
    rejected_right: Ratio
    weak_chosen: Ratio
    """Pairs whose chosen side is the weak model's."""
    rejected_unreadable: Ratio
    majority_right: Ratio
    """Of all problems with a reference and a readable sample."""
    undecided: int
    chosen_mean_characters: float | None
    rejected_mean_characters: float | None
    confidence_histogram: tuple[int, ...]
    """Problems with samples by vote share, in 10 equal bins: [0, 0.1), ... [0.9, 1]."""
    outcomes: dict[str, int]
    """Problems by `Consensus.outcome`."""


def audit_selection(selection: Sequence[Selection], problems: Iterable[Problem], references: Iterable[Reference], answers: Answers) -> SelectionAudit:
    """Precision of what the filter kept, against that of all answers; problems without a reference are left out of the ratios."""
    right, undecided = _judge(problems, references, answers)
    judged = [(s.outcome.startswith("kept"), right(s.problem_id, s.weak_answer), right(s.problem_id, s.icl_answer)) for s in selection]
    kept = [(weak, icl) for is_kept, weak, icl in judged if is_kept]
    return SelectionAudit(
        weak_right=_ratio(weak for _, weak, _ in judged),
        icl_right=_ratio(icl for _, _, icl in judged),
        weak_half_right=_ratio(weak for weak, _ in kept),
        icl_half_right=_ratio(icl for _, icl in kept),
        undecided=len(undecided),
        outcomes=dict(Counter(s.outcome for s in selection).most_common()),
    )


def audit_pairs(
    consensus: Sequence[Consensus],
    pairs: Sequence[PreferencePair],
    problems: Iterable[Problem],
    references: Iterable[Reference],
    answers: Answers,
) -> PairAudit:
    """Precision of the chosen side and of the majority, rightness of the rejected side, lengths and vote shares."""
    right, undecided = _judge(problems, references, answers)
    histogram = [0] * SHARE_BINS
    for vote in consensus:
        if vote.samples:
            histogram[min(SHARE_BINS * vote.votes // vote.samples, SHARE_BINS - 1)] += 1
    return PairAudit(
        chosen_right=_ratio(right(p.problem_id, p.chosen_answer) for p in pairs),
        rejected_right=_ratio(right(p.problem_id, p.rejected_answer) for p in pairs),
        weak_chosen=Ratio(sum(p.chosen_source == "weak" for p in pairs), len(pairs)),
        rejected_unreadable=Ratio(sum(not p.rejected_answer for p in pairs), len(pairs)),
        majority_right=_ratio(right(c.problem_id, c.answer) for c in consensus if c.answer),
        undecided=len(undecided),
        chosen_mean_characters=_mean([len(p.chosen) for p in pairs]),
        rejected_mean_characters=_mean([len(p.rejected) for p in pairs]),
        confidence_histogram=tuple(histogram),
        outcomes=dict(Counter(c.outcome for c in consensus).most_common()),
    )


def _judge(
    problems: Iterable[Problem], references: Iterable[Reference], answers: Answers
) -> tuple[Callable[[str, str], bool | None], set[tuple[str, str]]]:
    """A function from (problem_id, answer class) to right or not, None without a reference; and the undecided ones it meets."""
    kinds = {p.problem_id: p.kind for p in problems}
    gold = {r.problem_id: r for r in references}
    undecided: set[tuple[str, str]] = set()

    def right(problem_id: str, answer: str) -> bool | None:
        reference = gold.get(problem_id)
        if reference is None:
            return None
        verdict = grade_class(answer or Unreadable("empty"), reference, kinds[problem_id], answers).verdict
        if verdict == "undecided":
            undecided.add((problem_id, answer))
        return verdict == "right"

    return right, undecided


def _ratio(verdicts: Iterable[bool | None]) -> Ratio:
    known = [verdict for verdict in verdicts if verdict is not None]
    return Ratio(sum(known), len(known))


def _mean(lengths: Sequence[int]) -> float | None:
    return sum(lengths) / len(lengths) if lengths else None
