"""The run's report: from scores and counts to one plain document, and from that to text and to a page.

`build` computes, with w2s/metrics.py; `text` and `html` only show. The page needs nothing beside itself: no script, font or link.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from html import escape
from typing import Any, cast

from w2s import metrics
from w2s.records import Score
from w2s.step_recipes import Report

FLOOR, CEILING = "weak_floor", "ceiling"
Section = tuple[str, list[str], list[list[str]]]
"""Title, header, rows."""
COUNTED = ("right", "wrong", "undecided", "unreadable")
AXES = (0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 0.75, 1.0)
"""Ends of the chart's axis to choose from, as shares."""


def build(
    recipe: Report,
    scores: Iterable[Score],
    models: Sequence[str],
    audit: Mapping[str, Any],
    counts: Mapping[str, Mapping[str, float]],
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """The report document, a JSON value.

    `models` are shown in their order; `counts` and `seconds` are the manifests' own, by step name, in the order of the graph; `audit` is
    a mapping of sections, each of figures by name: a number, a list, a mapping, or a share {numerator, denominator}.

    The document:
        experiment, description     of the recipe
        bootstrap                   {draws, seed} of all intervals
        problems                    of the test split
        models                      [{model, right, wrong, undecided, unreadable, total, accuracy, low, high, pgr}], where right + wrong
                                    + undecided + unreadable = total, accuracy = right / total, and pgr is {value, low, high, numerator,
                                    denominator} (metrics.Recovery) or None: for floor and ceiling, and where there is no ceiling
        differences                 [{result, baseline, value, low, high, holds}], accuracy of result - baseline, paired by problem;
                                    holds where all of low..high is above 0
        audit, counts, seconds      as given
    All intervals are 95 %; shares are in 0..1.

    Raises ValueError where a model has no scores, or two models were not scored on the same problems.
    """
    by_model: dict[str, list[Score]] = {model: [] for model in models}
    for score in scores:
        if score.model not in by_model:
            raise ValueError(f"there are scores of {score.model!r}, which is none of the report's models: {', '.join(models)}")
        by_model[score.model].append(score)
    if missing := [model for model, rows in by_model.items() if not rows]:
        raise ValueError(f"no scores of {', '.join(missing)}: every model of the report must be scored")
    credits = {model: metrics.credit_by_problem(rows) for model, rows in by_model.items()}
    seed, draws = recipe.bootstrap_seed, recipe.bootstrap_draws
    rows: list[dict[str, Any]] = []
    for model in models:
        tally = Counter("unreadable" if score.reason.startswith("unreadable") else score.verdict for score in by_model[model])
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
    pairs = [("full_weak_ft", FLOOR), ("weak_icl", "full_weak_ft"), ("weak_ft_1", "full_weak_ft"), (last, "weak_icl"), (last, "weak_ft_1")]
    pairs += [(model, last) for model in stage_2] + [(CEILING, model) for model in stage_2 or [last]]
    return [(better, worse) for better, worse in pairs if better in models and worse in models]


def text(report: Mapping[str, Any]) -> str:
    """Scores, differences and selection for a terminal, printable characters only; the page has the rest."""
    lines = [f"{report['experiment']}: {report['description']}", ""]
    lines += _grid(*_models(report))
    if report["differences"]:
        lines += ["", *_grid(*_differences(report))]
    for title, header, rows in _selection(report):
        lines += ["", title, *_grid(header, rows)]
    return "\n".join("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line).rstrip() for line in lines) + "\n"


def html(report: Mapping[str, Any]) -> str:
    """The report as one self-contained page; every value is escaped, for names and reasons may hold anything."""
    parts = [
        f"<h1>{escape(str(report['experiment']))}</h1><p>{escape(str(report['description']))}</p>",
        f"<h2>Accuracy on {escape(str(report['problems']))} test problems</h2>",
        _chart(report["models"]),
        _table(*_models(report)),
        f"<details open><summary>How to read this</summary>{''.join(f'<p>{escape(line)}</p>' for line in _reading(report))}</details>",
    ]
    if report["differences"]:
        parts += ["<h2>What the method promises</h2>", _table(*_differences(report))]
    for title, header, rows in [*_selection(report), *_steps(report)]:
        parts += [f"<h2>{escape(title)}</h2>", _table(header, rows)]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(str(report["experiment"]))}</title>'
    # No script may run and nothing be fetched, whatever a value holds.
    policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    head = f"<head>{head}{policy}<style>{STYLE}</style></head>"
    return "\n".join(["<!doctype html>", '<html lang="en">', head, "<body>", *parts, "</body></html>", ""])


def _models(report: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    header = ["model", "right of all", "accuracy", "95 %", "PGR", "95 %", *COUNTED[1:]]
    rows: list[list[str]] = []
    for row in report["models"]:
        pgr: dict[str, Any] = row["pgr"] or {"value": None, "low": None, "high": None}
        figures = [f"{row['right']} of {row['total']}", _percent(row["accuracy"]), _interval(row), _percent(pgr["value"]), _interval(pgr)]
        rows.append([row["model"], *figures, *(str(row[name]) for name in COUNTED[1:])])
    return header, rows


def _differences(report: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    rows: list[list[str]] = []
    for d in report["differences"]:
        bounds = f"{_points(d['low'])} .. {_points(d['high'])}"
        rows.append([f"{d['result']} > {d['baseline']}", _points(d["value"]), bounds, "yes" if d["holds"] else "no"])
    return ["difference in points", "", "95 %", "holds"], rows


def _selection(report: Mapping[str, Any]) -> list[Section]:
    """What was selected, and which completions were not whole."""
    sections = [(f"{name}, judged by gold for this report only", ["", ""], list(_figures(of))) for name, of in report["audit"].items()]
    rows: list[list[str]] = []
    for step, values in report["counts"].items():
        if "completions" in values:
            completions, problems = values["completions"], values.get("problems", values["completions"])
            failures = [_share(values.get("truncated", 0), completions), _share(values.get("failed", 0), problems)]
            rows.append([step, _number(completions), *failures, _number(values.get("completion_tokens", 0))])
    return [*sections, ("completions", ["step", "all", "truncated", "failed problems", "tokens"], rows)] if rows else sections


def _steps(report: Mapping[str, Any]) -> list[Section]:
    """What every other step counted, and how long all of them took."""
    counts: dict[str, Mapping[str, float]] = {step: values for step, values in report["counts"].items() if "completions" not in values}
    rows = [[step, ", ".join(f"{name} {_number(value)}" for name, value in values.items())] for step, values in counts.items() if values]
    times = [[step, f"{value:.1f}"] for step, value in report["seconds"].items()]
    named = [("counts", ["step", ""], rows), ("time", ["step", "seconds"], times)]
    return [section for section in named if section[2]]


def _reading(report: Mapping[str, Any]) -> list[str]:
    """The page's own explanation."""
    return [
        "Accuracy is right answers by all test problems; answers that could not be read or decided count as not right. Thin lines in "
        f"the chart are 95 % bootstrap intervals over problems ({report['bootstrap']['draws']} draws).",
        f"The dashed lines are {FLOOR}, the weak model that teaches, and {CEILING}, the strong model trained on gold. PGR, the "
        "performance gap recovered, is (accuracy - floor) / (ceiling - floor): at 0 % no better than the teacher, at 100 % as good as with "
        "gold. It is empty where the ceiling is not above the floor, and has no interval where that may be chance.",
        "A difference holds where its whole interval, paired by problem, is above 0.",
    ]


def _figures(figures: Mapping[str, Any]) -> Iterable[list[str]]:
    """Rows (name, value) of one section of the audit."""
    for name, value in figures.items():
        if isinstance(value, Mapping):
            parts = cast("Mapping[str, Any]", value)
            if {"numerator", "denominator"} <= set(parts):
                yield [name, _share(parts["numerator"], parts["denominator"])]
            else:
                yield from ([f"{name}: {key}", _number(one)] for key, one in parts.items())
        elif isinstance(value, list | tuple):
            yield [name, " ".join(map(_number, cast("Sequence[Any]", value)))]
        else:
            yield [name, _number(value)]


def _number(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else f"{value:.4g}"
    return str(value)


def _share(numerator: float, denominator: float) -> str:
    return f"{_percent(numerator / denominator if denominator else None)} ({_number(numerator)} of {_number(denominator)})"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _points(value: float) -> str:
    return f"{100 * value:+.1f}"


def _interval(row: Mapping[str, Any]) -> str:
    return "-" if row["low"] is None else f"{100 * row['low']:.1f} .. {100 * row['high']:.1f}"


def _grid(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table: the first column to the left; the others to the right where they hold figures."""
    cells = [header, *rows] if any(header) else list(rows)
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    left = [column == 0 or any(len(row[column]) > 40 for row in rows) for column in range(len(header))]
    return ["  ".join(c.ljust(w) if to_left else c.rjust(w) for c, w, to_left in zip(row, widths, left, strict=True)) for row in cells]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in header)}</tr>" if any(header) else ""
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table>{head}{body}</table></div>'


def _chart(rows: Sequence[Mapping[str, Any]]) -> str:
    """Horizontal bars of accuracy with their intervals, and dashed lines at floor and ceiling. SVG, in pixels of its own."""
    left, width, step = 150, 470, 26
    height = step * len(rows) + 34
    end = next((axis for axis in AXES if axis >= max((row["high"] for row in rows), default=1.0)), 1.0)

    def x(share: float) -> float:
        return round(left + width * share / end, 1)

    parts: list[str] = []
    for tick in range(6):
        share = end * tick / 5
        parts.append(f'<line class="tick" x1="{x(share)}" x2="{x(share)}" y1="16" y2="{height - 18}"/>')
        parts.append(f'<text class="small" text-anchor="middle" x="{x(share)}" y="{height - 4}">{100 * share:g} %</text>')
    for index, row in enumerate(rows):
        top = 18 + step * index
        middle = top + step / 2 - 1
        name, kind = escape(str(row["model"])), "reference" if row["model"] in (FLOOR, CEILING) else "bar"
        length = round(x(row["accuracy"]) - left, 1)
        figures = f"{name}: {row['right']} of {row['total']}, {_percent(row['accuracy'])} ({_interval(row)})"
        parts.append(f"<g><title>{figures}</title>")
        parts.append(f'<text text-anchor="end" x="{left - 8}" y="{middle + 4}">{name}</text>')
        parts.append(f'<rect class="{kind}" x="{left}" y="{top}" width="{length}" height="{step - 6}"/>')
        parts.append(f'<path class="interval" d="M{x(row["low"])} {middle}H{x(row["high"])}m0-4v8M{x(row["low"])} {middle - 4}v8"/></g>')
    for row in rows:
        if row["model"] in (FLOOR, CEILING):
            at, label = x(row["accuracy"]), "floor" if row["model"] == FLOOR else "ceiling"
            parts.append(f'<line class="limit" x1="{at}" x2="{at}" y1="14" y2="{height - 18}"/>')
            parts.append(f'<text class="small" text-anchor="middle" x="{at}" y="11">{label}</text>')
    return f'<svg role="img" aria-label="Accuracy by model" viewBox="0 0 {left + width + 30} {height}">{"".join(parts)}</svg>'


STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --paper: #fff; --faint: #d5dade; --bar: #3a78b5; --reference: #9aa5af; --limit: #b5482c; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8eb; --paper: #16191c; --faint: #3a4147; --bar: #5b9bd8; --reference: #6c7882; --limit: #e58160; }
}
@media print {
  :root { --ink: #000; --paper: #fff; --faint: #ccc; --bar: #6b93ba; --reference: #aaa; --limit: #b5482c; }
  svg, tr, h2 { break-inside: avoid; } h2 { break-after: avoid; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2rem; font-size: 1.15rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.9rem; }
th, td { text-align: left; padding: 0.2rem 0.9rem 0.2rem 0; border-bottom: 1px solid var(--faint); vertical-align: top; }
td:first-child { white-space: nowrap; } th { font-weight: 600; }
svg { width: 100%; max-width: 46rem; font-size: 12px; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
svg text { fill: var(--ink); } svg .small { font-size: 10px; } .bar { fill: var(--bar); } .reference { fill: var(--reference); }
.tick { stroke: var(--faint); } .limit { stroke: var(--limit); stroke-dasharray: 4 3; } .interval { stroke: var(--ink); fill: none; }
"""
