"""Readers of the two marks that announce a final answer: `####` and `\\boxed{}`.

Completions and gold solutions are read by the same functions, so that a change of one rule reaches both.
"""

import re

_HASHES = re.compile(r"####([^\n]*)")
_BOX = re.compile(r"\\f?box(?:ed)?\s*\{")


def after_hashes(text: str) -> list[str]:
    """The rest of each line after its first `####`, in order; [] where no line has the mark."""
    return _HASHES.findall(text)


def last_box(text: str) -> int | None:
    """Index of the first character inside the last `\\boxed{`, `\\fbox{` or `\\box{`; None where there is no box."""
    start = None
    for match in _BOX.finditer(text):
        start = match.end()
    return start


def braced(text: str, start: int) -> str | None:
    """The text from `start` to the brace that closes the one before `start`; None where that brace is missing.

    Escaped braces are text and do not count.
    """
    depth = 1
    escaped = False
    for index in range(start, len(text)):
        char = text[index]
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                return text[start:index]
    return None
