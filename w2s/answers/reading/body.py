# ruff: noqa: RUF001 (signs of many languages)
"""The part of a completion that answers its question: after the thinking, before the next exercise."""

import re

EXERCISE = re.compile(
    r"^[ \t>*#_~-]*(?:(?:next|new|another|follow-?up) )?"
    r"(?:questions?|problem|exercise|q|human|user|instructions?|prompt"
    r"|pregunta|problema|ejercicio|pergunta|questão|exercício|domanda|esercizio|frage|aufgabe|problème|exercice"
    r"|вопрос|задача|问题|题目|問題|질문|문제)"
    r"[ \t]*(?:#|no\.?|nr\.?)?[ \t]*(?:\d{1,4}|[a-z])?[ \t]*[*_]{0,3}[ \t]*(?:[:：]|\Z)",
    re.IGNORECASE | re.MULTILINE,
)
"""A line that begins the next exercise, such as `Question:`, `**Problem 2:**`, `Q:`, `Human:`; also `Question` at the
text's end, where the colon was cut off."""
_TOKEN = r"</?s>|<\|[\w ]{1,40}\|>|<(?:[be]os|end_of_turn|start_of_turn)>|\[/?INST\]|<｜[^<>｜]{1,40}｜>"
"""A token that begins or ends a turn, as models of several families spell it."""
_END, _LEADING = re.compile(_TOKEN), re.compile(rf"(?:\s|{_TOKEN})*")
_THOUGHT = re.compile(r"<(/?)(?:think|thinking|thought|reasoning|scratchpad)>", re.IGNORECASE)
_OPENED = re.compile(r"<(?:think|thinking|thought|reasoning|scratchpad)>\s*\Z", re.IGNORECASE)


def answer_end(text: str) -> int:
    """Where the text that may state the answer ends: before the next exercise or the end of the turn, else at its end.

    An exercise begins at a line's start with a word such as `Question`, and a colon: `Question 1 asks for x` and `The
    Questionnaire` begin none.
    """
    ends = [len(text)]
    if "<" in text or "[" in text:
        ends += [token.start() for token in [_END.search(text, _begin(text))] if token]
    ends += [line.start() for line in [EXERCISE.search(text)] if line]
    return min(ends)


def answer_part(text: str) -> str:
    """The text that may state the final answer: that before `answer_end`, without what stands in `<think>`."""
    body = text[: answer_end(text)]
    return after_thoughts(body[_begin(body) :]) if "<" in body or "[" in body else body


def after_thoughts(text: str) -> str:
    """The text behind the last end of a thought and before a thought that does not end; all of it without thoughts."""
    start, end = 0, len(text)
    for tag in _THOUGHT.finditer(text):
        start, end = (tag.end(), len(text)) if tag[1] else (start, min(end, tag.start()))
    return text[start:end]


def opened_thought(prompt: str) -> str:
    """The end of a prompt that opens a thought, such as `<think>` and a line end; empty where it opens none."""
    opened = _OPENED.search(prompt)
    return opened[0] if opened else ""


def _begin(text: str) -> int:
    leading = _LEADING.match(text)
    return leading.end() if leading else 0
