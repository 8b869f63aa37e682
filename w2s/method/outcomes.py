"""What the agreement filter and the pair rule decide for a problem: names, meanings and listed counts.

Outcomes are plain strings in the tables, because some carry a reason after a colon (one of answers' REASONS).
"""

from collections import Counter
from collections.abc import Mapping

AGREEMENT_OUTCOMES = {
    "kept": "both answers are readable and equal",
    "kept_top_up": "the answers differ; kept to fill the set up to agreement.top_up",
    "differ": "both answers are readable and certainly differ",
    "undecided": "both answers are readable; the comparison could not decide whether they are equal",
    "demonstration": "the problem is a demonstration in the strong model's prompt, which would copy the weak answer",
    "weak_missing": "the table has no weak completion",
    "icl_missing": "the table has no ICL completion",
    "weak_failed": "the engine returned an error for the weak completion",
    "icl_failed": "the engine returned an error for the ICL completion",
    "weak_unreadable:REASON": "the weak completion has no readable answer; REASON is one of answers' REASONS",
    "icl_unreadable:REASON": "the ICL completion has no readable answer; REASON is one of answers' REASONS",
}
"""`Selection.outcome` and its meaning.

If several apply, the first in this order holds: missing, failed, unreadable (weak before ICL), demonstration, the rest.
"""

LABEL_OUTCOMES = {
    "kept": "the majority's vote share is at least labels.min_share",
    "kept_weak_agrees": "the share is lower, but the weak model gives the same answer and its agreement is believed",
    "demonstration": "the problem is a demonstration in the strong model's prompt, which would copy the weak answer",
    "samples_missing": "the table has no samples",
    "unreadable": "no sample has a readable answer; in paper mode: the empty answer has the most votes",
    "undecided:majority": "which answer has the most votes depends on classes that may or may not be equal",
    "tie": "two answers share the most votes, so there is no majority",
    "low_share": "the majority's vote share is below labels.min_share, and nothing else speaks for it",
}
"""`Selection.outcome` of labels out of M's own samples, and its meaning."""

PAIR_OUTCOMES = {
    "paired": "at least one pair",
    "samples_missing": "the table has no samples",
    "unreadable": "no sample has a readable answer; in paper mode: the empty answer has the most votes",
    "undecided:majority": "which answer has the most votes depends on classes that may or may not be equal",
    "tie": "two answers share the most votes, so there is no majority",
    "low_confidence": "the majority's vote share is below pairs.min_confidence",
    "low_margin": "pairs.rule is votes: the majority leads the runner-up by less than pairs.min_margin",
    "weak_missing": "the table has no weak completion",
    "weak_failed": "the engine returned an error for the weak completion",
    "weak_unusable:REASON": "the weak answer is not the majority's, and its completion is truncated, cut or blank, "
    "so it cannot be rejected",
    "undecided:weak": "the comparison could not decide whether the weak answer equals the majority's",
    "low_confidence_against_weak": "the weak answer is not the majority's, whose vote share is below "
    "pairs.min_confidence_against_weak",
    "undecided:dissent": "the weak answer is the majority's, or pairs.rule is votes; no usable sample certainly "
    "disagrees, but one may",
    "no_dissent": "the weak answer is the majority's, and no usable sample disagrees; with pairs.rule votes: no other "
    "answer has a vote",
}
"""`Consensus.outcome` and its meaning, in the order of the decisions."""


def meaning_of(outcome: str, meanings: Mapping[str, str]) -> str:
    """What an outcome means; empty for an unknown one. One with a reason has the meaning of its `name:REASON`."""
    name, colon, _ = outcome.partition(":")
    return meanings.get(outcome) or meanings.get(f"{name}:REASON" if colon else name, "")


def most_frequent_first(counts: Mapping[str, float]) -> dict[str, float]:
    """Counts by outcome, largest first."""
    return dict(Counter(counts).most_common())


def listed(counts: Mapping[str, float]) -> str:
    """Counts as `3 kept, 1 differ`, for summaries and errors."""
    return ", ".join(f"{count:.0f} {name}" for name, count in counts.items())
