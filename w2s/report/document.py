"""The run's report: from scores and counts to one plain document, and from that to text.

`build` computes, with w2s/report/metrics.py; `text` and report_page.py only show.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast

from w2s.graph.recipes import Report
from w2s.records import Score
from w2s.report import metrics

FLOOR, CEILING = "weak_floor", "ceiling"
Section = tuple[str, list[str], list[list[str]]]
"""Title, header, rows."""
COUNTED = ("right", "wrong", "undecided", "unreadable")


def build(
    recipe: Report,
    scores: Iterable[Score],
    models: Sequence[str],
    selection: Mapping[str, Any],
    audit: Mapping[str, Any],
    counts: Mapping[str, Mapping[str, float]],
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """The report document, a JSON value.

    `models` are shown in their order; `counts` and `seconds` are the manifests' own, by step name, in the order of the graph; `selection`
    and `audit` are sections, each of figures by name: a number, a share {numerator, denominator}, a mean {sum, count}, or a mapping of
    these. `selection` knows no gold.

    The document:
        experiment, description     of the recipe
        bootstrap                   {draws, seed} of all intervals
        problems                    of the test split
        models                      [{model, right, wrong, undecided, unreadable, total, accuracy, low, high, pgr}], where right + wrong
                                    + undecided + unreadable = total, accuracy = right / total, and pgr is {value, low, high, numerator,
                                    denominator} (metrics.Recovery) or None: for floor and ceiling, and where there is no ceiling
        differences                 [{result, baseline, value, low, high, holds}], accuracy of result - baseline, paired by problem;
                                    holds where all of low..high is above 0
        selection, audit, counts, seconds   as given
    All intervals are 95 %; shares are in 0..1.

    Raises ValueError where a model has no scores, or two models were not scored on the same problems.
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
        "differences": differences,
        "selection": dict(selection),
        "audit": dict(audit),
        "counts": {step: dict(values) for step, values in counts.items()},
        "seconds": dict(seconds),
    }


def claims(models: Sequence[str]) -> list[tuple[str, str]]:
    """(better, worse) pairs of what the method promises, as far as the models are there (paper.md, "Results").

    weak floor < full weak fine-tuning < weak ICL and weak-ft < hybrid-ft of the last iteration < stage II < ceiling.
    """
    iterations = [int(model.rsplit("_", 1)[1]) for model in models if model.startswith("hybrid_ft_")]
    last = f"hybrid_ft_{max(iterations, default=1)}"
    stage_2 = [model for model in ("dpo", "orpo") if model in models]
    pairs = [
        ("full_weak_ft", FLOOR),
        ("weak_icl", "full_weak_ft"),
        ("weak_ft_1", "full_weak_ft"),
        (last, "weak_icl"),
        (last, "weak_ft_1"),
    ]
    pairs += [(model, last) for model in stage_2] + [(CEILING, model) for model in stage_2 or [last]]
    return [(better, worse) for better, worse in pairs if better in models and worse in models]


def text(report: Mapping[str, Any]) -> str:
    """Scores, differences and selection for a terminal, printable characters only; the page has the rest."""
    lines = [f"{report['experiment']}: {report['description']}", ""]
    lines += _grid(*models_table(report))
    if report["differences"]:
        lines += ["", *_grid(*differences_table(report))]
    for title, header, rows in selection_sections(report):
        lines += ["", title, *_grid(header, rows)]
    return (
        "\n".join(
            "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line).rstrip() for line in lines
        )
        + "\n"
    )


def models_table(report: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the scores."""
    header = ["model", "right of all", "accuracy", "95 %", "PGR", "95 %", *COUNTED[1:]]
    rows: list[list[str]] = []
    for row in report["models"]:
        pgr: dict[str, Any] = row["pgr"] or {"value": None, "low": None, "high": None}
        figures = [
            f"{row['right']} of {row['total']}",
            percent(row["accuracy"]),
            interval(row),
            percent(pgr["value"]),
            interval(pgr),
        ]
        rows.append([row["model"], *figures, *(str(row[name]) for name in COUNTED[1:])])
    return header, rows


def differences_table(report: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of what the method promises."""
    rows: list[list[str]] = []
    for d in report["differences"]:
        bounds = f"{_points(d['low'])} .. {_points(d['high'])}"
        rows.append([f"{d['result']} > {d['baseline']}", _points(d["value"]), bounds, "yes" if d["holds"] else "no"])
    return ["difference in points", "", "95 %", "holds"], rows


def selection_sections(report: Mapping[str, Any]) -> list[Section]:
    """What was selected, and which completions were not whole."""
    sections = [(f"{name}, without gold", ["", ""], list(_figures(of))) for name, of in report["selection"].items()]
    sections += [
        (f"{name}, judged by gold for this report only", ["", ""], list(_figures(of)))
        for name, of in report["audit"].items()
    ]
    rows: list[list[str]] = []
    for step, values in report["counts"].items():
        if "completions" in values:
            completions, problems = values["completions"], values.get("problems", values["completions"])
            failures = [_share(values.get("truncated", 0), completions), _share(values.get("failed", 0), problems)]
            rows.append([step, _number(completions), *failures, _number(values.get("completion_tokens", 0))])
    return (
        [*sections, ("completions", ["step", "all", "truncated", "failed problems", "tokens"], rows)]
        if rows
        else sections
    )


def step_sections(report: Mapping[str, Any]) -> list[Section]:
    """What every other step counted, and how long all of them took."""
    counts: dict[str, Mapping[str, float]] = {
        step: values for step, values in report["counts"].items() if "completions" not in values
    }
    rows = [
        [step, ", ".join(f"{name} {_number(value)}" for name, value in values.items())]
        for step, values in counts.items()
        if values
    ]
    times = [[step, f"{value:.1f}"] for step, value in report["seconds"].items()]
    named = [("counts", ["step", ""], rows), ("time", ["step", "seconds"], times)]
    return [section for section in named if section[2]]


def _figures(figures: Mapping[str, Any], under: str = "") -> Iterable[list[str]]:
    """Rows (name, value) of one section; nested names are joined."""
    for name, value in figures.items():
        if not isinstance(value, Mapping):
            yield [under + name, _number(value)]
            continue
        parts = cast("Mapping[str, Any]", value)
        if set(parts) == {"numerator", "denominator"}:
            yield [under + name, _share(parts["numerator"], parts["denominator"])]
        elif set(parts) == {"sum", "count"}:
            yield [
                under + name,
                f"{parts['sum'] / parts['count']:.1f} (mean of {_number(parts['count'])})" if parts["count"] else "-",
            ]
        else:
            yield from _figures(parts, f"{under}{name}: ")


def _number(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else f"{value:.4g}"
    return str(value)


def _share(numerator: float, denominator: float) -> str:
    return (
        f"{percent(numerator / denominator if denominator else None)} ({_number(numerator)} of {_number(denominator)})"
    )


def percent(value: float | None) -> str:
    """A share in per cent."""
    return "-" if value is None else f"{100 * value:.1f} %"


def _points(value: float) -> str:
    return f"{100 * value:+.1f}"


def interval(row: Mapping[str, Any]) -> str:
    """The bounds `low` and `high` of a row in per cent."""
    return "-" if row["low"] is None else f"{100 * row['low']:.1f} .. {100 * row['high']:.1f}"


def _grid(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table: the first column to the left; the others to the right where they hold figures."""
    cells = [header, *rows] if any(header) else list(rows)
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    left = [column == 0 or any(len(row[column]) > 40 for row in rows) for column in range(len(header))]
    return [
        "  ".join(c.ljust(w) if to_left else c.rjust(w) for c, w, to_left in zip(row, widths, left, strict=True))
        for row in cells
    ]
