"""Determinants of small matrices of numbers, `\\begin{vmatrix}` or `\\det` before a matrix."""

import re

from w2s.answers.algebra.normal_form import constant_of
from w2s.answers.forms.form import Form
from w2s.answers.text.brackets import matrix_rows

MAX_ROWS = 3
_BARS = re.compile(r"(\\begin ?\{)vmatrix(\}.*\\end ?\{)vmatrix\}")
_DET = re.compile(r"\\det ?\(? ?(\\begin.*\\end ?\{[pbB]?matrix\}) ?\)?")


def determinant_form(text: str) -> Form | None:
    """The value of a determinant of at most three rows of numbers; None for every other text."""
    if not text.startswith(("\\begin", "\\det")):
        return None
    if (match := _DET.fullmatch(text)) is not None:
        rows = matrix_rows(match[1])
    else:
        rows = matrix_rows(_BARS.sub(r"\1matrix\2matrix}", text)) if _BARS.fullmatch(text) else None
    if rows is None or len(rows) > MAX_ROWS or any(len(row) != len(rows) for row in rows):
        return None
    value = constant_of(_expanded(rows))
    return None if value is None else Form(str(value), value.exact)


def _expanded(rows: list[list[str]]) -> str:
    """The determinant as a sum of products, by the first row."""
    if len(rows) == 1:
        return f"({rows[0][0]})"
    minors = [[row[:at] + row[at + 1 :] for row in rows[1:]] for at in range(len(rows))]
    terms = [f"({cell})*({_expanded(minor)})" for cell, minor in zip(rows[0], minors, strict=True)]
    return "".join(f"{'-' if at % 2 else '+'}{term}" for at, term in enumerate(terms))
