"""Stage II: the vote of M_plus's samples on each problem, and the preference pairs it gives (paper.md, stage II.2 and II.3).

Every problem is decided alone, by `contrast_problem`, so that tables of any size can be streamed through it.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from w2s.answers import Unreadable, answer_class
from w2s.consistency import by_problem
from w2s.recipe import Answers, Pairs
from w2s.records import Completion, Consensus, PreferencePair, Problem
from w2s.seed import derived_seed

OUTCOMES = {
    "paired": "at least one pair",
    "samples_missing": "no samples in the table",
    "unreadable": "no sample has a readable answer; in paper mode: the empty answer has the most votes",
    "tie": "two answers share the most votes, so there is no majority",
    "low_confidence": "the majority's vote share is under pairs.min_confidence",
    "weak_missing": "no weak completion in the table",
    "weak_failed": "the engine gave no weak completion",
    "weak_unusable:REASON": "the weak answer is not the majority's, and its completion cannot be a rejected one: truncated or blank",
    "low_confidence_against_weak": "the weak answer is not the majority's, whose vote share is under pairs.min_confidence_against_weak",
    "no_dissent": "the weak answer is the majority's, and no usable sample disagrees",
}
"""`Consensus.outcome` and its meaning, in the order of the decisions."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """Votes on all problems and the pairs they give, in order of problem_id."""

    consensus: list[Consensus]
    pairs: list[PreferencePair]


@dataclass(frozen=True, slots=True)
class _Vote:
    answer: str
    votes: int
    tied: bool


def contrast(
    problems: Sequence[Problem], samples: Sequence[Completion], weak_completions: Sequence[Completion], pairs: Pairs, answers: Answers
) -> Contrast:
    """Votes and pairs for every problem; see `contrast_problem` for the rule.

    `samples` holds M_plus's n samples a problem, `weak_completions` at most one; both are joined by problem_id, and
    the order of the inputs changes nothing.

    Raises ValueError where a (problem_id, sample) repeats, a completion's problem is unknown, or there are fewer than `pairs.min_pairs`.
    """
    weak = by_problem(weak_completions, problems, "the weak completions")
    known = {p.problem_id for p in problems}
    grouped: defaultdict[str, list[Completion]] = defaultdict(list)
    for completion in samples:
        if completion.problem_id not in known:
            raise ValueError(f"the samples hold problem {completion.problem_id!r}, not among the {len(known)} problems: two splits are mixed")
        grouped[completion.problem_id].append(completion)
    decided = [
        contrast_problem(p, grouped[p.problem_id], weak.get(p.problem_id), pairs, answers) for p in sorted(problems, key=lambda p: p.problem_id)
    ]
    found = Contrast([consensus for consensus, _ in decided], [pair for _, several in decided for pair in several])
    if len(found.pairs) < pairs.min_pairs:
        raise ValueError(_too_few(found, pairs, answers))
    return found


def contrast_problem(
    problem: Problem, samples: Sequence[Completion], weak: Completion | None, pairs: Pairs, answers: Answers
) -> tuple[Consensus, list[PreferencePair]]:
    """The vote on one problem and its pairs, at most `pairs.per_problem` (paper.md, stage II.3).

    Samples vote by answer class; one that is truncated or unreadable does not vote, but counts in the denominator of the confidence.
    A tie for the most votes is no majority: taking either answer would be arbitrary. In paper mode the empty answer votes too, and of
    tied answers the one with the lowest sample number wins.

    Weak answer = majority: chosen is the weak completion, rejected a sample that disagrees. Weak answer differs: chosen is a majority
    sample, rejected the weak completion. Which sample, is decided by a hash of (seed, problem_id, sample), with `match_length` first by
    how near its length in characters is to the other side's. No two pairs have the same texts.

    A chosen completion is always readable. A rejected one may be unreadable if it finished: it says to the end no answer, or several,
    which is wrong and worth unlearning. A truncated one is never rejected: training would append an end token that the model never
    wrote, and its length alone would mark it. In paper mode both are taken, as the paper does.

    Raises ValueError where a sample number repeats.
    """
    ordered = sorted(samples, key=lambda s: s.sample)
    for one, other in pairwise(ordered):
        if one.sample == other.sample:
            raise ValueError(f"problem {problem.problem_id!r} has sample {one.sample} more than once: (problem_id, sample) must be unique")
    classes = [answer_class(s, problem.kind, answers) for s in ordered]
    vote = _vote(classes, first_seen_wins=answers.equality == "paper")
    confidence = vote.votes / len(ordered) if ordered else 0.0
    weak_class = answer_class(weak, problem.kind, answers) if weak is not None else None
    weak_answer = weak_class if isinstance(weak_class, str) else ""

    def decided(outcome: str) -> Consensus:
        return Consensus(problem.problem_id, vote.answer, vote.votes, len(ordered), confidence, weak_answer, outcome)

    if not ordered:
        return decided("samples_missing"), []
    if not vote.answer:
        return decided("unreadable"), []
    if vote.tied:
        return decided("tie"), []
    if confidence < pairs.min_confidence:
        return decided("low_confidence"), []
    if weak is None or weak.finish_reason == "error":
        return decided("weak_missing" if weak is None else "weak_failed"), []
    ranked = _ranked(ordered, classes, weak, pairs, problem.problem_id)
    if weak_class == vote.answer:
        sides = [(weak, s, weak_answer, found) for s, found in ranked if found != vote.answer and not _unusable(s, answers)]
        source, outcome = "weak", "no_dissent"
    elif reason := _unusable(weak, answers):
        return decided(f"weak_unusable:{reason}"), []
    elif confidence < pairs.min_confidence_against_weak:
        return decided("low_confidence_against_weak"), []
    else:
        sides = [(s, weak, vote.answer, weak_class) for s, found in ranked if found == vote.answer]
        source, outcome = "strong", "paired"
    made: dict[tuple[str, str], PreferencePair] = {}
    for chosen, rejected, chosen_answer, rejected_class in sides:
        texts = chosen.text.rstrip(), rejected.text.rstrip()
        rejected_answer = rejected_class if isinstance(rejected_class, str) else ""
        pair = PreferencePair(problem.problem_id, problem.question, *texts, source, chosen_answer, rejected_answer, confidence)
        made.setdefault(texts, pair)
    found = list(made.values())[: pairs.per_problem]
    return decided("paired" if found else outcome), found


def _vote(classes: Sequence[str | Unreadable], first_seen_wins: bool) -> _Vote:
    """The class with the most votes; of tied ones the first in the alphabet, or the first seen."""
    votes = Counter(found for found in classes if isinstance(found, str))
    if not votes:
        return _Vote("", 0, False)
    most = max(votes.values())
    leading = [answer for answer, count in votes.items() if count == most]
    return _Vote(leading[0] if first_seen_wins else min(leading), most, len(leading) > 1 and not first_seen_wins)


def _ranked(
    ordered: Sequence[Completion], classes: Sequence[str | Unreadable], weak: Completion, pairs: Pairs, problem_id: str
) -> list[tuple[Completion, str | Unreadable]]:
    """Samples with their classes in the order in which pairs are made of them; failed ones are out."""

    def rank(item: tuple[Completion, str | Unreadable]) -> tuple[int, int]:
        sample = item[0]
        distance = abs(len(sample.text.rstrip()) - len(weak.text.rstrip())) if pairs.match_length else 0
        return distance, derived_seed(pairs.seed, problem_id, sample.sample)

    usable = [item for item in zip(ordered, classes, strict=True) if item[0].finish_reason != "error"]
    return sorted(usable, key=rank)


def _unusable(rejected: Completion, answers: Answers) -> str:
    """Why a completion cannot be the rejected side, '' where it can."""
    if rejected.finish_reason == "error" or not rejected.text.strip():
        return "error" if rejected.finish_reason == "error" else "empty"
    return "truncated" if rejected.finish_reason == "length" and answers.equality != "paper" else ""


def _too_few(found: Contrast, pairs: Pairs, answers: Answers) -> str:
    outcomes = Counter(c.outcome for c in found.consensus)
    counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    voted = sum(c.votes > 0 for c in found.consensus)
    return (
        f"{len(found.pairs)} preference pairs, pairs.min_pairs asks for {pairs.min_pairs}: of {len(found.consensus)} problems {voted} have "
        f"a readable sample ({counts}). Use more train_2 problems, lower pairs.min_confidence ({pairs.min_confidence}) or "
        f"pairs.min_confidence_against_weak ({pairs.min_confidence_against_weak}), raise sampled.max_tokens if many are truncated, raise "
        f"sampled.n or sampled.temperature if the samples never disagree, set answers.family (now {answers.family!r}) to the marker the "
        f"model writes, or lower pairs.min_pairs"
    )
