"""Stage II: the vote of M_plus's samples on each problem, and the preference pairs it gives (paper.md, stage II.2 and II.3).

Every problem is decided alone, by `contrast_problem`, so that tables of any size can be streamed through it.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from w2s.answers import Unreadable
from w2s.method.classes import Classes, classify
from w2s.method.join import by_problem
from w2s.method.tally import Tally
from w2s.method.votes import count_problem, vote
from w2s.recipe import Answers, Pairs
from w2s.records import Completion, Consensus, Merge, PreferencePair, Problem
from w2s.seed import derived_seed


@dataclass(frozen=True, slots=True)
class Contrast:
    """Votes on all problems and the pairs they give, in order of problem_id."""

    consensus: list[Consensus]
    pairs: list[PreferencePair]
    merges: list[Merge]
    tally: Tally
    """See `votes.count_problem`."""


def contrast(
    problems: Sequence[Problem],
    samples: Sequence[Completion],
    weak_completions: Sequence[Completion],
    pairs: Pairs,
    answers: Answers,
) -> Contrast:
    """Votes and pairs over whole tables; see `contrast_problem` for the rule.

    `samples` holds M_plus's n samples a problem, `weak_completions` at most one; both are joined by problem_id, and
    the order of the inputs changes nothing.

    Raises ValueError where a (problem_id, sample) repeats, a completion's problem is unknown, or there are fewer than `pairs.min_pairs`.
    """
    found = contrast_part(problems, samples, weak_completions, pairs, answers)
    check_pairs(found.tally, pairs, answers)
    return found


def contrast_part(
    problems: Sequence[Problem],
    samples: Sequence[Completion],
    weak_completions: Sequence[Completion],
    pairs: Pairs,
    answers: Answers,
) -> Contrast:
    """Votes and pairs over the rows of some problems; see `contrast`, but for the number of pairs.

    Raises ValueError where a (problem_id, sample) repeats or a completion's problem is unknown.
    """
    weak = by_problem(weak_completions, problems, "the weak completions")
    known = {p.problem_id for p in problems}
    grouped: defaultdict[str, list[Completion]] = defaultdict(list)
    for completion in samples:
        if completion.problem_id not in known:
            raise ValueError(
                f"the samples hold problem {completion.problem_id!r}, not among the {len(known)} problems: two splits are mixed"
            )
        grouped[completion.problem_id].append(completion)
    found = Contrast([], [], [], Tally())
    for problem in sorted(problems, key=lambda p: p.problem_id):
        one = contrast_problem(problem, grouped[problem.problem_id], weak.get(problem.problem_id), pairs, answers)
        found.consensus.append(one.consensus)
        found.pairs.extend(one.pairs)
        found.merges.extend(one.classes.merges)
        count_problem(found.tally, problem, one.consensus, one.pairs, one.classes)
    return found


def check_pairs(tally: Tally, pairs: Pairs, answers: Answers) -> None:
    """Raise ValueError, with the counts and the ways out, where there are fewer than `pairs.min_pairs`."""
    made, outcomes = round(tally.get(("pairs", "all"), 0)), tally.section("outcomes")
    if made < pairs.min_pairs:
        counts = ", ".join(f"{count:.0f} {outcome}" for outcome, count in Counter(outcomes).most_common())
        raise ValueError(
            f"{made} preference pairs, pairs.min_pairs asks for {pairs.min_pairs}: of {sum(outcomes.values()):.0f} problems "
            f"{tally.get(('voted',), 0):.0f} have a readable sample ({counts}). Use more train_2 problems, lower pairs.min_confidence "
            f"({pairs.min_confidence}) or pairs.min_confidence_against_weak ({pairs.min_confidence_against_weak}), raise sampled.max_tokens if "
            f"many are truncated, raise sampled.n or sampled.temperature if the samples never disagree, set answers.family (now "
            f"{answers.family!r}) to the marker the model writes, or lower pairs.min_pairs"
        )


@dataclass(frozen=True, slots=True)
class Contrasted:
    """One problem's vote and pairs, with the classes of its samples and, last, of its weak completion where there is one."""

    consensus: Consensus
    pairs: list[PreferencePair]
    classes: Classes


def contrast_problem(
    problem: Problem, samples: Sequence[Completion], weak: Completion | None, pairs: Pairs, answers: Answers
) -> Contrasted:
    """The vote on one problem and its pairs, at most `pairs.per_problem` (paper.md, stage II.3).

    Samples vote by answer class; one that is truncated or unreadable does not vote, but counts in the denominator of the confidence.
    A tie for the most votes is no majority: taking either answer would be arbitrary. Nor is there one where classes that may or may not be
    equal could together reach the largest. In paper mode the empty answer votes too, and of tied answers the one with the lowest sample
    number wins.

    Weak answer = majority: chosen is the weak completion, rejected a sample that certainly disagrees. Weak answer differs: chosen is a majority
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
            raise ValueError(
                f"problem {problem.problem_id!r} has sample {one.sample} more than once: (problem_id, sample) must be unique"
            )
    classes = classify(problem, [*ordered, *([weak] if weak is not None else [])], answers)
    by_sample = classes.found[: len(ordered)]
    weak_class = classes.found[-1] if weak is not None else Unreadable("error")
    weak_answer = weak_class if isinstance(weak_class, str) else ""
    majority = vote(by_sample, classes.undecided, first_seen_wins=answers.equality == "paper")
    confidence = majority.votes / len(ordered) if ordered else 0.0

    def decided(outcome: str, pairs: Sequence[PreferencePair] = ()) -> Contrasted:
        found = Consensus(
            problem.problem_id, majority.answer, majority.votes, len(ordered), confidence, weak_answer, outcome
        )
        return Contrasted(found, list(pairs), classes)

    if not ordered:
        return decided("samples_missing")
    if not majority.answer:
        return decided("unreadable")
    if majority.obstacle:
        return decided(majority.obstacle)
    if confidence < pairs.min_confidence:
        return decided("low_confidence")
    if weak is None or weak.finish_reason == "error":
        return decided("weak_missing" if weak is None else "weak_failed")
    ranked = _ranked(ordered, by_sample, weak, pairs, problem.problem_id)
    if weak_class == majority.answer:
        usable = [(s, found) for s, found in ranked if found != majority.answer and not _unusable(s, answers)]
        sides = [(weak, s, weak_answer, found) for s, found in usable if classes.differ(majority.answer, found)]
        source, otherwise = "weak", "undecided:dissent" if usable else "no_dissent"
    elif reason := _unusable(weak, answers):
        return decided(f"weak_unusable:{reason}")
    elif not classes.differ(majority.answer, weak_class):
        return decided("undecided:weak")
    elif confidence < pairs.min_confidence_against_weak:
        return decided("low_confidence_against_weak")
    else:
        sides = [(s, weak, majority.answer, weak_class) for s, found in ranked if found == majority.answer]
        source, otherwise = "strong", "paired"
    made: dict[tuple[str, str], PreferencePair] = {}
    for chosen, rejected, chosen_answer, rejected_class in sides:
        texts = chosen.text.rstrip(), rejected.text.rstrip()
        rejected_answer = rejected_class if isinstance(rejected_class, str) else ""
        pair = PreferencePair(
            problem.problem_id, problem.question, *texts, source, chosen_answer, rejected_answer, confidence
        )
        made.setdefault(texts, pair)
    found = list(made.values())[: pairs.per_problem]
    return decided("paired" if found else otherwise, found)


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
