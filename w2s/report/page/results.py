"""The scores on the page: the key sentence, doubts, accuracy and PGR, and what the method promises."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from w2s.report.document import CEILING, FLOOR
from w2s.report.findings import doubts, headline
from w2s.report.page import charts
from w2s.report.page.names import capital, name_of
from w2s.report.page.parts import figure, folded, paragraph, section, side_by_side, table, whole
from w2s.report.sections import differences_table, models_table, percent

LISTED = 6
"""Unfinished steps that are named."""


def first_words(report: Mapping[str, Any]) -> str:
    """The key sentence, and what should make its reader doubt."""
    parts = [paragraph(capital(headline(report, name_of)), "key")]
    parts += [paragraph(f"Doubt: {sentence}.", "doubt") for sentence in doubts(report, name_of)]
    if unfinished := [node["step"] for node in report["graph"] if not node["finished"]]:
        done = len(report["graph"]) - len(unfinished)
        more = f" and {len(unfinished) - LISTED} more" if len(unfinished) > LISTED else ""
        listed = "; ".join(name_of(step) for step in unfinished[:LISTED]) + more
        parts.append(
            paragraph(f"Not finished: {done} of {len(report['graph'])} steps are. Missing: {listed}.", "doubt")
        )
    return "".join(parts)


def results(report: Mapping[str, Any]) -> str:
    """Accuracy and PGR of all models, with intervals, charts first."""
    rows = report["models"]
    if not rows:
        return ""
    limits = {
        name: row["accuracy"]
        for row in rows
        for model, name in ((FLOOR, "floor"), (CEILING, "ceiling"))
        if row["model"] == model
    }
    bars = [(name_of(r["model"]), r["accuracy"], r["low"], r["high"], r["model"] in (FLOOR, CEILING)) for r in rows]
    told = "; ".join(f"{name} {percent(value)}" for name, value, *_ in bars)
    recovered = [
        (name_of(row["model"]), row["pgr"]["value"], row["pgr"]["low"], row["pgr"]["high"], False)
        for row in rows
        if row["pgr"] and row["pgr"]["value"] is not None
    ]
    pgr = ""
    if recovered:
        spoken = "; ".join(f"{name} {percent(value)}" for name, value, *_ in recovered)
        pgr = charts.intervals(recovered, {}, f"PGR: {spoken}")
    header, cells = models_table(report)
    return section(
        "results",
        f"Accuracy on {whole(report['problems'])} test problems",
        side_by_side(
            figure(charts.intervals(bars, limits, f"Accuracy: {told}"), "Accuracy, with 95 % intervals over problems."),
            figure(pgr, "PGR, the share of the gap between floor and ceiling that is recovered."),
        ),
        table(["model", *_columns(header)], [[capital(name_of(row[0])), *row[1:]] for row in cells]),
        folded("How to read this", *(paragraph(text) for text in _reading(report))),
    )


def promises(report: Mapping[str, Any]) -> str:
    """Paired differences between models that the method orders."""
    if not report["differences"]:
        return ""
    _, rows = differences_table(report)
    claims = [f"{name_of(each['result'])} > {name_of(each['baseline'])}" for each in report["differences"]]
    named = [[capital(claim), *row[1:]] for claim, row in zip(claims, rows, strict=True)]
    header = ["claim", "difference in points", "95 %", "holds"]
    return section("promises", "What the method promises", table(header, named))


def levels(report: Mapping[str, Any]) -> str:
    """Accuracy by level, where the problems have levels."""
    of: dict[str, dict[str, str]] = {}
    for row in report["levels"]:
        share = row["right"] / row["total"] if row["total"] else None
        of.setdefault(row["model"], {})[row["level"]] = f"{percent(share)} ({row['right']} of {row['total']})"
    names = sorted({row["level"] for row in report["levels"]})
    rows = [[capital(name_of(model)), *(cells.get(level, "-") for level in names)] for model, cells in of.items()]
    header = ["model", *(f"level {level}" if level else "no level" for level in names)]
    return section("levels", "Accuracy by level", table(header, rows)) if rows else ""


def _columns(header: list[str]) -> list[str]:
    """Names of the score table's columns that hold without their neighbours, as on a narrow screen."""
    return [f"{before}, 95 %" if name == "95 %" else name for before, name in pairwise(header)]


def _reading(report: Mapping[str, Any]) -> list[str]:
    """The page's own explanation."""
    floor, ceiling = name_of(FLOOR), name_of(CEILING)
    return [
        "Accuracy is right answers by all test problems; answers that could not be read or decided "
        "count as not right. "
        f"Thin lines are 95 % bootstrap intervals over problems ({whole(report['bootstrap']['draws'])} draws), "
        "and exact binomial intervals where no answer or every answer is right.",
        f"The dashed lines are the {floor}, which teaches, and the {ceiling}, the strong base trained on gold. "
        "PGR, the performance gap recovered, is (accuracy - floor) / (ceiling - floor): at 0 % no better than the "
        "teacher, at 100 % as good as with gold. It is empty where the ceiling is not above the floor, and has no "
        "interval where that may be chance.",
        "A difference holds where its whole interval, paired by problem, is above 0.",
    ]
