"""The two results of reading a completion: an answer, or the reason why there is none."""

from dataclasses import dataclass
from typing import Literal, get_args

MAX_ANSWER_CHARS = 1000
"""A longer final answer is no answer; the bound keeps every later step on it short."""

Reason = Literal["error", "empty", "truncated", "no_marker", "contradicting", "unbalanced", "too_long"]
REASONS: tuple[Reason, ...] = get_args(Reason)
"""Why a completion has no answer.

`error`: the engine gave no text. `empty`: no text, or nothing after the marker. `truncated`: max_tokens ended the text, so that its
last answer may be half of one. `no_marker`: finished without the family's marker. `contradicting`: two marked answers that differ.
`unbalanced`: braces of `\\boxed{` never close. `too_long`: more than `MAX_ANSWER_CHARS`.
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """A final answer as the completion spells it, without its marker; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A completion without a final answer."""

    reason: Reason
