"""Extracts the final answer from a completion, by answer family.

The meaning of an answer is not decided here but in forms/canonical.py.
"""

import re
from typing import Literal

from w2s.answers.forms.canonical import canonical
from w2s.answers.markers import after_hashes, braced, last_box
from w2s.answers.types import MAX_ANSWER_CHARS, Answer, Reason, Unreadable

Family = Literal["gsm8k", "math", "olympicarena", "plain"]

_ANSWER_IS = re.compile(r"\banswers? (?:is|are)\b(:?)", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?\$?\d[\d,]*(?:\.\d+)?(?:/\d+)?%?")
_STARTS_WITH_BOX = re.compile(r"\$?\s*\\boxed\s*\{")


def read(text: str, family: Family, finish_reason: str = "stop", kind: str = "") -> Answer | Unreadable:
    """The final answer of one completion. Never raises, whatever the text.

    Only the text before the first "Question" counts, because the paper's scripts cut there. By family:

    - `gsm8k`: the text after `####`, else the first number after the last "answer is".
    - `math`: the text after the last "answer is:", else the last `\\boxed{}`, else the text after the last "answer is".
    - `olympicarena`: the last `\\boxed{}`, else the text after the last "answer is".
    - `plain`: any marker of `gsm8k` or `math`, else the last number of the last line, else that line.

    `finish_reason` belongs to the completion. `kind` belongs to the problem and decides whether two marked answers
    agree. A completion cut by max_tokens is read only if "Question" ended its answer before the cut.
    """
    if finish_reason == "error":
        return Unreadable("error")
    body, question, _ = text.partition("Question")
    if not body.strip():
        return Unreadable("truncated" if finish_reason == "length" and not question else "empty")
    if finish_reason == "length" and not question:
        return Unreadable("truncated")
    answer = _READERS[family](body, kind)
    if isinstance(answer, Unreadable):
        return answer
    answer = answer.strip()
    if len(answer) > MAX_ANSWER_CHARS:
        return Unreadable("too_long")
    return Answer(answer) if answer else Unreadable("empty")


def _gsm8k(body: str, kind: str) -> str | Unreadable:
    # An answer ends at the next `#`, so that `#### 5 #### 6` has two answers.
    marked = [part.partition("#")[0].strip() for rest in after_hashes(body) for part in rest.split("####")]
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
    return _boxed(answer) if _STARTS_WITH_BOX.match(answer) else answer


def _olympicarena(body: str, kind: str) -> str | Unreadable:
    boxed = _boxed(body)
    stated = _stated(body, "") if boxed == Unreadable("no_marker") else None
    return boxed if stated is None else stated


def _plain(body: str, kind: str) -> str | Unreadable:
    for reader in (_gsm8k, _math):
        answer = reader(body, kind)
        if answer != Unreadable("no_marker"):
            return answer
    line = body.strip().splitlines()[-1]
    numbers: list[str] = _NUMBER.findall(line)
    return numbers[-1] if numbers else line


_READERS = {"gsm8k": _gsm8k, "math": _math, "olympicarena": _olympicarena, "plain": _plain}


def _stated(body: str, colon: Literal[":", ""]) -> str | None:
    """The rest of the line after the last "answer is", or None; with ":", only "answer is:" counts."""
    end = None
    for match in _ANSWER_IS.finditer(body):
        end = match.end() if match[1] >= colon else end
    return None if end is None else body[end:].partition("\n")[0].strip()


def _agreeing(marked: list[str], kind: str) -> str | Unreadable:
    """The last of several marked answers, if all that are not empty have one canonical form."""
    answers = [answer for answer in marked if answer]
    if any(len(answer) > MAX_ANSWER_CHARS for answer in answers):
        return Unreadable("too_long")
    if len(set(answers)) > 1 and any(canonical(answer, kind) != canonical(answers[-1], kind) for answer in answers):
        return Unreadable("contradicting")
    return answers[-1] if answers else ""


def _boxed(body: str) -> str | Unreadable:
    """The content of the last box."""
    start = last_box(body)
    if start is None:
        return Unreadable("no_marker")
    content = braced(body, start)
    reason: Reason = "too_long" if len(body) - start > MAX_ANSWER_CHARS else "unbalanced"
    return Unreadable(reason) if content is None else content
