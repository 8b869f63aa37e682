"""What the tables of this folder compare."""

from w2s.answers import Unreadable, read


def reading(text: str, family: str, kind: str = "") -> str:
    """The text of the answer, or the reason why there is none; a table has no answer that is spelled as a reason."""
    answer = read(text, family, "stop", kind)  # type: ignore[arg-type]
    return answer.reason if isinstance(answer, Unreadable) else answer.text
