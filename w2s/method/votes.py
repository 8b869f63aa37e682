"""The vote of one problem's samples, and what is counted of votes and pairs for the report."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from w2s.answers import Unreadable
from w2s.method.classes import Classes
from w2s.method.tally import Tally
from w2s.records import Consensus, PreferencePair, Problem

SHARE_BINS = [f"{low / 10:.1f} to {(low + 1) / 10:.1f}" for low in range(10)]
LENGTH_BINS = {0.5: "under 0.5", 0.8: "0.5 to 0.8", 1.25: "0.8 to 1.25", 2.0: "1.25 to 2", float("inf"): "2 and more"}
"""Upper ends of length ratios, and their names."""


@dataclass(frozen=True, slots=True)
class Vote:
    """The class with the most votes."""

    answer: str
    """Empty where nothing voted."""
    votes: int
    obstacle: str
    """Why it is no majority: `tie`, `undecided:majority`; empty where it is one."""


def vote(classes: Sequence[str | Unreadable], undecided: Collection[frozenset[str]], first_seen_wins: bool) -> Vote:
    """The class with the most votes; of tied ones the first in the alphabet or, with `first_seen_wins`, the first seen.

    `undecided` are pairs of classes that may be equal. A majority is certain where no others that such pairs join have as many votes
    together: merged, they would win or tie.
    """
    votes = Counter(found for found in classes if isinstance(found, str))
    if not votes:
        return Vote("", 0, "")
    most = max(votes.values())
    leading = [answer for answer, count in votes.items() if count == most]
    if first_seen_wins:
        return Vote(leading[0], most, "")
    answer = min(leading)
    others = {found: count for found, count in votes.items() if found != answer}
    while undecided and others:  # one group of classes that may all be equal after another
        group = [others.popitem()]
        for name, _ in group:
            group += [(other, others.pop(other)) for other in list(others) if frozenset((name, other)) in undecided]
        alone = len(group) == 1 and frozenset((answer, group[0][0])) not in undecided
        if not alone and sum(count for _, count in group) >= most:
            return Vote(answer, most, "undecided:majority")
    return Vote(answer, most, "tie" if len(leading) > 1 else "")


def count_problem(
    tally: Tally, problem: Problem, consensus: Consensus, pairs: Sequence[PreferencePair], classes: Classes
) -> None:
    """Add one problem to what the report shows of stage II.

    problems; samples {all, voted, REASON}; voted: problems with a vote; outcomes; weak_agrees, with weak_agrees_by_kind and by_level: the
    weak answer is the majority's, of problems where both can be read; vote_share: problems with samples by vote share; merged_forms;
    undecided_pairs: pairs of classes that may be equal; pairs {all, weak_chosen, rejected_unreadable}; length, by who wrote the chosen side.
    """
    by_sample = classes.found[: consensus.samples]
    tally.count("problems")
    tally.count("samples", "all", by=consensus.samples)
    tally.count("samples", "voted", by=sum(isinstance(found, str) for found in by_sample))
    for found in by_sample:
        if isinstance(found, Unreadable):
            tally.count("samples", found.reason)
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
    tally.bin(
        "rejected_by_chosen_length",
        next(name for end, name in LENGTH_BINS.items() if ratio < end),
        of=LENGTH_BINS.values(),
    )
