"""Variations of one experiment beside a named one: accuracy, PGR, paired differences over problems and seeds, cost."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from w2s.report import metrics
from w2s.report.compare import Run
from w2s.report.metrics import Estimate
from w2s.report.page import charts

FLOOR, CEILING = "weak_floor", "ceiling"
BESIDE = FLOOR, "strong_base", "weak_icl", "full_weak_ft", "full_icl_ft", CEILING
"""Models that no recipe changes: what a recipe must be above, and what it may reach."""
COUNTS = {"completions": "completions", "steps": "optimizer steps"}
"""Counts of manifests that say what a model has cost, and their names in the table."""
Cost = Mapping[str, float]


@dataclass(frozen=True)
class Variation:
    """One variation under all its seeds."""

    name: str
    runs: Sequence[Run]
    """In the order of the seeds, the same for all variations."""
    costs: Mapping[str, Cost]
    """By model: `COUNTS` of the steps that it needs, summed over seeds."""


@dataclass(frozen=True)
class Row:
    """One model of one variation."""

    variation: str
    model: str
    accuracy: float
    """Mean over seeds."""
    lowest: float
    highest: float
    pgr: float | None
    """Of all seeds' problems together; None without a floor, a ceiling or a gap."""
    is_best: bool
    """Whether it is the baseline's best model, with which the others are compared."""
    against: Estimate | None
    """Minus the baseline's best model, over problems and seeds; None for that model itself, and where the two were
    scored on other questions."""
    cost: Cost
    """Empty for the models of BESIDE."""


def rows(variations: Sequence[Variation], baseline: str) -> Iterator[Row]:
    """A row for each model in a variation's `costs`, against the best of those of the variation called `baseline`, and
    for each model of BESIDE in the baseline's runs.

    The best is chosen by the test problems themselves, which favours the baseline.
    """
    (first,) = (one for one in variations if one.name == baseline)
    best = max(first.costs, key=lambda model: _mean(first, model))
    for one in variations:
        for model, cost in one.costs.items():
            yield _row(one, model, cost, first, best)
    for model in BESIDE:
        if all(model in run.credits for run in first.runs):
            yield _row(first, model, {}, first, best)


def picture(rows: Sequence[Row], label: str) -> str:
    """An SVG file: each row's difference to the best of the baseline, with its interval. The models of BESIDE are grey.

    Rows on other questions than the baseline's are left out, because they have no difference.
    """
    dots: list[tuple[str, float, float, float, bool]] = []
    zero = ""
    for row in rows:
        name = row.model if row.model in BESIDE else f"{row.variation}: {row.model}"
        if row.against is not None:
            dots.append((name, row.against.value, row.against.low, row.against.high, row.model in BESIDE))
        elif row.is_best:
            zero = name
    return charts.alone(charts.differences(dots, zero, label))


def _row(one: Variation, model: str, cost: Cost, first: Variation, best: str) -> Row:
    same = all(run.questions == other.questions for run, other in zip(one.runs, first.runs, strict=True))
    shares = [_share(run, model) for run in one.runs]
    paired = [(run.credits[model], other.credits[best]) for run, other in zip(one.runs, first.runs, strict=True)]
    is_best = one is first and model == best
    against = metrics.pooled_difference(paired) if same and not is_best else None
    return Row(one.name, model, _mean(one, model), min(shares), max(shares), _pgr(one, model), is_best, against, cost)


def _share(run: Run, model: str) -> float:
    return sum(run.credits[model].values()) / len(run.credits[model])


def _mean(variation: Variation, model: str) -> float:
    return sum(_share(run, model) for run in variation.runs) / len(variation.runs)


def _pgr(variation: Variation, model: str) -> float | None:
    if any(not {FLOOR, CEILING} <= run.credits.keys() for run in variation.runs):
        return None
    gap = _mean(variation, CEILING) - _mean(variation, FLOOR)
    return (_mean(variation, model) - _mean(variation, FLOOR)) / gap if gap > 0 else None
