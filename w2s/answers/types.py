"""The results of reading and comparing answers: an answer, or the reason why there is none, and a relation of two."""

from dataclasses import dataclass
from typing import Literal, get_args

MAX_ANSWER_CHARS = 1000
"""A longer text is not accepted as an answer; the limit bounds the time of every later step."""

Reason = Literal["error", "empty", "truncated", "cut", "no_marker", "contradicting", "unbalanced", "too_long"]
REASONS: tuple[Reason, ...] = get_args(Reason)
"""Why a completion has no answer.

`error`: the engine returned no text. `empty`: no text, or nothing after the marker. `truncated`: max_tokens cut the
text, so its last answer may be incomplete. `cut`: a stop string ended the text before or in its answer
(w2s/method/whole.py). `no_marker`: the text ended without a marker of its family. `contradicting`: two marked answers
differ. `unbalanced`: the braces of `\\boxed{` never close. `too_long`: more than `MAX_ANSWER_CHARS` characters.
"""

Relation = Literal["equal", "different", "undecided"]
"""Of two answers. `equal` and `different` are certain; all other pairs are `undecided`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A final answer as the completion spells it, without its marker; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A completion without a final answer."""

    reason: Reason
