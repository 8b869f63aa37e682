# ruff: noqa: RUF001 (signs of many languages)
"""The part of a completion that answers its question: after the thinking, before the next exercise."""

import re

EXERCISE = re.compile(
    r"^[ \t>*#_~-]*(?:(?:next|new|another|follow-?up) )?"
    r"(?:questions?|problem|exercise|q|human|user|instructions?|prompt"
    r"|pregunta|problema|ejercicio|pergunta|questão|exercício|domanda|esercizio|frage|aufgabe|problème|exercice"
    r"|вопрос|задача|问题|题目|問題|질문|문제)"
    r"[ \t]*(?:#|no\.?|nr\.?)?[ \t]*(?:\d{1,4}|[a-z])?[ \t]*[*_]{0,3}[ \t]*[:：]",
    re.IGNORECASE | re.MULTILINE,
)
"""A line that begins the next exercise, such as `Question:`, `**Problem 2:**`, `Q:`, `Human:`."""
_TOKEN = r"</?s>|<\|[\w ]{1,40}\|>|<(?:[be]os|end_of_turn|start_of_turn)>|\[/?INST\]|<｜[^<>｜]{1,40}｜>"
"""A token that begins or ends a turn, as models of several families spell it."""
_END, _LEADING = re.compile(_TOKEN), re.compile(rf"(?:\s|{_TOKEN})*")
_THOUGHT = re.compile(r"<(/?)(?:think|thinking|thought|reasoning|scratchpad)>", re.IGNORECASE)


def answer_part(text: str) -> tuple[str, bool]:
    """The text that may state the final answer, and whether it ended before the completion did.

    An exercise begins at a line's start with a word such as `Question`, and a colon: `Question 1 asks for x` and `The
    Questionnaire` begin none. What stands in `<think>` is no answer.
    """
    start, ends = 0, [len(text)]
    if "<" in text or "[" in text:
        leading = _LEADING.match(text)
        start = leading.end() if leading else 0
        ends += [token.start() for token in [_END.search(text, start)] if token]
    if ":" in text or "：" in text:
        ends += [line.start() for line in [EXERCISE.search(text)] if line]
    body = text[start : min(ends)]
    return (_after_thinking(body) if "<" in body else body), len(ends) > 1


def _after_thinking(body: str) -> str:
    start, end = 0, len(body)
    for tag in _THOUGHT.finditer(body):
        start, end = (tag.end(), len(body)) if tag[1] else (start, min(end, tag.start()))
    return body[start:end]
