"""Stage I's labels where M teaches itself: of each problem, completions of the majority of M's own samples.

In the first round M is prompted with the weak model's demonstrations, later it is the model of the round before. Each
problem is decided alone, so that tables of any size can be labelled in shards; it reads no gold.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from w2s.answers import Unreadable
from w2s.method.classes import Classes, classify
from w2s.method.join import by_problem, samples_by_problem
from w2s.method.labels.trust import Evidence, trusted
from w2s.method.outcomes import listed, most_frequent_first
from w2s.method.tally import Tally
from w2s.method.votes import SHARE_BINS, Vote, vote
from w2s.method.whole import part_read
from w2s.recipe import Answers, Labels
from w2s.records import Completion, Merge, Problem, Selection, SFTExample
from w2s.seed import derived_seed


@dataclass(frozen=True, slots=True)
class LabelledProblems:
    """The decision on each problem and the examples to learn, in order of problem_id."""

    examples: list[SFTExample] = field(default_factory=list[SFTExample])
    selection: list[Selection] = field(default_factory=list[Selection])
    """`icl_answer` is the majority of M's samples."""
    merges: list[Merge] = field(default_factory=list[Merge])
    tally: Tally = field(default_factory=Tally)
    """problems; outcomes; vote_share in bins; examples; merged_forms; weak_agrees, a share of all problems;
    consistency, the mean share of the majorities. The last two are what `trust.evidence_of` reads."""


def label_problems(
    problems: Sequence[Problem],
    samples: Sequence[Completion],
    greedy: Sequence[Completion],
    weak_completions: Sequence[Completion],
    demonstration_ids: Collection[str],
    rule: Labels,
    answers: Answers,
    evidence: Evidence | None,
) -> LabelledProblems:
    """Label the problems of one shard with the majority of M's samples, as far as `trust.trusted` believes it.

    `greedy` holds at most one more vote a problem, `weak_completions` at most one completion; all are joined by
    problem_id. A demonstration's own problem is left out, because M copies its answer. Truncated and unreadable samples
    do not vote, but count in the share. What is learned is the part of a majority sample that its answer was read from;
    a hash of (seed, problem_id, sample) chooses among samples with different texts.

    Raises ValueError if a (problem_id, sample) repeats or a completion's problem is unknown.
    """
    weak = by_problem(weak_completions, problems, "the weak completions")
    samples_of = samples_by_problem(samples, problems, greedy)
    labelled = LabelledProblems()
    for problem in sorted(problems, key=lambda p: p.problem_id):
        given = samples_of.get(problem.problem_id, [])
        beside = weak.get(problem.problem_id)
        classes = classify(problem, [*given, *([beside] if beside else [])], answers)
        weak_class = classes.by_completion[-1] if beside else ""
        weak_answer = weak_class if isinstance(weak_class, str) else ""
        majority = vote(classes.by_completion[: len(given)], classes.undecided, answers.equality == "paper")
        share = majority.votes / len(given) if given else 0.0
        agrees = bool(majority.answer) and not majority.obstacle and weak_answer == majority.answer
        if problem.problem_id in demonstration_ids:
            outcome = "demonstration"
        else:
            outcome = _outcome(majority, len(given), trusted(share, agrees, rule.min_share, evidence))
        labelled.selection.append(Selection(problem.problem_id, outcome, weak_answer, majority.answer))
        labelled.merges.extend(classes.merges)
        examples = _examples(problem, given, classes, majority.answer, rule) if outcome.startswith("kept") else []
        labelled.examples.extend(examples)
        _count(labelled.tally, outcome, share, agrees, majority, classes, len(examples))
    return labelled


def check_labels(tally: Tally, rule: Labels, answers: Answers) -> None:
    """Raise ValueError, with the counts and the ways out, if fewer than `rule.min_kept` problems have a label."""
    outcomes = tally.section("outcomes")
    kept = round(sum(count for outcome, count in outcomes.items() if outcome.startswith("kept")))
    if kept < rule.min_kept:
        raise ValueError(
            f"{kept} problems have a label, but labels.min_kept is {rule.min_kept}: of {sum(outcomes.values()):.0f} "
            f"problems {listed(most_frequent_first(outcomes))}. Use more train_2 problems, lower labels.min_share "
            f"({rule.min_share}), raise icl_sampled.max_tokens if many samples are truncated, set answers.family (now "
            f"{answers.family!r}) to the marker the model writes, or lower labels.min_kept"
        )


def _outcome(majority: Vote, samples: int, reason: str) -> str:
    if not samples:
        return "samples_missing"
    if not majority.answer:
        return "unreadable"
    if majority.obstacle:
        return majority.obstacle
    return {"vote": "kept", "weak": "kept_weak_agrees", "": "low_share"}[reason]


def _examples(
    problem: Problem, samples: Sequence[Completion], classes: Classes, answer: str, rule: Labels
) -> list[SFTExample]:
    """The first `rule.per_problem` majority samples with different texts, by hash."""
    voters = [sample for sample, found in zip(samples, classes.by_completion, strict=False) if found == answer]
    voters.sort(key=lambda sample: derived_seed(rule.seed, problem.problem_id, sample.sample))
    texts = list(dict.fromkeys(part_read(sample.text) for sample in voters))[: rule.per_problem]
    return [SFTExample(problem.problem_id, problem.question, text, "icl") for text in texts]


def _count(
    tally: Tally, outcome: str, share: float, agrees: bool, majority: Vote, classes: Classes, examples: int
) -> None:
    tally.count("problems")
    tally.count("outcomes", outcome)
    tally.bin("vote_share", SHARE_BINS[min(int(10 * share + 1e-9), 9)], of=SHARE_BINS)
    tally.count("examples", by=examples)
    tally.count("merged_forms", by=len(classes.merges))
    tally.count("unreadable_samples", by=sum(isinstance(found, Unreadable) for found in classes.by_completion))
    tally.share("weak_agrees", of=agrees)
    if majority.answer:
        tally.mean("consistency", value=share)
