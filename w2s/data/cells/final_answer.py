"""The final answer of a gold solution, and of a cell that may be one."""

import re

from w2s.answers.markers import after_hashes, braced, last_box


def final_answer(solution: str) -> str | None:
    """The final answer of a gold solution; None without a mark or with nothing after it.

    The mark is the last `####`, else the last `\\boxed{}`, else `answer:` or `answer is:` in the last line.
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

_STATED = re.compile(
    r"\banswers?(?: is| are)?:(.*)|^(?:so,? )?(?:the )?(?:final )?answers? (?:is|are) (.+)", re.IGNORECASE
)


def _marked(text: str) -> list[str]:
    """The final answers of the first sort of mark that the text has, in order; '' for a mark without an answer."""
    if hashes := after_hashes(text):
        return [part.strip() for rest in hashes for part in rest.split("####")]
    boxes: list[str] = []
    before = len(text)
    while (start := last_box(text[:before])) is not None:
        content = braced(text, start) or ""
        if last_box(content) is None:  # else the box inside is the answer
            boxes.insert(0, content.strip())
        before = start - 1
    if boxes:
        return boxes
    last_line = (text.strip().splitlines() or [""])[-1]
    stated = _STATED.search(last_line)
    return [(stated[1] if stated[1] is not None else stated[2]).strip()] if stated else []
