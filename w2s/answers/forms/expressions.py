"""Forms of numbers and expressions."""

import re

from w2s.answers.algebra.errors import NoNormalForm
from w2s.answers.algebra.normal_form import constant_of, polynomial
from w2s.answers.algebra.number import number, show
from w2s.answers.algebra.tokens import NAME
from w2s.answers.forms.form import Form
from w2s.answers.text.words import split_unit

_LETTERS = re.compile(r"[a-z]{3,}", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z]{4}")


def computed(text: str) -> Form | None:
    """The form of a number or an expression, without the unit words after a number; None for a text with words."""
    body, _ = split_unit(text)
    if body != text and (value := number(body)) is not None:
        return Form(show(value), True)
    if body != text and (value := constant_of(body)):
        return Form(str(value), value.exact)
    if any(not set("aeiou").isdisjoint(word) for word in _LETTERS.findall(NAME.sub(" ", text))):
        return None  # a word, as in `4 july`, is not a product of letters
    try:
        value = polynomial(text)
    except NoNormalForm:
        return None
    shown = str(value)
    return Form(shown.lower() if len(shown) == 1 else shown, value.exact)


def expression_form(text: str) -> Form | None:
    """The form of an expression in which every letter is a variable; None for a text with words."""
    if _WORD.search(NAME.sub("", text)):
        return None
    try:
        value = polynomial(text)
    except NoNormalForm:
        return None
    return Form(str(value), value.exact)
