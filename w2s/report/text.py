"""The report for a terminal.

Names and reasons may hold anything, so characters that are not printable are replaced.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from w2s.report.sections import differences_table, models_table, selection_sections


def text(report: Mapping[str, Any]) -> str:
    """Scores, differences and selection for a terminal, in printable characters only; the page has the rest."""
    lines = [f"{report['experiment']}: {report['description']}", ""]
    lines += _grid(*models_table(report))
    if report["differences"]:
        lines += ["", *_grid(*differences_table(report))]
    for heading, header, rows in selection_sections(report):
        lines += ["", heading, *_grid(header, rows)]
    return "\n".join(_printable(line).rstrip() for line in lines) + "\n"


def _printable(line: str) -> str:
    """The line without control characters, which could steer the terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)


def _grid(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table: the first column is left-aligned, and so are columns with cells of over 40 characters."""
    cells = [header, *rows] if any(header) else list(rows)
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    left = [column == 0 or any(len(row[column]) > 40 for row in rows) for column in range(len(header))]
    return [
        "  ".join(c.ljust(w) if to_left else c.rjust(w) for c, w, to_left in zip(row, widths, left, strict=True))
        for row in cells
    ]
