# ruff: noqa: RUF001 (signs of many languages)
"""Reads the final answer of a completion, by answer family.

The meaning of an answer is not decided here but in forms/canonical.py.
"""

import re
from typing import Literal

from w2s.answers.equality import equal
from w2s.answers.reading.announcements import BARE, LOOSE
from w2s.answers.reading.body import EXERCISE, answer_end, answer_part
from w2s.answers.reading.last_line import last_line
from w2s.answers.reading.statements import Statement, statements
from w2s.answers.types import MAX_ANSWER_CHARS, Answer, Unreadable

Family = Literal["gsm8k", "math", "olympicarena", "plain"]

_USUAL = re.compile(r"-?\$?\d[\d,]{0,15}(?:\.\d{1,9})?(?: [a-z]{2,9}[a-rt-z]s)?\s?")
_MARKS = ("answer", "ans:", "##", "box", "final", "ans =", "inst]")
_LETTERS = re.compile(r"[^\x00-\x7f’“”–—€£½¼¾×÷°]")
_TAG = re.compile(r"<[a-z/|]")
_CORRECTION = re.compile(
    r"\b(?:wait|actually|no|however|but|correction|corrected|mistaken?|wrong|incorrect|error|oops|sorry|apolog\w+|instead"
    r"|re-?check\w*|re-?consider\w*|re-?evaluat\w+|let\s+me\s+(?:check|verify|re)|on\s+second\s+thought|hmm)\b",
    re.IGNORECASE,
)
_LATER_STEP = re.compile(
    r"\b(?:then|next|finally|now|therefore|hence|thus|so|in\s+total|overall|altogether|conclu\w+|final)\b",
    re.IGNORECASE,
)
_MAX_DISTINCT = 16
"""A text with more different statements contradicts itself without further reading."""


def read(text: str, family: Family, finish_reason: str = "stop", kind: str = "") -> Answer | Unreadable:
    """The final answer of one completion. Never raises, whatever the text.

    Only the text before the next exercise counts (body.py). A statement is what a mark, a label or a sentence
    announces (announcements.py), or a box. Those of the highest level count, and of these the last one:

    - `gsm8k`: `####`; then "final answer", a label such as `Answer: 5`, a box after "the answer is"; then "the answer
      is 5"; then a box alone. The answer is a number.
    - `math`, `olympicarena`: as `gsm8k`, with `####` beside the labels.
    - `plain`: as `math`, else the value in the last line, or that line.

    Statements that differ make the answer unreadable as `contradicting`, except those that the text corrects ("wait",
    "actually", ...) and those of a lower level before the answer. `kind` belongs to the problem and decides whether two
    of them are equal. A completion cut by max_tokens is read only if the next exercise began before the cut.
    """
    if finish_reason == "error":
        return Unreadable("error")
    if family == "gsm8k" and finish_reason != "length":
        head, mark, last = text.rpartition("\n#### ")
        if mark and _USUAL.fullmatch(last) and _announces_nothing(head):
            return Answer(last.rstrip())
    if finish_reason == "length" and answer_end(text) == len(text):
        return Unreadable("truncated")
    body = answer_part(text)
    if not body.strip():
        return Unreadable("empty")
    answer = _decided(statements(body, family, kind), body, kind)
    if answer == Unreadable("no_marker") and family == "plain":
        answer = last_line(body)
    if isinstance(answer, Unreadable):
        return answer
    answer = answer.strip()
    if len(answer) > MAX_ANSWER_CHARS:
        return Unreadable("too_long")
    return Answer(answer) if answer else Unreadable("empty")


def _announces_nothing(text: str) -> bool:
    """Whether a text surely states no answer; almost all of GSM8K's pass before their last line, and quickly."""
    lower = text.lower()
    return (
        not any(map(lower.__contains__, _MARKS))
        and not ("<" in lower and _TAG.search(lower))
        and not (":" in lower and EXERCISE.search(lower))
        and (lower.isascii() or _LETTERS.search(lower) is None)
    )


def _decided(found: list[Statement], body: str, kind: str) -> str | Unreadable:
    """The answer of the last statement of the highest level, if no other statement that counts differs."""
    stated = [statement for statement in found if statement.answer]
    if not stated:
        return "" if found else Unreadable("no_marker")
    best = max(statement.level for statement in stated)
    final = next(statement for statement in reversed(stated) if statement.level == best)
    if isinstance(final.answer, Unreadable):
        return final.answer
    others = [
        statement
        for statement in stated
        if statement.level > LOOSE
        and not isinstance(statement.answer, Unreadable)
        and (statement.level == best or statement.start > final.start)
        and statement.answer != final.answer
    ]
    if others:
        others = others if best == LOOSE else _uncorrected(others, final, body, best)
    distinct = {str(statement.answer) for statement in others}
    if len(distinct) > _MAX_DISTINCT or any(not _same(answer, final.answer, kind) for answer in distinct):
        return Unreadable("contradicting")
    return final.answer


def _uncorrected(others: list[Statement], final: Statement, body: str, level: int) -> list[Statement]:
    """Statements without a correction between them and the final one; a box alone may also be an earlier step."""
    corrected = -1
    for cue in (_CORRECTION, _LATER_STEP) if level == BARE else (_CORRECTION,):
        for match in cue.finditer(body, min(other.start for other in others), final.start):
            corrected = max(corrected, match.start())
    return [other for other in others if other.end > corrected]


def _same(answer: str, other: str, kind: str) -> bool:
    if max(len(answer), len(other)) > MAX_ANSWER_CHARS:
        return False
    return equal(answer, other, kind) or equal(
        answer, other
    )  # without a kind, a unit on one side alone is no contradiction
