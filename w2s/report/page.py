"""The report as one HTML page that needs no script, font or link, so that it can be mailed and archived."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from w2s.report.document import CEILING, FLOOR
from w2s.report.findings import doubts, headline
from w2s.report.sections import (
    differences_table,
    interval,
    models_table,
    percent,
    selection_sections,
    step_sections,
)

AXES = (0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 0.75, 1.0)
"""Ends of the chart's axis to choose from, as shares."""


def html(report: Mapping[str, Any]) -> str:
    """The report as one self-contained page; every value is escaped, for names and reasons may hold anything."""
    reading = "".join(f"<p>{escape(line)}</p>" for line in _reading(report))
    parts = [
        f"<h1>{escape(str(report['experiment']))}</h1><p>{escape(str(report['description']))}</p>",
        *(f"<p><strong>{escape(sentence)}</strong></p>" for sentence in [headline(report)] if sentence),
        *(f'<p role="note">Doubt: {escape(sentence)}.</p>' for sentence in doubts(report)),
        f"<h2>Accuracy on {escape(str(report['problems']))} test problems</h2>",
        _chart(report["models"]),
        _table(*models_table(report)),
        f"<details open><summary>How to read this</summary>{reading}</details>",
    ]
    if report["differences"]:
        parts += ["<h2>What the method promises</h2>", _table(*differences_table(report))]
    for heading, header, rows in [*selection_sections(report), *step_sections(report)]:
        parts += [f"<h2>{escape(heading)}</h2>", _table(header, rows)]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    head += f"<title>{escape(str(report['experiment']))}</title>"
    # No script may run and nothing be fetched, whatever a value holds.
    policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    head = f"<head>{head}{policy}<style>{STYLE}</style></head>"
    return "\n".join(["<!doctype html>", '<html lang="en">', head, "<body>", *parts, "</body></html>", ""])


def _reading(report: Mapping[str, Any]) -> list[str]:
    """The page's own explanation."""
    return [
        "Accuracy is right answers by all test problems; answers that could not be read or decided count as not right. "
        f"Thin lines in the chart are 95 % bootstrap intervals over problems ({report['bootstrap']['draws']} draws), "
        "and exact binomial intervals where no answer or every answer is right.",
        f"The dashed lines are {FLOOR}, the weak model that teaches, and {CEILING}, the strong model trained on gold. "
        "PGR, the performance gap recovered, is (accuracy - floor) / (ceiling - floor): at 0 % no better than the "
        "teacher, at 100 % as good as with gold. It is empty where the ceiling is not above the floor, and has no "
        "interval where that may be chance.",
        "A difference holds where its whole interval, paired by problem, is above 0.",
    ]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in header)}</tr>" if any(header) else ""
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table>{head}{body}</table></div>'


def _chart(rows: Sequence[Mapping[str, Any]]) -> str:
    """An SVG of horizontal accuracy bars with their intervals, and dashed lines at floor and ceiling; in pixels."""
    left, width, step = 150, 470, 26
    height = step * len(rows) + 34
    end = next((axis for axis in AXES if axis >= max((row["high"] for row in rows), default=1.0)), 1.0)

    def x(share: float) -> float:
        return round(left + width * share / end, 1)

    parts: list[str] = []
    for tick in range(6):
        share = end * tick / 5
        parts.append(f'<line class="tick" x1="{x(share)}" x2="{x(share)}" y1="16" y2="{height - 18}"/>')
        parts.append(
            f'<text class="small" text-anchor="middle" x="{x(share)}" y="{height - 4}">{100 * share:g} %</text>'
        )
    for index, row in enumerate(rows):
        top = 18 + step * index
        middle = top + step / 2 - 1
        name, kind = escape(str(row["model"])), "reference" if row["model"] in (FLOOR, CEILING) else "bar"
        length = round(x(row["accuracy"]) - left, 1)
        figures = f"{name}: {row['right']} of {row['total']}, {percent(row['accuracy'])} ({interval(row)})"
        parts.append(f"<g><title>{figures}</title>")
        parts.append(f'<text text-anchor="end" x="{left - 8}" y="{middle + 4}">{name}</text>')
        parts.append(f'<rect class="{kind}" x="{left}" y="{top}" width="{length}" height="{step - 6}"/>')
        low, high = x(row["low"]), x(row["high"])
        parts.append(f'<path class="interval" d="M{low} {middle}H{high}m0-4v8M{low} {middle - 4}v8"/></g>')
    for row in rows:
        if row["model"] in (FLOOR, CEILING):
            at, label = x(row["accuracy"]), "floor" if row["model"] == FLOOR else "ceiling"
            parts.append(f'<line class="limit" x1="{at}" x2="{at}" y1="14" y2="{height - 18}"/>')
            parts.append(f'<text class="small" text-anchor="middle" x="{at}" y="11">{label}</text>')
    box = f"0 0 {left + width + 30} {height}"
    return f'<svg role="img" aria-label="Accuracy by model" viewBox="{box}">{"".join(parts)}</svg>'


STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --paper: #fff; --faint: #d5dade;
  --bar: #3a78b5; --reference: #9aa5af; --limit: #b5482c; }
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
th, td { text-align: left; padding: 0.2rem 0.9rem 0.2rem 0;
  border-bottom: 1px solid var(--faint); vertical-align: top; }
td:first-child { white-space: nowrap; } th { font-weight: 600; }
svg { width: 100%; max-width: 46rem; font-size: 12px; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
svg text { fill: var(--ink); } svg .small { font-size: 10px; }
.bar { fill: var(--bar); } .reference { fill: var(--reference); }
.tick { stroke: var(--faint); } .limit { stroke: var(--limit); stroke-dasharray: 4 3; }
.interval { stroke: var(--ink); fill: none; }
"""
