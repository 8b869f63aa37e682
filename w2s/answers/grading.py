"""The verdict on an answer against gold: right, wrong or undecided."""

from dataclasses import dataclass
from typing import Literal

from w2s.answers.algebra.numeric import has_words
from w2s.answers.equality import compare
from w2s.answers.forms.canonical import UNIT_KINDS, form
from w2s.answers.second_opinion.second_opinion import Opinion, math_verify
from w2s.answers.text.structure import split_top
from w2s.answers.types import Answer, Unreadable
from w2s.answers.units.quantities import quantity

Verdict = Literal["right", "wrong", "undecided"]


@dataclass(frozen=True, slots=True)
class Grade:
    """A verdict with its reason; `answer` is the canonical form, '' where unreadable."""

    verdict: Verdict
    reason: str
    """'' for right; `math_verify`: right by the second opinion alone; `differs`; `unreadable:REASON`; `no_normal_form`: undecided."""
    answer: str
    second_opinion: Opinion = ""
    """Math-Verify's; '' where it was not asked."""

    @property
    def disputed(self) -> bool:
        """Whether Math-Verify says right where the verdict is wrong, or wrong where it is right."""
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
    """Whether `answer` has the value of `reference_answer`, both of the answer kind `kind`.

    The verdict is that of `compare`. `ask`: when Math-Verify gives its opinion too, from a process of its own: never, where `compare` is
    undecided, or always. It is lenient (0.5 is 50%, 10 cm is 10 m), so it never overrides a certain verdict, and turns an undecided one
    into right only for expressions: not where words or a unit are in one of the answers. Choices are not its matter.

    An unreadable answer is wrong. Raises ValueError for an empty reference: there is nothing to compare with.
    """
    if not reference_answer.strip():
        raise ValueError(
            "the reference answer is empty: give the problem's gold answer, or leave the problem out of the scoring"
        )
    if isinstance(answer, Unreadable):
        return Grade("wrong", f"unreadable:{answer.reason}", "")
    found = form(answer.text, kind).text
    if not found:
        return Grade("wrong", "unreadable:empty", "")
    relation = compare(answer.text, reference_answer, kind)
    asked = kind not in ("SC", "MC", "TF") and (ask == "always" or (ask == "undecided" and relation == "undecided"))
    opinion = math_verify(answer.text, reference_answer) if asked else ""
    if relation == "equal":
        return Grade("right", "", found, opinion)
    if relation == "different":
        return Grade("wrong", "differs", found, opinion)
    if opinion == "right" and not any(
        _beyond_math_verify(form(text, kind).text, kind) for text in (answer.text, reference_answer)
    ):
        return Grade("right", "math_verify", found, opinion)
    return Grade("undecided", "no_normal_form", found, opinion)


def _beyond_math_verify(found: str, kind: str) -> bool:
    """Whether Math-Verify would read words as products of letters, or drop a unit."""
    return has_words(found) or (kind in UNIT_KINDS and any(quantity(part) for part in split_top(found)))
