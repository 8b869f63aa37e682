"""The final answer of a completion, by answer family. What the answer means is canonical_form.py's matter."""

import re
from typing import Literal

from w2s.answers.forms.canonical import canonical
from w2s.answers.types import MAX_ANSWER_CHARS, Answer, Reason, Unreadable

Family = Literal["gsm8k", "math", "olympicarena", "plain"]

_HASHES = re.compile(r"####([^\n#]*)")
_ANSWER_IS = re.compile(r"\banswers? (?:is|are)\b(:?)", re.IGNORECASE)
_BOXED = re.compile(r"\\f?box(?:ed)?\s*\{")
_NUMBER = re.compile(r"[-+]?\$?\d[\d,]*(?:\.\d+)?(?:/\d+)?%?")
_WHOLE_BOXED = re.compile(r"\$?\s*\\boxed\s*\{")


def read(text: str, family: Family, finish_reason: str = "stop", kind: str = "") -> Answer | Unreadable:
    """The final answer of one completion.

    `text` counts up to the first "Question", where the paper's scripts cut it. `gsm8k`: what follows `####`, else the first number
    after the last "answer is". `math`: what follows the last "answer is:", else the last `\\boxed{}`, else what follows the last "answer
    is". `olympicarena`: the last `\\boxed{}`, else what follows the last "answer is". `plain`: any of these markers, else the last number
    of the last line, else that line. `finish_reason` is the completion's; `kind` the problem's, by which two marked answers are compared.

    A completion that max_tokens cut is read only where "Question" ended its text before the cut. Never raises on any text.
    """
    if finish_reason == "error":
        return Unreadable("error")
    body, question, _ = text.partition("Question")
    if not body.strip():
        return Unreadable("truncated" if finish_reason == "length" and not question else "empty")
    if finish_reason == "length" and not question:
        return Unreadable("truncated")
    found = _READERS[family](body, kind)
    if isinstance(found, Unreadable):
        return found
    answer = found.strip()
    if len(answer) > MAX_ANSWER_CHARS:
        return Unreadable("too_long")
    return Answer(answer) if answer else Unreadable("empty")


def _gsm8k(body: str, kind: str) -> str | Unreadable:
    marked = [m.strip() for m in _HASHES.findall(body)]
    if marked:
        return _agreeing(marked, kind)
    number = _NUMBER.search(_stated(body, "") or "")
    return number[0] if number else Unreadable("no_marker")


def _math(body: str, kind: str) -> str | Unreadable:
    answer = _stated(body, ":")
    if answer is None:
        boxed = _boxed(body)
        if boxed != Unreadable("no_marker"):
            return boxed
        answer = _stated(body, "")
    if answer is None:
        return Unreadable("no_marker")
    return _boxed(answer) if _WHOLE_BOXED.match(answer) else answer


def _olympicarena(body: str, kind: str) -> str | Unreadable:
    boxed = _boxed(body)
    stated = _stated(body, "") if boxed == Unreadable("no_marker") else None
    return boxed if stated is None else stated


def _plain(body: str, kind: str) -> str | Unreadable:
    for reader in (_gsm8k, _math):
        found = reader(body, kind)
        if found != Unreadable("no_marker"):
            return found
    line = body.strip().splitlines()[-1]
    numbers: list[str] = _NUMBER.findall(line)
    return numbers[-1] if numbers else line


_READERS = {"gsm8k": _gsm8k, "math": _math, "olympicarena": _olympicarena, "plain": _plain}


def _stated(body: str, colon: str) -> str | None:
    """The rest of the line after the last "answer is" (with its colon, where `colon` is one); None where there is none."""
    end = None
    for match in _ANSWER_IS.finditer(body):
        end = match.end() if match[1] >= colon else end
    return None if end is None else body[end:].partition("\n")[0].strip()


def _agreeing(marked: list[str], kind: str) -> str | Unreadable:
    """The last of several marked answers, where those that are not empty mean the same."""
    filled = [m for m in marked if m]
    if any(len(m) > MAX_ANSWER_CHARS for m in filled):
        return Unreadable("too_long")
    if len(set(filled)) > 1 and any(canonical(m, kind) != canonical(filled[-1], kind) for m in filled):
        return Unreadable("contradicting")
    return filled[-1] if filled else ""


def _boxed(body: str) -> str | Unreadable:
    """Content of the last `\\boxed{...}`, its braces balanced; escaped braces count for nothing."""
    start = None
    for match in _BOXED.finditer(body):
        start = match.end()
    if start is None:
        return Unreadable("no_marker")
    closed = closing_brace(body, start)
    reason: Reason = "too_long" if len(body) - start > MAX_ANSWER_CHARS else "unbalanced"
    return Unreadable(reason) if closed is None else body[start:closed]


def closing_brace(text: str, start: int) -> int | None:
    """Index of the brace that closes the one before `start`, or None."""
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
                return index
    return None
