"""Text for a terminal: tables, indented texts, and no character that could steer it.

Questions, completions and names are written by others, so a control character is shown as its escape.
"""

from collections.abc import Iterable, Sequence

MAX_CHARS = 4_000
"""Characters of one text that are shown."""


def printable(line: str) -> str:
    """One line without control characters, marks of writing direction and line ends: each is shown as its escape."""
    return line if line.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)


def indented(text: str, by: int = 4, limit: int = MAX_CHARS) -> list[str]:
    """The lines of a text behind `by` spaces, so that no line of a model's text can pass for one of ours."""
    lines = [" " * by + printable(line.rstrip("\r")) for line in text[:limit].split("\n")]
    left_out = len(text) - limit
    return [*lines, f"{' ' * by}... {left_out:,} more characters, which --json shows"] if left_out > 0 else lines


def grid(header: Sequence[str], rows: Sequence[Sequence[str]], left: Iterable[int] = (0,)) -> list[str]:
    """Lines of a table; the columns of `left`, and those with cells of over 40 characters, are left-aligned."""
    cells = [header, *rows] if any(header) else list(rows)
    cells = [[printable(cell) for cell in row] for row in cells]
    if not cells:
        return []
    columns = range(len(cells[0]))
    widths = [max(len(row[column]) for row in cells) for column in columns]
    to_left = {*left, *(column for column in columns if any(len(row[column]) > 40 for row in rows))}
    return [
        "  ".join(row[i].ljust(widths[i]) if i in to_left else row[i].rjust(widths[i]) for i in columns).rstrip()
        for row in cells
    ]
