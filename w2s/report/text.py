"""The report for a terminal.

Names and reasons may hold anything; terminal.py shows what is not printable as escapes.
"""

from collections.abc import Mapping
from typing import Any

from w2s.report.sections import differences_table, models_table, selection_sections
from w2s.report.terminal import grid, printable


def text(report: Mapping[str, Any]) -> str:
    """Scores, differences and selection for a terminal, in printable characters only; the page has the rest."""
    lines = [f"{report['experiment']}: {report['description']}", ""]
    lines += grid(*models_table(report))
    if report["differences"]:
        lines += ["", *grid(*differences_table(report))]
    for heading, header, rows in selection_sections(report):
        lines += ["", heading, *grid(header, rows)]
    return "\n".join(printable(line).rstrip() for line in lines) + "\n"
