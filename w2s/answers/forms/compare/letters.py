"""Compares sequences of letters with each other, with numbers and with expressions."""

import re

from w2s.answers.algebra.number import number
from w2s.answers.algebra.same_value import same_value, size_of
from w2s.answers.algebra.tokens import has_words
from w2s.answers.forms.words.letters import consecutive, is_sequence, roman
from w2s.answers.forms.words.plain_words import is_word
from w2s.answers.types import Relation

_VARIABLE = re.compile(r"[A-Za-z]")
_NO_VARIABLES = re.compile(r"\\[A-Za-z]+|sqrt|pi|[a-z]{3,}|_(?:\w|\{\w+\})")


def compare_letters(a: str, b: str) -> tuple[Relation, str] | None:
    """The relation if one side is a sequence of letters, else None.

    `HTT` and `TTH` differ. `xy` and `yx` may be products, `ABC` and `CBA` names of one triangle: undecided. Against an
    expression in the same variables, small letters are a product. A Roman numeral has its value.
    """
    sequences = is_sequence(a), is_sequence(b)
    if not any(sequences):
        return None
    if all(sequences):
        if a.lower() == b.lower():
            return "undecided", ""
        if sorted(a) == sorted(b) and a.islower() and set("xyz") & set(a) and set("eiou").isdisjoint(a):
            return "equal", "a product of variables"
        if sorted(a) == sorted(b) and (_products(a, b) or (consecutive(a) and consecutive(b))):
            return "undecided", ""
        return "different", ""
    letters, other = (a, b) if sequences[0] else (b, a)
    value = number(other)
    if value is not None:
        if roman(letters) == value:
            return "equal", "the value of the Roman numeral"
        return "different", ""
    if is_word(other) or has_words(other):
        return ("different" if other.isalpha() else "undecided"), ""
    if size_of(other) is not None:
        return "different", ""
    variables = set(_VARIABLE.findall(_NO_VARIABLES.sub("", other)))
    relation, why = same_value("*".join(letters), other)
    if relation != "equal":
        return relation, ""
    if letters.isupper() and len(set(letters)) < len(letters):
        return "different", ""
    return (relation, why) if variables >= set(letters) and not letters.isupper() else ("undecided", "")


def _products(a: str, b: str) -> bool:
    """Whether two sequences of the same small letters may be products: without the vowels of words."""
    return a.islower() and b.islower() and {"e", "i", "o", "u"}.isdisjoint(a)
