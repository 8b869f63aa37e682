"""The verdict on an answer against gold: right, wrong or undecided."""

from dataclasses import dataclass
from typing import Literal

from .answer import Answer, Unreadable
from .canonical_form import form

Verdict = Literal["right", "wrong", "undecided"]


@dataclass(frozen=True, slots=True)
class Grade:
    """A verdict with its reason; `answer` is the canonical form, '' where unreadable."""

    verdict: Verdict
    reason: str
    """'' for right; `differs`; `unreadable:REASON`; `no_normal_form`: the forms differ, but one of them is not unique for its value."""
    answer: str


def grade(answer: Answer | Unreadable, reference_answer: str, kind: str = "") -> Grade:
    """Whether `answer` has the value of `reference_answer`, both of the answer kind `kind`.

    An unreadable answer is wrong. Raises ValueError for an empty reference: there is nothing to compare with.
    """
    if not reference_answer.strip():
        raise ValueError("the reference answer is empty: give the problem's gold answer, or leave the problem out of the scoring")
    if isinstance(answer, Unreadable):
        return Grade("wrong", f"unreadable:{answer.reason}", "")
    given, gold = form(answer.text, kind), form(reference_answer, kind)
    if not given.text:
        return Grade("wrong", "unreadable:empty", "")
    if given.text == gold.text:
        return Grade("right", "", given.text)
    if given.exact and gold.exact:
        return Grade("wrong", "differs", given.text)
    return Grade("undecided", "no_normal_form", given.text)
