"""Spells vectors in one way where a cross product multiplies them, as in `\\mathbf r \\times \\mathbf p`."""

import re

_VECTOR = re.compile(
    r"\\(?:vec|mathbf|boldsymbol|bm|pmb|overrightarrow)(?![A-Za-z])\s*"
    r"(?:\{\s*(\\?[A-Za-z]|\\[A-Za-z]+)\s*\}|(\\[A-Za-z]+|[A-Za-z])(?![A-Za-z]))"
)
_CROSS = re.compile(rf"{_VECTOR.pattern}\s*\\times(?![A-Za-z])\s*{_VECTOR.pattern}")


def spell_vectors(text: str) -> str:
    """`text` with `\\vec {v}` for each vector, if it has a cross product; the order of its factors counts."""
    if "\\times" not in text or not _CROSS.search(text):
        return text
    return _VECTOR.sub(lambda vector: f"\\vec {{{vector[1] or vector[2]}}}", text)
