"""Chat rows: the last user turn is the question, the last assistant turn the solution.

Turns are objects with `role` and `content` (OpenAI's form, and TRL's) or `from` and `value` (ShareGPT's).
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

_ROLES = {"user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant", "model": "assistant"}
"""In any case of letters."""
_AS_TEXT = re.compile(r"""\s*\[\s*\{\s*["'](role|content|from|value)["']\s*:""")


class Chat(NamedTuple):
    """The turns of one row, the last user turn and what is before and after it."""

    before: int
    """Turns before the question, which no problem holds: system prompts and earlier questions."""
    question: Any
    """Content of the last user turn; None where there is none."""
    solution: Any
    """Content of the last assistant turn after the question; None where there is none."""
    roles: str
    """The roles of its turns as they are written, for messages."""


def chat(cell: Any) -> Chat | None:
    """A cell's turns; None if it holds no turns."""
    if not isinstance(cell, list) or not cell:
        return None
    turns: list[tuple[str, Any]] = []
    roles: dict[str, None] = {}
    for turn in cast("list[Any]", cell):
        if not isinstance(turn, Mapping):
            return None
        fields = cast("Mapping[str, Any]", turn)
        for role, content in (("role", "content"), ("from", "value")):
            if role in fields and content in fields:
                roles[str(fields[role])] = None
                turns.append((_ROLES.get(str(fields[role]).lower(), ""), fields[content]))
                break
        else:
            return None
    users = [n for n, (role, _) in enumerate(turns) if role == "user"]
    last = users[-1] if users else -1
    answers = [content for role, content in turns[last + 1 :] if role == "assistant"]
    question, solution = turns[last][1] if users else None, answers[-1] if answers else None
    return Chat(max(last, 0), question, solution, ", ".join(roles))


def content_text(content: Any) -> str:
    """The text of a turn: a string, or a list of text parts.

    Raises ValueError for a part of another type.
    """
    if isinstance(content, str):
        return content.strip()
    texts: list[str] = []
    for part in cast("list[Any]", content) if isinstance(content, list) else [content]:
        fields = cast("Mapping[str, Any]", part) if isinstance(part, Mapping) else {"type": type(part).__name__}
        if fields.get("type") != "text" or not isinstance(fields.get("text"), str):
            raise ValueError(f"the turn has a part of type {fields.get('type')!r}, and only text is read")
        texts.append(fields["text"])
    return "".join(texts).strip()


def is_chat_text(text: str) -> bool:
    """Whether a text is the turns of a chat as JSON or as Python prints them; pandas writes such cells into CSV."""
    return _AS_TEXT.match(text) is not None
