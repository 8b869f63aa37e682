"""The report for a terminal.

Names and reasons may hold anything; terminal.py shows what is not printable as escapes.
"""

from collections.abc import Mapping
from typing import Any

from w2s.report.findings import doubts, headline
from w2s.report.sections import differences_table, models_table, selection_sections, step_sections
from w2s.report.terminal import grid, printable


def text(report: Mapping[str, Any], verbose: bool = False) -> str:
    """Differences, doubts and scores for a terminal, in printable characters only; scores come last, where people look.

    With `verbose` the counts of all steps come first; the page has them too.
    """
    lines: list[str] = []
    for heading, header, rows in [*selection_sections(report), *step_sections(report)] if verbose else ():
        lines += [heading, *grid(header, rows), ""]
    lines += [*report["estimates"]["notes"], ""] if verbose and report["estimates"]["notes"] else []
    if report["differences"]:
        lines += [*grid(*differences_table(report)), ""]
    if doubtful := [f"! {sentence}" for sentence in doubts(report)]:
        lines += [*doubtful, ""]
    lines += [f"{report['experiment']}: {report['description']}", *filter(None, [headline(report)]), ""]
    lines += grid(*models_table(report))
    return "\n".join(printable(line).rstrip() for line in lines) + "\n"
