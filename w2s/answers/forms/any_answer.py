"""The form of an answer of unknown sort: the first rule that reads it decides."""

import re
from fractions import Fraction

from w2s.answers.algebra.errors import NoNormalForm
from w2s.answers.algebra.number import number, show
from w2s.answers.forms.expressions import computed
from w2s.answers.forms.form import Form
from w2s.answers.forms.lists import bracketed, listed, matrix, union
from w2s.answers.forms.relations import related
from w2s.answers.forms.words import worded
from w2s.answers.text.words import SCALES

MAX_NESTING = 6
_SCALED = re.compile(rf"(.*[\d}}]) ?({'|'.join(SCALES)})")
_ORDINAL = re.compile(r"(\d+) ?(?:\^ ?)?(?:\{ ?)?(?:st|nd|rd|th)(?: ?\})?", re.ASCII)


def any_form(text: str, nesting: int = 0) -> Form:
    """The form of a cleaned text. Raises NoNormalForm if no rule reads the text or one of its parts."""
    if (value := number(text)) is not None:
        return Form(show(value), True)
    if (scaled := _SCALED.fullmatch(text)) and (value := number(scaled[1])) is not None:
        return Form(show(value * 10 ** SCALES[scaled[2]]), True)
    if ordinal := _ORDINAL.fullmatch(text):
        return Form(show(Fraction(ordinal[1])), True)
    if nesting > MAX_NESTING:
        raise NoNormalForm
    for rule in (matrix, union, bracketed, listed, related):
        if (form := rule(text, nesting + 1, any_form)) is not None:
            return form
    for rule in (worded, computed):
        if (form := rule(text)) is not None:
            return form
    raise NoNormalForm
