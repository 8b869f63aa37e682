"""The report document as tables of formatted cells, which the text and the page both show."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from w2s.report.document import COUNTED

Section = tuple[str, list[str], list[list[str]]]
"""Heading, header, rows."""


def models_table(report: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the models' scores."""
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
    """Header and rows of the differences that the method promises."""
    rows: list[list[str]] = []
    for difference in report["differences"]:
        bounds = f"{_points(difference['low'])} .. {_points(difference['high'])}"
        claim = f"{difference['result']} > {difference['baseline']}"
        rows.append([claim, _points(difference["value"]), bounds, "yes" if difference["holds"] else "no"])
    return ["difference in points", "", "95 %", "holds"], rows


def selection_sections(report: Mapping[str, Any]) -> list[Section]:
    """Accuracy by level; figures of stages I and II, without and with gold; truncated and failed completions."""
    sections = _levels(report["levels"])
    sections += [
        (f"{name}, without gold", ["", ""], list(figure_rows(figures))) for name, figures in report["selection"].items()
    ]
    sections += [
        (f"{name}, judged by gold for this report only", ["", ""], list(figure_rows(figures)))
        for name, figures in report["audit"].items()
    ]
    rows: list[list[str]] = []
    for step, values in report["counts"].items():
        if "completions" in values:
            completions, problems = values["completions"], values.get("problems", values["completions"])
            failures = [_share(values.get("truncated", 0), completions), _share(values.get("failed", 0), problems)]
            rows.append([step, number(completions), *failures, number(values.get("completion_tokens", 0))])
    return (
        [*sections, ("completions", ["step", "all", "truncated", "failed problems", "tokens"], rows)]
        if rows
        else sections
    )


def _levels(rows: Sequence[Mapping[str, Any]]) -> list[Section]:
    """One row a model, one column a level."""
    levels = sorted({row["level"] for row in rows})
    shares: dict[str, dict[str, str]] = {}
    for row in rows:
        shares.setdefault(row["model"], {})[row["level"]] = _share(row["right"], row["total"])
    table = [[model, *(of.get(level, "-") for level in levels)] for model, of in shares.items()]
    header = ["model", *(f"level {level}" if level else "no level" for level in levels)]
    return [("accuracy by level", header, table)] if table else []


def step_sections(report: Mapping[str, Any]) -> list[Section]:
    """Counts of the other steps, and the seconds of all steps."""
    counts: dict[str, Mapping[str, float]] = {
        step: values for step, values in report["counts"].items() if "completions" not in values
    }
    rows = [
        [step, ", ".join(f"{name} {number(value)}" for name, value in values.items())]
        for step, values in counts.items()
        if values
    ]
    times = [[step, f"{value:.1f}"] for step, value in report["seconds"].items()]
    header, estimated = estimates_table(report)
    named = [
        ("counts", ["step", ""], rows),
        ("time", ["step", "seconds"], times),
        ("estimate and actual", header, estimated),
    ]
    return [section for section in named if section[2]]


def estimates_table(report: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of what was expected of sampling and training, and what it took."""
    rows: list[list[str]] = []
    for kind in report["estimates"]["kinds"]:
        for of in kind["figures"]:
            values = [f"{of[name]:,.{DIGITS[of['figure']]}f}" for name in ("estimated", "actual")]
            ratio = "-" if of["ratio"] is None else f"{of['ratio']:.2f}"
            rows.append([f"{kind['kind']}, {of['figure']}", str(of["steps"]), *values, ratio])
    return ["", "steps", "estimated", "actual", "actual / estimated"], rows


DIGITS = {"tokens": 0, "seconds": 1, "device hours": 3, "wall seconds": 1}
"""Decimals of each figure of the estimates."""


def figure_rows(figures: Mapping[str, Any], under: str = "") -> Iterable[list[str]]:
    """Rows (name, value) of one section; a nested name follows the names above it."""
    for name, value in figures.items():
        if not isinstance(value, Mapping):
            yield [under + name, number(value)]
            continue
        parts = cast("Mapping[str, Any]", value)
        if set(parts) == {"numerator", "denominator"}:
            yield [under + name, _share(parts["numerator"], parts["denominator"])]
        elif set(parts) == {"sum", "count"}:
            yield [
                under + name,
                f"{parts['sum'] / parts['count']:.1f} (mean of {number(parts['count'])})" if parts["count"] else "-",
            ]
        else:
            yield from figure_rows(parts, f"{under}{name}: ")


def number(value: Any) -> str:
    """A number as the tables show it; - without one."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else f"{value:.4g}"
    return str(value)


def _share(numerator: float, denominator: float) -> str:
    return f"{percent(numerator / denominator if denominator else None)} ({number(numerator)} of {number(denominator)})"


def percent(value: float | None) -> str:
    """A share in per cent; - without a value."""
    return "-" if value is None else f"{100 * value:.1f} %"


def _points(value: float) -> str:
    return f"{100 * value:+.1f}"


def interval(row: Mapping[str, Any]) -> str:
    """The bounds `low` and `high` of a row, in per cent; - without bounds."""
    return "-" if row["low"] is None else f"{100 * row['low']:.1f} .. {100 * row['high']:.1f}"
