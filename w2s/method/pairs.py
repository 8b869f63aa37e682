"""Stage II's pair rule: M_plus's samples vote on each problem, and the vote gives preference pairs (the paper, II.2-3).

`pair_problem` decides each problem alone, so that tables of any size can be paired in shards.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product

from w2s.answers import Unreadable
from w2s.method.classes import Classes, classify
from w2s.method.join import by_problem, in_sample_order, samples_by_problem
from w2s.method.outcomes import listed, most_frequent_first
from w2s.method.tally import Tally
from w2s.method.votes import Vote, count_problem, vote
from w2s.method.whole import obstacle, part_read
from w2s.recipe import Answers, Pairs
from w2s.records import Completion, Consensus, Merge, PreferencePair, Problem
from w2s.seed import derived_seed

AnswerClass = str | Unreadable
Side = tuple[Completion, AnswerClass]
"""A completion with its answer class."""


@dataclass(frozen=True, slots=True)
class PairedProblem:
    """One problem's vote and pairs."""

    consensus: Consensus
    pairs: list[PreferencePair]
    classes: Classes
    """Of the samples in order of sample number; if there is a weak completion, its class is the last."""


@dataclass(frozen=True, slots=True)
class PairedProblems:
    """The votes on some problems and their pairs, in order of problem_id."""

    consensus: list[Consensus] = field(default_factory=list[Consensus])
    pairs: list[PreferencePair] = field(default_factory=list[PreferencePair])
    merges: list[Merge] = field(default_factory=list[Merge])
    tally: Tally = field(default_factory=Tally)
    """See `votes.count_problem`."""


def pair_problems(
    problems: Sequence[Problem],
    samples: Sequence[Completion],
    weak_completions: Sequence[Completion],
    rule: Pairs,
    answers: Answers,
    greedy: Sequence[Completion] = (),
    more: Sequence[Completion] = (),
) -> PairedProblems:
    """Apply the pair rule to the problems of one shard; see `pair_problem`.

    `samples` holds M_plus's n samples a problem, `more` further ones of some problems, `greedy` at most one more vote,
    `weak_completions` at most one completion. All are joined by problem_id; the order of rows changes nothing.

    Raises ValueError if a (problem_id, sample) repeats or a completion's problem is unknown.
    """
    weak = by_problem(weak_completions, problems, "the weak completions")
    samples_of = samples_by_problem(samples, problems, greedy, more)
    paired = PairedProblems()
    for problem in sorted(problems, key=lambda p: p.problem_id):
        given, beside = samples_of.get(problem.problem_id, []), weak.get(problem.problem_id)
        result = pair_problem(problem, given, beside, rule, answers)
        paired.consensus.append(result.consensus)
        paired.pairs.extend(result.pairs)
        paired.merges.extend(result.classes.merges)
        count_problem(paired.tally, problem, result.consensus, result.pairs, result.classes)
    return paired


def check_pairs(tally: Tally, rule: Pairs, answers: Answers) -> None:
    """Raise ValueError, with the counts and the ways out, if there are fewer than `rule.min_pairs` pairs."""
    made, outcomes = round(tally.get(("pairs", "all"), 0)), tally.section("outcomes")
    if made < rule.min_pairs:
        readable = round(tally.get(("voted",), 0))
        raise ValueError(
            f"{made} preference pairs, but pairs.min_pairs is {rule.min_pairs}: of {sum(outcomes.values()):.0f} "
            f"problems {readable} have a readable sample ({listed(most_frequent_first(outcomes))}). Use more "
            f"train_2 problems, lower pairs.min_confidence ({rule.min_confidence}) or "
            f"pairs.min_confidence_against_weak ({rule.min_confidence_against_weak}), raise sampled.max_tokens if many "
            f"samples are truncated, raise sampled.n or sampled.temperature if the samples never disagree, set "
            f"answers.family (now {answers.family!r}) to the marker the model writes, or lower pairs.min_pairs"
        )


def pair_problem(
    problem: Problem, samples: Sequence[Completion], weak: Completion | None, rule: Pairs, answers: Answers
) -> PairedProblem:
    """The vote on one problem and at most `rule.per_problem` pairs (the paper, stage II.3).

    Vote: samples vote by answer class. Truncated and unreadable samples do not vote, but count in the denominator of
    the confidence. A tie is no majority, because either answer would be arbitrary; nor is a largest class that
    undecided comparisons could overtake. In paper mode the empty answer votes too, and the lowest sample number breaks
    a tie.

    Pairs: if the weak answer is the majority's, the weak completion is chosen, and a sample that certainly disagrees is
    rejected. If the weak answer differs, a majority sample is chosen, and the weak completion is rejected. `_ranked`
    decides which samples; no two pairs have the same texts.

    With `rule="votes"` the weak answer has no say: a majority sample is chosen, and a sample of the runner-up rejected,
    the class with the most votes of those that certainly differ. Both are readable and whole. The pair's confidence is
    then the margin, the majority's share minus the runner-up's (ScPO, arXiv 2411.04109, eq. 1).

    A chosen completion is always readable. A rejected one may be unreadable if it finished: it gives no answer or
    several, which is wrong and worth unlearning. A completion that max_tokens or a stop string cut is never rejected
    (`obstacle`): training would append an end token that the model never wrote, and its length alone would give it
    away.

    Raises ValueError if a sample number repeats.
    """
    ordered = in_sample_order(samples)
    classes = classify(problem, [*ordered, *([weak] if weak is not None else [])], answers)
    by_sample = classes.by_completion[: len(ordered)]
    weak_class = classes.by_completion[-1] if weak is not None else Unreadable("error")
    majority = vote(by_sample, classes.undecided, first_seen_wins=answers.equality == "paper")
    confidence = majority.votes / len(ordered) if ordered else 0.0

    def decided(outcome: str, pairs: Sequence[PreferencePair] = ()) -> PairedProblem:
        counts = majority.votes, len(ordered), confidence
        consensus = Consensus(problem.problem_id, majority.answer, *counts, _text(weak_class), outcome)
        return PairedProblem(consensus, list(pairs), classes)

    if not ordered:
        return decided("samples_missing")
    if not majority.answer:
        return decided("unreadable")
    if majority.obstacle:
        return decided(majority.obstacle)
    if confidence < rule.min_confidence:
        return decided("low_confidence")
    if rule.rule == "votes":
        sides, margin = _against_runner_up(ordered, by_sample, classes, majority, rule)
        if not sides:
            others = {answer for answer in by_sample if isinstance(answer, str) and answer} - {majority.answer}
            return decided("undecided:dissent" if others else "no_dissent")
        if margin < rule.min_margin:
            return decided("low_margin")
        return decided("paired", _pairs(problem, sides, "strong", margin, rule))
    if weak is None or weak.finish_reason == "error":
        return decided("weak_missing" if weak is None else "weak_failed")
    ranked = _ranked([*zip(ordered, by_sample, strict=True)], weak, rule)
    weak_side = weak, weak_class
    if weak_class == majority.answer:
        dissent = [
            side for side in ranked if side[1] != majority.answer and not obstacle(side[0], problem.kind, answers)
        ]
        sides = [(weak_side, side) for side in dissent if classes.differ(majority.answer, side[1])]
        if not sides:
            return decided("undecided:dissent" if dissent else "no_dissent")
        return decided("paired", _pairs(problem, sides, "weak", confidence, rule))
    if reason := obstacle(weak, problem.kind, answers):
        return decided(f"weak_unusable:{reason}")
    if not classes.differ(majority.answer, weak_class):
        return decided("undecided:weak")
    if confidence < rule.min_confidence_against_weak:
        return decided("low_confidence_against_weak")
    sides = [(side, weak_side) for side in ranked if side[1] == majority.answer]
    return decided("paired", _pairs(problem, sides, "strong", confidence, rule))


def _against_runner_up(
    samples: Sequence[Completion], by_sample: Sequence[AnswerClass], classes: Classes, majority: Vote, rule: Pairs
) -> tuple[list[tuple[Side, Side]], float]:
    """All (majority sample, sample of the runner-up) in the order in which pairs take them, and the vote margin.

    A hash of (seed, problem_id, both samples) decides; with `match_length`, first the distance in characters. Of
    runners-up with equal votes the alphabetically first is taken.
    """
    votes = Counter(a for a in by_sample if isinstance(a, str) and a and classes.differ(majority.answer, a))
    if not votes:
        return [], 0.0
    runner_up = min(votes, key=lambda answer: (-votes[answer], answer))
    sides = [*zip(samples, by_sample, strict=True)]
    both = product(
        [side for side in sides if side[1] == majority.answer], [side for side in sides if side[1] == runner_up]
    )

    def rank(pair: tuple[Side, Side]) -> tuple[int, int]:
        (chosen, _), (rejected, _) = pair
        distance = abs(len(part_read(chosen.text)) - len(part_read(rejected.text))) if rule.match_length else 0
        return distance, derived_seed(rule.seed, chosen.problem_id, chosen.sample, rejected.sample)

    return sorted(both, key=rank), (majority.votes - votes[runner_up]) / len(samples)


def _ranked(samples: Sequence[Side], weak: Completion, rule: Pairs) -> list[Side]:
    """Samples in the order in which pairs take them, without failed ones.

    A hash of (seed, problem_id, sample) decides; with `match_length`, first the distance in characters to the weak
    completion.
    """

    def rank(side: Side) -> tuple[int, int]:
        sample = side[0]
        distance = abs(len(part_read(sample.text)) - len(part_read(weak.text))) if rule.match_length else 0
        return distance, derived_seed(rule.seed, sample.problem_id, sample.sample)

    return sorted((side for side in samples if side[0].finish_reason != "error"), key=rank)


def _pairs(
    problem: Problem, sides: Sequence[tuple[Side, Side]], source: str, confidence: float, rule: Pairs
) -> list[PreferencePair]:
    """The first `rule.per_problem` (chosen, rejected) sides whose texts are not those of an earlier pair."""
    by_texts: dict[tuple[str, str], PreferencePair] = {}
    for (chosen, chosen_class), (rejected, rejected_class) in sides:
        texts = part_read(chosen.text), part_read(rejected.text)
        classes = _text(chosen_class), _text(rejected_class)
        pair = PreferencePair(problem.problem_id, problem.question, *texts, source, *classes, confidence)
        by_texts.setdefault(texts, pair)
    return list(by_texts.values())[: rule.per_problem]


def _text(answer: AnswerClass) -> str:
    """A class as the tables hold it: empty if unreadable."""
    return answer if isinstance(answer, str) else ""
