"""Grades an answer against gold: right, wrong or undecided.

Math-Verify gives a second opinion, which may turn an undecided verdict into right and never overrides a certain one.
"""

import re
from dataclasses import dataclass
from typing import Literal

from w2s.answers.algebra.tokens import has_words
from w2s.answers.equality import decide
from w2s.answers.forms.canonical import form
from w2s.answers.forms.compare.expected import type_of
from w2s.answers.forms.compare.rounding import within
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
    """'' for right by `compare`; `math_verify`: right by the second opinion alone; `rounded`: right within a tolerance;
    `differs` or `unreadable:REASON` for wrong; `no_normal_form` for undecided."""
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
    tolerance: float = 0.0,
) -> Grade:
    """Whether `answer` has the value of `reference_answer`; both are of the answer kind `kind`.

    `compare` decides. `ask` says when Math-Verify gives its opinion too, from its own process: never, only if `compare`
    is undecided, or always. Math-Verify is lenient (50% is 0.5, 10 cm is 10 m, x + z = 1 is 1), so it turns an
    undecided verdict into right only for expressions, and only if it says right in both orders: not if one of the
    answers has words, a unit, a very large or small number, or a sign such as `=`, `|`, `:` or `_` that the other has
    not. It is never asked about choices. A number that is gold rounded is right if it is within the absolute
    `tolerance` and of a kind with units.

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
    expected = type_of(form(reference_answer, kind).text)
    relation = decide(answer.text, reference_answer, kind, expected)[0]
    towers = any(_TOWER.search(text) for text in (answer.text, reference_answer))
    asked = (
        kind not in CHOICE_KINDS
        and not towers
        and (ask == "always" or (ask == "undecided" and relation == "undecided"))
    )
    opinion = math_verify(answer.text, reference_answer) if asked else ""
    if relation == "equal":
        return Grade("right", "", answer_form, opinion)
    if relation == "different":
        return Grade("wrong", "differs", answer_form, opinion)
    forms = (answer_form, form(reference_answer, kind).text)
    if kind in UNIT_KINDS and within(*forms, tolerance):
        return Grade("right", "rounded", answer_form, opinion)
    if opinion == "right" and _within_math_verify(*forms) and math_verify(reference_answer, answer.text) == "right":
        return Grade("right", "math_verify", answer_form, opinion)
    return Grade("undecided", "no_normal_form", answer_form, opinion)


def _within_math_verify(answer: str, reference: str) -> bool:
    """Whether Math-Verify reads both forms as they are meant; each rule is an error of version 0.9.0."""
    if any(has_words(text) or _EXTREME.search(text) for text in (answer, reference)):
        return False
    if any(quantity(part) for text in (answer, reference) for part in split_top(text)):
        return False
    return all((sign in answer) == (sign in reference) for sign in _SIGNS)


_SIGNS = ("=", "|", ":", "_", "<", "!", "[", "..")
"""It reads `x + z = 1` as 1, `|x| = 5` as 5, `3:4` as 3/4 and `2_5` as 2."""
_TOWER = re.compile(r"\^ ?[{(]?[^{}()^]{0,20}\^ ?[{(]?[^{}()^]{0,20}\^")
"""A power of a power of a power, which takes Math-Verify up to 14 s."""
_EXTREME = re.compile(r"\d{7}|\^[({ ]*-?\d{2}|\^[({ ]*\w+ ?[)}]*\^|\d{3}[)}]*!")
"""It rounds: 1/2004! is 1/2006!."""
