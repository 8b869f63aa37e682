"""The majority vote over one problem's samples, and the counts of votes and pairs for the report.

A majority must hold however the undecided comparisons would turn out, because its answer becomes a training signal.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from w2s.answers import Unreadable
from w2s.method.classes import Classes
from w2s.method.tally import Tally
from w2s.records import Consensus, PreferencePair, Problem

SHARE_BINS = [f"{low / 10:.1f} to {(low + 1) / 10:.1f}" for low in range(10)]
LENGTH_BINS = {0.5: "under 0.5", 0.8: "0.5 to 0.8", 1.25: "0.8 to 1.25", 2.0: "1.25 to 2", float("inf"): "2 and more"}
"""Upper ends of rejected / chosen length, and the names of the bins below them."""


@dataclass(frozen=True, slots=True)
class Vote:
    """The class with the most votes."""

    answer: str
    """Empty if no sample voted."""
    votes: int
    obstacle: str
    """Why the class is no majority: `tie` or `undecided:majority`; empty if it is a majority."""


def vote(classes: Sequence[str | Unreadable], undecided: Collection[frozenset[str]], first_seen_wins: bool) -> Vote:
    """The class with the most votes; of tied classes the alphabetically first or, if `first_seen_wins`, the first seen.

    `undecided` holds pairs of classes that may be equal. A majority is certain only if no group of other classes that
    such pairs connect has as many votes in total: merged, that group would win or tie.
    """
    votes = Counter(answer for answer in classes if isinstance(answer, str))
    if not votes:
        return Vote("", 0, "")
    most = max(votes.values())
    leading = [answer for answer, count in votes.items() if count == most]
    if first_seen_wins:
        return Vote(leading[0], most, "")
    winner = min(leading)
    others = {answer: count for answer, count in votes.items() if answer != winner}
    while undecided and others:  # one connected group of classes at a time
        group = [others.popitem()]
        for answer, _ in group:  # grows while it is walked
            group += [(other, others.pop(other)) for other in list(others) if frozenset((answer, other)) in undecided]
        connected = len(group) > 1 or frozenset((winner, group[0][0])) in undecided
        if connected and sum(count for _, count in group) >= most:
            return Vote(winner, most, "undecided:majority")
    return Vote(winner, most, "tie" if len(leading) > 1 else "")


def count_problem(
    tally: Tally, problem: Problem, consensus: Consensus, pairs: Sequence[PreferencePair], classes: Classes
) -> None:
    """Add one problem to the figures of stage II in the report.

    Numbers: problems; samples {all, voted, REASON}; voted, the problems with a vote; outcomes; vote_share, problems
    with samples by vote share; merged_forms; undecided_pairs, pairs of classes that may be equal; pairs {all,
    weak_chosen, rejected_unreadable}.
    Shares: weak_agrees, weak_agrees_by_kind and weak_agrees_by_level, how often the weak answer is the majority's, of
    the problems where both are readable. Lengths: `length`, and one section for each source of the chosen side.
    """
    by_sample = classes.by_completion[: consensus.samples]
    tally.count("problems")
    tally.count("samples", "all", by=consensus.samples)
    tally.count("samples", "voted", by=sum(isinstance(answer, str) for answer in by_sample))
    for answer in by_sample:
        if isinstance(answer, Unreadable):
            tally.count("samples", answer.reason)
    tally.count("voted", by=consensus.votes > 0)
    tally.count("outcomes", consensus.outcome)
    if consensus.answer and consensus.weak_answer:
        same = consensus.answer == consensus.weak_answer
        tally.share("weak_agrees", of=same)
        tally.share("weak_agrees_by_kind", problem.kind or "any", of=same)
        tally.share("weak_agrees_by_level", problem.level or "any", of=same)
    if consensus.samples:
        tally.bin("vote_share", SHARE_BINS[min(10 * consensus.votes // consensus.samples, 9)], of=SHARE_BINS)
    tally.count("merged_forms", by=len(classes.merges))
    tally.count("undecided_pairs", by=len(classes.undecided))
    for pair in pairs:
        _count_pair(tally, pair)


def _count_pair(tally: Tally, pair: PreferencePair) -> None:
    tally.count("pairs", "all")
    tally.count("pairs", "weak_chosen", by=pair.chosen_source == "weak")
    tally.count("pairs", "rejected_unreadable", by=not pair.rejected_answer)
    chosen, rejected = len(pair.chosen), len(pair.rejected)
    for section in ("length", f"length_{pair.chosen_source}_chosen"):
        tally.mean(section, "chosen_characters", value=chosen)
        tally.mean(section, "rejected_characters", value=rejected)
        tally.share(section, "rejected_longer", of=rejected > chosen)
    ratio = rejected / max(1, chosen)
    name = next(name for end, name in LENGTH_BINS.items() if ratio < end)
    tally.bin("rejected_by_chosen_length", name, of=LENGTH_BINS.values())
