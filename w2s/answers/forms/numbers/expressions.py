"""Forms of expressions and of numbers with units."""

import re

from w2s.answers.algebra.errors import NoNormalForm
from w2s.answers.algebra.normal_form import polynomial
from w2s.answers.algebra.tokens import NAME
from w2s.answers.forms.form import Form
from w2s.answers.forms.words.choices import letter_form
from w2s.answers.units.quantities import quantity

_LETTERS = re.compile(r"[a-z]{3,}", re.IGNORECASE)
_SUM = re.compile(r"\d[^=<>]* ?[A-Za-z]+,? (?:and )?\d[^=<>]*[A-Za-z]")
_FRACTION_AND_FACTOR = re.compile(r"(?<![\w)}\]/^.])(\d+)/(\d+) (?=[A-Za-z\\(])")
"""`1/8 e^x` is an eighth of e^x, because of its space; `1/8e^x` is ambiguous."""
_SHORT = re.compile(
    r"(?<![A-Za-z\\])(?<![-+*/=])(?<![-+*/=] )(?:of|to|in|by|is|at|on|or|if|an|as|it|be)(?![A-Za-z]|[-+*/^]| [-+] )"
)
"""Beside a sign they are products, as in `u + at` and `at + u`."""
_CONJUGATE = re.compile(r"\\(?:overline|bar) ?\{([-+\d./ ]*\d? ?i(?: ?[-+] ?[\d./ ]+)?)\}")
"""Of a complex number, `\\overline{3+4i}`."""
_I = re.compile(r"(?<![A-Za-z\\])i(?![A-Za-z])")
_WORD = re.compile(r"[A-Za-z]{4}")


def measured(text: str) -> Form | None:
    """A number with its unit as written, `10 cm`; a single letter directly after a number is a variable: `10m`."""
    found = quantity(text, symbols=False)
    return None if found is None else Form(found.as_written(), False)


def summed(text: str) -> Form | None:
    """A sum of quantities of one kind: `2 hours and 30 minutes`, which is no list."""
    found = quantity(text) if _SUM.fullmatch(text) else None
    return Form(found.as_written(), False) if found and found.sum_of else None


def computed(text: str) -> Form | None:
    """The form of an expression; None for a text with words."""
    if has_word(text):
        return None  # as in `4 july`
    text = _CONJUGATE.sub(lambda found: _I.sub("(-i)", f"({found[1]})"), text)
    form = _polynomial(text)
    return letter_form(form.text) if form and len(form.text) == 1 and form.text.isalpha() else form


def has_word(text: str) -> bool:
    """Whether a text has a word, which is no product of letters: three letters with a vowel, or `of`, `to`, `in`."""
    rest = NAME.sub(" ", text)
    return any(not set("aeiou").isdisjoint(word.lower()) for word in _LETTERS.findall(rest)) or bool(
        _SHORT.search(rest)
    )


def expression_form(text: str) -> Form | None:
    """The form of an expression in which every letter is a variable; None for a text with words."""
    return None if _WORD.search(NAME.sub("", text)) else _polynomial(text)


def _polynomial(text: str) -> Form | None:
    try:
        value = polynomial(_FRACTION_AND_FACTOR.sub(r"(\1/\2)*", text))
    except NoNormalForm:
        return None
    return Form(str(value), value.exact)
