"""The final answer of a gold solution, and of a cell that may be one."""

import re

from w2s.answers.reading.announcements import LOOSE
from w2s.answers.reading.boxes import boxes, group_text, groups
from w2s.answers.reading.statements import statements
from w2s.answers.reading.wording import is_heading, is_value


def final_answer(solution: str) -> str | None:
    """The final answer of a gold solution; None without a mark or with nothing after it.

    The mark is the last `####` that begins no heading of Markdown, else the last `\\boxed{}`, else `answer:` or
    `answer is:` in the last line.
    """
    marked = _marked(solution)
    return (marked[-1] or None) if marked else None


def answer_of_cell(cell: str) -> str:
    """The final answer in a cell of answers, which may be a whole solution, as in GSM8K's column `answer`.

    Raises ValueError where a cell of several lines has no mark, a mark nothing after it, or two marks two answers.
    """
    marked = _marked(cell)
    answers = list(dict.fromkeys(answer for answer in marked if answer))
    if len(answers) > 1:
        raise ValueError(f"it has the final answers {', '.join(map(repr, answers))}")
    if marked and not answers:
        raise ValueError("its mark of the final answer has nothing after it")
    if not marked and len(cell.splitlines()) > 1:
        raise ValueError(f"it has several lines and no final answer {MARKS}")
    return answers[0] if answers else cell


MARKS = "after `####`, in \\boxed{} or after `answer:`"

_HASHES = re.compile(r"(?<!#)####(?!#)([^\n]*)")
_MOST_WORDS = 6
"""Words of an answer with a text below it; a longer one is a heading."""


def _marked(text: str) -> list[str]:
    """The final answers of the first sort of mark that the text has, in order; '' for a mark without an answer.

    Boxes joined by commas, "and" or "or" are one answer, as in completions.
    """
    if hashes := _after_hashes(text):
        return hashes
    if boxed := groups(text, boxes(text)):
        return [group_text(text, group, "", with_unit=False).strip() for group in boxed]
    return _stated((text.strip().splitlines() or [""])[-1])


def _after_hashes(text: str) -> list[str]:
    """The answers after `####`, which is also how Markdown begins a heading; '' where nothing is after it."""
    answers: list[str] = []
    for mark in _HASHES.finditer(text):
        parts = [part.strip() for part in mark[1].split("####")]
        for part in [part for part in parts if part] or parts[:1]:
            text_below = bool(text[mark.end() :].strip(" \n#"))
            if text_below and part and (is_heading(part) or not is_value(part, _MOST_WORDS)):
                continue
            answers.append((_stated(part) or [part])[-1])
    return answers


def _stated(line: str) -> list[str]:
    """The answers that a line announces with words."""
    found = [statement for statement in statements(line, "math", "") if statement.level > LOOSE]
    return [statement.answer for statement in found if isinstance(statement.answer, str)]
