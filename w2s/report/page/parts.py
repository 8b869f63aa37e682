"""Pieces of HTML: headings, tables whose numbers are right-aligned, and folded parts. Every value is escaped."""

import re
from collections.abc import Sequence
from html import escape

_NUMBER = re.compile(
    r"[-+]?[\d,]+(\.\d+)?( ?(%|s|h|points|of [\d,]+))?( \.\. [-+]?[\d.]+)?|-|(?:[\d.,%]+ ?)+\([^()]*\)"
)


def section(key: str, heading: str, *body: str) -> str:
    """A section that the contents list links to; nothing without a body."""
    inside = "\n".join(part for part in body if part)
    return (
        f'<section id="{key}" aria-labelledby="{key}-h"><h2 id="{key}-h">{escape(heading)}</h2>\n{inside}\n</section>'
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> str:
    """A table whose first column names the rows; on a narrow screen each row becomes a block with its column names."""
    if not rows:
        return ""
    numeric = [
        all(_NUMBER.fullmatch(row[column]) for row in rows) if column else False for column in range(len(header))
    ]
    parts = ['<div class="wide"><table>']
    parts.append(f"<caption>{escape(caption)}</caption>" if caption else "")
    if any(header):
        cells = (
            f'<th scope="col"{_kind(is_number)}>{escape(cell)}</th>'
            for cell, is_number in zip(header, numeric, strict=True)
        )
        parts.append(f"<thead><tr>{''.join(cells)}</tr></thead>")
    parts.append("<tbody>")
    for row in rows:
        first, *others = row
        cells = [f'<th scope="row">{escape(first)}</th>']
        for cell, name, is_number in zip(others, header[1:], numeric[1:], strict=True):
            label = f' data-label="{escape(name)}"' if name else ""
            cells.append(f"<td{_kind(is_number)}{label}>{escape(cell)}</td>")
        parts.append(f"<tr>{''.join(cells)}</tr>")
    return "".join([*parts, "</tbody></table></div>"])


def _kind(is_number: bool) -> str:
    return ' class="number"' if is_number else ""


def folded(summary: str, *body: str) -> str:
    """A part that opens on demand, and in print always; nothing without a body."""
    inside = "\n".join(part for part in body if part)
    return f"<details><summary>{escape(summary)}</summary>{inside}</details>" if inside else ""


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of one of our sentences."""
    of_kind = f' class="{kind}"' if kind else ""
    return f"<p{of_kind}>{escape(text)}</p>" if text else ""


def figure(svg: str, caption: str) -> str:
    """A chart and the sentence that reads it; nothing without a chart."""
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>" if svg else ""


def side_by_side(*figures: str) -> str:
    """Figures beside each other where there is room."""
    there = [each for each in figures if each]
    return f'<div class="figures">{"".join(there)}</div>' if there else ""


def whole(value: float) -> str:
    """A number with thousands separated: 4,000, or 0.1532."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"


def duration(seconds: float) -> str:
    """Seconds to the tenth."""
    return f"{seconds:,.1f} s"
