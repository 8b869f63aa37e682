"""The report document: a JSON value with every figure of a run's report.

All figures are computed in this folder, with metrics.py; text.py and the page only format them, so both always show the
same. The scores are here, all else in details.py.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from w2s.graph.recipes import Report
from w2s.records import Score
from w2s.report import metrics

FLOOR, CEILING = "weak_floor", "ceiling"
COUNTED = ("right", "wrong", "undecided", "unreadable")
"""What a verdict counts as; the four add up to the total."""


def build(
    recipe: Report,
    scores: Iterable[Score],
    models: Sequence[str],
    selection: Mapping[str, Any],
    audit: Mapping[str, Any],
    counts: Mapping[str, Mapping[str, float]],
    details: Mapping[str, Any],
) -> dict[str, Any]:
    """The report document, a JSON value. Its intervals are at 95 %, its shares in 0..1.

    `models` gives the models in the report's order. `counts` come from the manifests, by step name, in the graph's
    order; `details` are further sections (w2s/report/document/details.py). `selection` and `audit` hold sections of
    figures by name: a number, a share {numerator, denominator}, a mean {sum, count}, or a mapping of these. `selection`
    contains no gold.

    The document:
        experiment, description     from the recipe
        bootstrap                   {draws, seed} of all intervals
        problems                    number of test problems
        models                      [{model, right, wrong, undecided, unreadable, total, accuracy, low, high, pgr}]:
                                    right + wrong + undecided + unreadable = total; accuracy = right / total;
                                    pgr = {value, low, high, numerator, denominator} (metrics.Recovery), None for floor
                                    and ceiling and without a ceiling
        levels                      [{model, level, right, total}], sorted, where the problems have levels
        differences                 [{result, baseline, value, low, high, holds}]: accuracy of result - baseline, paired
                                    by problem; holds if all of low..high is above 0
        selection, audit, counts    as given, and the sections of `details`

    Raises ValueError if a model has no scores or two models were not scored on the same problems.
    """
    by_model: dict[str, list[Score]] = {model: [] for model in models}
    for score in scores:
        if score.model not in by_model:
            raise ValueError(
                f"there are scores of {score.model!r}, which is none of the report's models: {', '.join(models)}"
            )
        by_model[score.model].append(score)
    if missing := [model for model, rows in by_model.items() if not rows]:
        raise ValueError(f"no scores of {', '.join(missing)}: every model of the report must be scored")
    credits = {model: metrics.credit_by_problem(rows) for model, rows in by_model.items()}
    seed, draws = recipe.bootstrap_seed, recipe.bootstrap_draws
    rows: list[dict[str, Any]] = []
    for model in models:
        tally = Counter(
            "unreadable" if score.reason.startswith("unreadable") else score.verdict for score in by_model[model]
        )
        estimate = metrics.accuracy(credits[model], seed, draws)
        pgr = None
        if model not in (FLOOR, CEILING) and FLOOR in credits and CEILING in credits:
            pgr = asdict(metrics.pgr(credits[model], credits[FLOOR], credits[CEILING], seed, draws))
        share = {"total": estimate.denominator, "accuracy": estimate.value, "low": estimate.low, "high": estimate.high}
        rows.append({"model": model, **{name: tally[name] for name in COUNTED}, **share, "pgr": pgr})
    differences: list[dict[str, Any]] = []
    for result, baseline in claims(models):
        estimate = metrics.difference(credits[result], credits[baseline], seed, draws)
        bounds = {"value": estimate.value, "low": estimate.low, "high": estimate.high, "holds": estimate.low > 0}
        differences.append({"result": result, "baseline": baseline, **bounds})
    return {
        "experiment": recipe.experiment,
        "description": recipe.description,
        "bootstrap": {"draws": draws, "seed": seed},
        "problems": rows[0]["total"] if rows else 0,
        "models": rows,
        "levels": _by_level(by_model),
        "differences": differences,
        "selection": dict(selection),
        "audit": dict(audit),
        "counts": {step: dict(values) for step, values in counts.items()},
        **details,
    }


def _by_level(by_model: Mapping[str, Sequence[Score]]) -> list[dict[str, Any]]:
    """Right answers of each model to the problems of each level; empty where no problem has a level."""
    rows: list[dict[str, Any]] = []
    for model, scores in by_model.items():
        total = Counter(score.level for score in scores)
        right = Counter(score.level for score in scores if score.verdict == "right")
        if any(total):
            rows += [{"model": model, "level": one, "right": right[one], "total": total[one]} for one in sorted(total)]
    return rows


def claims(models: Sequence[str]) -> list[tuple[str, str]]:
    """(better, worse) pairs of what the method promises, as far as the models are there (the paper, "Results").

    weak floor < full weak fine-tuning < weak ICL and weak-ft < M_plus < stage II < ceiling, and stage II, or M_plus
    without it, is above SFT on all weak-ICL completions. M_plus is the last hybrid-ft, or the last student of M's own
    answers.
    """
    students = [model for model in models if model.startswith(("hybrid_ft_", "m_plus_"))]
    last = max(students, key=lambda model: int(model.rsplit("_", 1)[1]), default="hybrid_ft_1")
    stage_2 = [model for model in ("dpo", "orpo") if model in models]
    pairs = [
        ("full_weak_ft", FLOOR),
        ("weak_icl", "full_weak_ft"),
        ("weak_ft_1", "full_weak_ft"),
        (last, "weak_icl"),
        (last, "weak_ft_1"),
        *((model, "full_icl_ft") for model in stage_2 or [last]),
    ]
    pairs += [(model, last) for model in stage_2] + [(CEILING, model) for model in stage_2 or [last]]
    return [(better, worse) for better, worse in pairs if better in models and worse in models]
