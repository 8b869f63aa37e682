"""Grades an answer against gold: right, wrong or undecided.

Math-Verify gives a second opinion, which may turn an undecided verdict into right and never overrides a certain one.
"""

from dataclasses import dataclass
from typing import Literal

from w2s.answers.algebra.tokens import has_words
from w2s.answers.equality import compare
from w2s.answers.forms.canonical import form
from w2s.answers.kinds import CHOICE_KINDS, UNIT_KINDS
from w2s.answers.second_opinion.second_opinion import Opinion, math_verify
from w2s.answers.text.brackets import split_top
from w2s.answers.types import Answer, Unreadable
from w2s.answers.units.quantities import quantity

Verdict = Literal["right", "wrong", "undecided"]


@dataclass(frozen=True, slots=True)
class Grade:
    """A verdict with its reason."""

    verdict: Verdict
    reason: str
    """'' for right by `compare`; `math_verify`: right by the second opinion alone; `differs` or `unreadable:REASON` for
    wrong; `no_normal_form` for undecided."""
    answer: str
    """The canonical form; '' if the answer is unreadable."""
    second_opinion: Opinion = ""
    """Math-Verify's opinion; '' if it was not asked."""

    @property
    def disputed(self) -> bool:
        """Whether Math-Verify says right and the verdict is wrong, or the other way round."""
        return (
            self.second_opinion in ("right", "wrong")
            and self.verdict != "undecided"
            and self.second_opinion != self.verdict
        )


def grade(
    answer: Answer | Unreadable,
    reference_answer: str,
    kind: str = "",
    ask: Literal["never", "undecided", "always"] = "undecided",
) -> Grade:
    """Whether `answer` has the value of `reference_answer`; both are of the answer kind `kind`.

    `compare` decides. `ask` says when Math-Verify gives its opinion too, from its own process: never, only if `compare`
    is undecided, or always. Math-Verify is lenient (50% is 0.5, 10 cm is 10 m), so it turns an undecided verdict into
    right only for expressions, not if one of the answers has words or a unit. It is never asked about choices.

    An unreadable answer is wrong. Raises ValueError for an empty reference answer.
    """
    if not reference_answer.strip():
        raise ValueError(
            "the reference answer is empty: give the problem's gold answer, or leave the problem out of the scoring"
        )
    if isinstance(answer, Unreadable):
        return Grade("wrong", f"unreadable:{answer.reason}", "")
    answer_form = form(answer.text, kind).text
    if not answer_form:
        return Grade("wrong", "unreadable:empty", "")
    relation = compare(answer.text, reference_answer, kind)
    asked = kind not in CHOICE_KINDS and (ask == "always" or (ask == "undecided" and relation == "undecided"))
    opinion = math_verify(answer.text, reference_answer) if asked else ""
    if relation == "equal":
        return Grade("right", "", answer_form, opinion)
    if relation == "different":
        return Grade("wrong", "differs", answer_form, opinion)
    forms = (answer_form, form(reference_answer, kind).text)
    if opinion == "right" and not any(_beyond_math_verify(text, kind) for text in forms):
        return Grade("right", "math_verify", answer_form, opinion)
    return Grade("undecided", "no_normal_form", answer_form, opinion)


def _beyond_math_verify(text: str, kind: str) -> bool:
    """Whether Math-Verify would read words as products of letters, or drop a unit."""
    return has_words(text) or (kind in UNIT_KINDS and any(quantity(part) for part in split_top(text)))
