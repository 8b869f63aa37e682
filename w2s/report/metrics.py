"""Accuracy, pass@k, maj@k and PGR, each with numerator, denominator and a 95 % interval.

Intervals are percentile bootstraps over problems. Problems with the same credits for all models are exchangeable, so
one multinomial draw over credit patterns equals a bootstrap over problems: exact, and fast for any number of problems.
Differences and PGR are paired: all models are compared on the same drawn problems. An accuracy of 0 or 1, and a
difference that is the same for every problem, of which all draws are alike, have exact binomial intervals.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from w2s.records import Score

DRAWS = 10_000
INTERVAL = (2.5, 97.5)
"""Percentiles of the draws that bound an interval."""

Credits = Mapping[str, float]
"""Credit of one model by problem_id, in 0..1: 1 right, 0 not, between for pass@k and maj@k."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """value = numerator / denominator, in low..high with 95 % confidence over problems. Shares, not per cent."""

    value: float
    low: float
    high: float
    numerator: float
    denominator: int


@dataclass(frozen=True, slots=True)
class Recovery:
    """PGR = numerator / denominator = (result - floor) / (ceiling - floor), in problems; see `pgr` for None."""

    value: float | None
    low: float | None
    high: float | None
    numerator: float
    denominator: float


def credit_by_problem(scores: Iterable[Score]) -> dict[str, float]:
    """Credit by problem_id of one model's scores: 1 for `right`, 0 for `wrong` and `undecided`.

    Raises ValueError where a problem_id repeats or two models are mixed.
    """
    found: dict[str, float] = {}
    models: set[str] = set()
    for score in scores:
        if score.problem_id in found:
            raise ValueError(
                f"problem {score.problem_id!r} is scored twice for model {score.model!r}: "
                f"give one model's scores at a time"
            )
        found[score.problem_id] = float(score.verdict == "right")
        models.add(score.model)
    if len(models) > 1:
        raise ValueError(f"the scores mix the models {sorted(models)}: give one model's scores at a time")
    return found


def accuracy(credit: Credits, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """Mean credit over problems. Raises ValueError where there are none."""
    ids = _common_ids(credit)
    total = sum(credit[i] for i in ids)
    if total in (0, len(ids)) and {credit[i] for i in ids} <= {0.0, 1.0}:
        low, high = _exact_interval(total == 0, len(ids))
    else:
        low, high = _interval(_resampled_sums([credit], ids, seed, draws)[:, 0] / len(ids))
    return Estimate(total / len(ids), low, high, total, len(ids))


def difference(result: Credits, baseline: Credits, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """Mean credit of `result` minus that of `baseline`, paired by problem; it holds if 0 is outside low..high.

    Raises ValueError where the two are not of the same problems.
    """
    ids = _common_ids(result, baseline)
    sums = _resampled_sums([result, baseline], ids, seed, draws)
    low, high = _interval((sums[:, 0] - sums[:, 1]) / len(ids))
    total = sum(result[i] - baseline[i] for i in ids)
    _, other = _exact_interval(True, len(ids))  # the share of problems that may have another difference than all here
    credits = {(result[i], baseline[i]) for i in ids}
    if credits <= {(0.0, 0.0), (1.0, 1.0)}:
        low, high = -other, other
    elif credits == {(1.0, 0.0)}:
        low = 1 - 2 * other
    elif credits == {(0.0, 1.0)}:
        high = 2 * other - 1
    return Estimate(total / len(ids), low, high, total, len(ids))


def pooled_difference(pairs: Sequence[tuple[Credits, Credits]], seed: int = 0, draws: int = DRAWS) -> Estimate:
    """The mean over runs of `difference`, each run a (result, baseline) on problems of its own.

    A draw takes as many runs as there are, with replacement, and then draws problems within each, so that the interval
    is over runs (seeds) and problems. With one run it is over its problems alone. Few runs show little of their spread.
    """
    rng = np.random.default_rng(seed)
    total = np.zeros(draws)
    for _ in pairs:
        chosen = rng.integers(len(pairs), size=draws)
        for number, (result, baseline) in enumerate(pairs):
            ids = _common_ids(result, baseline)
            sums = _resampled_sums([result, baseline], ids, int(rng.integers(1 << 31)), draws)
            total += np.where(chosen == number, (sums[:, 0] - sums[:, 1]) / len(ids), 0)
    low, high = _interval(total / len(pairs))
    each = [difference(result, baseline, draws=1) for result, baseline in pairs]
    value = sum(one.value for one in each) / len(each)
    return Estimate(value, low, high, sum(one.numerator for one in each), sum(one.denominator for one in each))


def pgr(result: Credits, floor: Credits, ceiling: Credits, seed: int = 0, draws: int = DRAWS) -> Recovery:
    """Performance gap recovered, (result - floor) / (ceiling - floor), with a paired interval (the paper, "Setting").

    The value is None if the ceiling is not above the floor, because there is no gap to recover. The bounds are None if
    over 2.5 % of the draws have no gap, because the data then do not show a gap, and an interval of the ratio would
    mean nothing. If fewer draws have no gap, they are left out.

    Raises ValueError where the three are not of the same problems.
    """
    ids = _common_ids(result, floor, ceiling)
    sums = _resampled_sums([result, floor, ceiling], ids, seed, draws)
    won, gap = sums[:, 0] - sums[:, 1], sums[:, 2] - sums[:, 1]
    numerator = sum(result[i] - floor[i] for i in ids)
    denominator = sum(ceiling[i] - floor[i] for i in ids)
    shown = gap > 0
    low, high = (None, None) if 100 * np.mean(~shown) > INTERVAL[0] else _interval(won[shown] / gap[shown])
    return Recovery(numerator / denominator if denominator > 0 else None, low, high, numerator, denominator)


def pass_at_k(right: Sequence[bool], k: int) -> float:
    """Probability that at least one of k completions, drawn without replacement from the n given, is right.

    The unbiased estimator 1 - C(n - c, k) / C(n, k) with c right ones (Chen et al. 2021, arXiv 2107.03374, eq. 1).
    Raises ValueError unless 1 <= k <= n.
    """
    n, c = len(right), sum(right)
    if not 1 <= k <= n:
        raise ValueError(f"pass@{k} needs k from 1 to the number of completions of a problem, which is {n}")
    return 1 - comb(n - c, k) / comb(n, k)


def majority_at_k(classes: Sequence[str | None], right: Sequence[bool], k: int) -> float:
    """Credit of the majority answer of the first k completions of one problem.

    `classes` are answer classes in order of sample number, None for an unreadable answer, which does not vote; `right`
    holds the verdicts on the same completions. Tied answers share the credit equally, as if one were picked at random;
    without a readable answer the credit is 0.
    Raises ValueError unless 1 <= k <= n and both are of one length.
    """
    if len(classes) != len(right) or not 1 <= k <= len(classes):
        raise ValueError(
            f"maj@{k} needs k from 1 to the number of completions, and got {len(classes)} answers with "
            f"{len(right)} verdicts"
        )
    votes = Counter(found for found in classes[:k] if found is not None)
    if not votes:
        return 0.0
    leading = [answer for answer, count in votes.items() if count == max(votes.values())]
    rightly = {found for found, verdict in zip(classes[:k], right[:k], strict=True) if verdict}
    return sum(answer in rightly for answer in leading) / len(leading)


def _common_ids(*models: Credits) -> list[str]:
    """The problem ids that all models share, sorted, so that results do not depend on the order of rows."""
    first = set(models[0])
    for other in models[1:]:
        if set(other) != first:
            apart = sorted(first ^ set(other))
            raise ValueError(
                f"{len(apart)} problems are scored for one model but not for another, e.g. {apart[0]!r}: "
                f"score all models on one split"
            )
    if not first:
        raise ValueError("no scored problems: a ratio needs at least one")
    return sorted(first)


def _resampled_sums(models: Sequence[Credits], ids: Sequence[str], seed: int, draws: int) -> NDArray[np.float64]:
    """Sums of credits in bootstrap draws: [draws, models]."""
    by_problem = np.array([[model[i] for model in models] for i in ids], dtype=np.float64)  # [problems, models]
    patterns, counts = np.unique(by_problem, axis=0, return_counts=True)  # [patterns, models], [patterns]
    drawn = np.random.default_rng(seed).multinomial(len(ids), counts / len(ids), size=draws)  # [draws, patterns]
    return drawn @ patterns


def _exact_interval(none: bool, problems: int) -> tuple[float, float]:
    """Clopper and Pearson's interval of a share that is 0 (`none`) or 1, of which every bootstrap draw says the same.

    The bound solves (1 - high) ** problems = 0.025, or low ** problems = 0.025.
    """
    bound = (INTERVAL[0] / 100) ** (1 / problems)
    return (0.0, 1 - bound) if none else (bound, 1.0)


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.percentile(values, INTERVAL)
    return float(low), float(high)
