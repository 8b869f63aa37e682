"""Splits an answer at its brackets, separators and relations, before anything is computed."""

import re

from w2s.answers.text.latex import ROW, SET_CLOSE, SET_OPEN

OPENING = "([{" + SET_OPEN
CLOSING = ")]}" + SET_CLOSE
_PAIRS = ("()", "(]", "[)", "[]", "{}", SET_OPEN + SET_CLOSE)
_WORD_SEPARATOR = re.compile(r",?\s+(?:and|or)\s+")
_RELATION = re.compile(r"(<=|>=|<|>|=)")
_MATRIX = re.compile(r"\\begin ?\{[pbB]?matrix\}(.*)\\end ?\{[pbB]?matrix\}")


def split_top(text: str) -> list[str]:
    """Parts between commas, semicolons, "and" and "or" outside brackets, stripped; [text] without a separator."""
    text = _WORD_SEPARATOR.sub(",", text)
    if "," not in text and ";" not in text:
        return [text.strip()]
    parts: list[str] = []
    depth, start = 0, 0
    for index, char in enumerate(text):
        if char in OPENING:
            depth += 1
        elif char in CLOSING:
            depth -= 1
        elif char in ",;" and depth == 0:
            parts.append(text[start:index].strip())
            start = index + 1
    parts.append(text[start:].strip())
    return parts


def enclosed(text: str) -> tuple[str, str, str] | None:
    """(opening bracket, inside, closing bracket) if one pair encloses the whole text, as in `(3,4]`; else None."""
    if len(text) < 2 or text[0] + text[-1] not in _PAIRS:
        return None
    depth = 0
    for char in text[:-1]:
        depth += (char in OPENING) - (char in CLOSING)
        if depth == 0:
            return None
    return text[0], text[1:-1].strip(), text[-1]


def relation_sides(text: str) -> list[str]:
    """Sides and relations in turn, as [left, "<=", right]; [text] without a relation outside round brackets."""
    pieces = _RELATION.split(text)
    if len(pieces) == 1 or "(" not in text:
        return [piece.strip() for piece in pieces]
    sides: list[str] = []
    depth = 0
    for piece in pieces:
        if depth > 0:  # within `P(X = 2)`
            sides[-1] += piece
        else:
            sides.append(piece)
        depth = max(0, depth) + piece.count("(") - piece.count(")")
    return [side.strip() for side in sides]


def matrix_rows(text: str) -> list[list[str]] | None:
    """Cells of a LaTeX matrix, row by row; None if the text is not a matrix."""
    match = _MATRIX.fullmatch(text)
    if match is None:
        return None
    body = match[1].replace("\\\\", ROW).strip().removesuffix(ROW)
    return [[cell.strip() for cell in row.split("&")] for row in body.split(ROW)]
