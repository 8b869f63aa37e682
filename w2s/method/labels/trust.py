"""Whom to believe on a problem of train_2, without its gold: M's own samples, or the weak model's agreement with them.

Agreement of two models is worth most where their errors differ. Where both are hasty in the same way, they agree on
wrong answers, and a filter by agreement keeps the worse half. Gold of train_2 would show this; three other figures show
it too, at least from one side:

- reliability: how often the weak model is right on problems of train_1 that it has not learned from;
- agreement: on which share of train_2 its answer is the majority of M's samples;
- consistency: the mean vote share of M's majorities, which is close to how often they are right.
"""

from dataclasses import dataclass
from typing import Literal

from w2s.method.tally import Tally


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a whole run; all three are shares in 0..1."""

    reliability: float
    agreement: float
    consistency: float

    @property
    def bound(self) -> float:
        """The most often that agreement can be right: reliability / agreement, at most 1.

        Where the two agree rightly the weak model is right, which it is on `reliability` of all problems; they agree on
        `agreement` of them. Train_1 and train_2 must be alike for this, as halves of one set are.
        """
        return min(1.0, self.reliability / self.agreement) if self.agreement else 0.0

    @property
    def believes_agreement(self) -> bool:
        """Whether agreement may be the better label: it cannot be where its bound is below M's own consistency."""
        return self.bound >= self.consistency


def evidence_of(tally: Tally, reliability: float) -> Evidence:
    """The evidence from the counts of all shards; see `majority.label_problems`."""

    agreement = tally.get(("weak_agrees", "numerator"), 0) / (tally.get(("weak_agrees", "denominator"), 0) or 1)
    return Evidence(reliability, agreement, consistency_of(tally))


def consistency_of(tally: Tally) -> float:
    """The mean vote share of M's majorities, from the counts of all shards; 0 without any."""
    return tally.get(("consistency", "sum"), 0) / (tally.get(("consistency", "count"), 0) or 1)


def trusted(share: float, agrees: bool, min_share: float, evidence: Evidence | None) -> Literal["vote", "weak", ""]:
    """What speaks for the majority's answer of one problem; empty if nothing does and the problem is left out.

    `share` is the majority's share of the samples, `agrees` whether the weak model gives the same answer; without
    evidence the weak model has no say. `vote`: the share is at least `min_share`. `weak`: it is not, but the weak model
    agrees, agreement can be believed, and its bound is at least `min_share`. A weak answer that differs changes
    nothing, because M's samples saw the weak model's demonstrations and outvoted them.
    """
    if share >= min_share:
        return "vote"
    rescued = agrees and evidence is not None and evidence.believes_agreement and evidence.bound >= min_share
    return "weak" if rescued else ""
