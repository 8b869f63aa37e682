"""Boxes in a completion, `\\boxed{...}` and its relatives, and the lists that several of them make."""

import re
from dataclasses import dataclass

from w2s.answers.equality import equal
from w2s.answers.units.reader import unit_of

_TOKEN = re.compile(
    r"(?P<box>\\{1,2}(?:f?box(?:ed)?|framebox)\s*\{)"
    r"|\\boxed(?: +|(?=\d))(?P<bare>[-+]?\d[\d.,/]*|[A-Z](?![A-Za-z]))|\\.|(?P<open>\{)|(?P<close>\})",
    re.DOTALL,
)
_SPACE = r"[\s$~]|\\(?:quad|qquad|[,;:!\s()\[\]])"
_BETWEEN = re.compile(
    rf"(?:{_SPACE}|[,;]|\b(?:and|or)\b|\\(?:text|mathrm|textrm|mbox)\s*\{{[\s,]*(?:and|or)?[\s,]*\}}"
    r"|[A-Za-z](?:_\{?\w{1,3}\}?)?\s*=)*"
)
"""What may stand between the boxes of a list: spaces, joining words, the name of the next value."""
_JOINS = re.compile(r"[,;]|\b(?:and|or)\b")
_NAME = re.compile(r"([A-Za-z](?:_\{?\w{1,3}\}?)?)\s*=\s*\$?\s*$")
_UNIT = re.compile(
    rf"(?:{_SPACE})*(?P<sign>\\?%|\^\s*\\circ|\^\s*\{{\s*\\circ\s*\}}|\\times\s*10\s*\^\s*(?:\{{\s*[-+]?\d+\s*\}}|\d))"
    rf"|(?:{_SPACE})*\\(?:text|mathrm|textrm|mbox|rm)\s*\{{(?P<wrapped>(?:[^{{}}$]|\{{[-\d]{{1,3}}\}}){{1,40}})\}}"
    r"|[.,]?\$\s*(?P<plain>[A-Za-zµΩ°][A-Za-z/^*·² ³\d-]{0,40})|\s(?P<bare>[A-Za-zµΩ][A-Za-z/^²³]{0,14})(?![\w'])"
)
_NO_UNITS = frozenset("a am an as at be by do go he i if in is it me my no of on or so to up us we".split())
"""Short words of a sentence that are symbols of units too."""
MAX_JOIN = 60
"""Characters between two boxes of a list."""


@dataclass(frozen=True, slots=True)
class Box:
    """`text[start:end]` is a box with this content; None if its brace never closes."""

    start: int
    end: int
    content: str | None


def boxes(text: str) -> list[Box]:
    """All boxes that are in no other box, in order; in linear time.

    `\\boxed 5` is a box, `\\boxed` before other words is none. Escaped braces are text.
    """
    found: list[Box] = []
    if "box" not in text:
        return found
    opened: list[tuple[int, int]] = []
    for token in _TOKEN.finditer(text):
        if token["box"]:
            opened.append((token.start(), token.end()))
        elif token["open"]:
            opened.append((-1, 0))
        elif token["bare"]:
            found.append(Box(token.start(), token.end(), token["bare"].rstrip(".,")))
        elif token["close"] and opened:
            start, inside = opened.pop()
            if start >= 0:
                while found and found[-1].start > start:
                    found.pop()  # it is in this one
                found.append(Box(start, token.end(), text[inside : token.start()]))
    found += [Box(start, inside, None) for start, inside in opened if start >= 0]
    return sorted(found, key=lambda box: box.start)


def groups(text: str, found: list[Box]) -> list[list[Box]]:
    """Boxes joined by commas, "and" or "or", as in `\\boxed{3}$ and $\\boxed{5}`; each other box is alone."""
    joined: list[list[Box]] = []
    for box in found:
        if joined and box.content is not None and _joined(text, joined[-1][-1], box):
            joined[-1].append(box)
        else:
            joined.append([box])
    return joined


def _joined(text: str, box: Box, following: Box) -> bool:
    if box.content is None or following.start - box.end > MAX_JOIN:
        return False
    between = _BETWEEN.fullmatch(text, box.end, following.start)
    return between is not None and _JOINS.search(between[0]) is not None


def group_text(text: str, group: list[Box], kind: str, with_unit: bool = True) -> str:
    """The answer of a group: a list such as `3, 5`, or one content if all are equal.

    Different names before the boxes are kept, as in `x=3, y=5`. A known unit after the last box belongs to it,
    `with_unit`.
    """
    contents = [_unboxed(box.content or "") for box in group]
    if all(equal(content, contents[-1], kind) for content in contents[:-1]):
        number = with_unit and any(char.isdigit() for char in contents[-1])
        return contents[-1] + (unit_after(text, group[-1].end) if number else "")
    names = [_name_before(text, box.start) for box in group]
    if len(set(names)) == len(names) and "" not in names:
        contents = [f"{name}={content}" for name, content in zip(names, contents, strict=True)]
    return ", ".join(contents)


def unit_after(text: str, end: int) -> str:
    """A percent or degree sign, a power of ten or a known unit right after a box; '' for anything else."""
    match = _UNIT.match(text, end)
    if match is None or match["sign"]:
        return "" if match is None else match["sign"]
    words = (match["wrapped"] or match["plain"] or match["bare"] or "").split()
    sentence = next((at for at, word in enumerate(words) if at and word in _NO_UNITS), len(words))
    for length in range(sentence, 0, -1):
        unit = unit_of(" ".join(words[:length]).replace("\\,", " "))
        if unit is not None and unit.unit.known:
            alone = match["wrapped"] or (match["plain"] and length == len(words))
            return f" {' '.join(words[:length])}" if alone or words[0].lower() not in _NO_UNITS else ""
    return ""


def _unboxed(content: str) -> str:
    inner = boxes(content)
    while (
        len(inner) == 1 and inner[0].content is not None and (inner[0].start, inner[0].end) == (0, len(content.strip()))
    ):
        content = inner[0].content
        inner = boxes(content)
    return content


def _name_before(text: str, start: int) -> str:
    name = _NAME.search(text, max(0, start - 20), start)
    return name[1] if name else ""
