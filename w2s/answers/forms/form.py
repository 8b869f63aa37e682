"""A canonical form, and the type of the rules that make one from a cleaned text."""

from collections.abc import Callable
from typing import NamedTuple

from w2s.answers.text.words import LOOSE_SPACE


class Form(NamedTuple):
    """A canonical form; two different forms that are both `exact` are certainly different answers."""

    text: str
    exact: bool


PartForm = Callable[[str, int], Form]
"""The form of one part of an answer, such as a list's element, given its text and depth of nesting."""


def text_form(text: str) -> Form:
    """The form of a text that no rule reads: the text itself, with spaces only between words or numbers."""
    return Form(LOOSE_SPACE.sub("", " ".join(text.split())), False)
