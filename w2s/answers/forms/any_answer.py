"""The form of an answer of unknown sort: the first rule that reads it decides, the surest types first."""

import re
from functools import lru_cache

from w2s.answers.algebra.errors import NoNormalForm
from w2s.answers.algebra.number import number, show
from w2s.answers.forms.form import Form
from w2s.answers.forms.numbers.bases import base_form
from w2s.answers.forms.numbers.expressions import computed, measured, summed
from w2s.answers.forms.numbers.sequences import sequence_form
from w2s.answers.forms.numbers.spoken import in_digits, spoken_value, with_operators
from w2s.answers.forms.numbers.times import date_form, time_form
from w2s.answers.forms.structures.determinants import determinant_form
from w2s.answers.forms.structures.lists import bracketed, listed, matrix
from w2s.answers.forms.structures.relations import related
from w2s.answers.forms.structures.systems import system_form
from w2s.answers.forms.structures.unions import union
from w2s.answers.forms.words.choices import labelled_form, letter_form
from w2s.answers.forms.words.letters import formula_form, letters_form
from w2s.answers.forms.words.plain_words import is_word, word_form
from w2s.answers.text.characters import EN_DASH

MAX_NESTING = 6
_SINGLE_LETTER = re.compile(r"\(? ?([A-Za-z]) ?\)?")
_ABOUT = re.compile(
    r"^(?:approximately|about|around|roughly|nearly|almost|exactly|therefore|thus|hence|so,?|ans(?:wer)?:?"
    r"|total(?: of)?|a total of"
    r"|(?:the )?(?:(?:final|correct|total|required|desired) ){0,2}(?:answer|result|total|value|sum|area|volume|length"
    r"|distance|perimeter|probability|cost|price|number)(?: of [a-z]+)?(?: (?:is|are|equals?|was|=)|:)"
    r"|it is|there (?:are|is)|equals?"
    r"|~|\\sim|\\therefore)[,:]? +(?=[-\d\\(.a-zA-Z])",
    re.IGNORECASE,
)
_AFTERWARDS = re.compile(
    r"\s*(?:\((?:approximately|approx\.?|exactly|rounded[^()]*|answer)\)|(?<=\d) of them"
    r"|(?:approximately|approx|in total|altogether|total)|"
    r"\.\s*I hope it is correct\.?|,? ?(?:respectively|as required|as desired))$",
    re.IGNORECASE,
)
_AGAIN = re.compile(r"(.{1,80}?) ?\((?:or|i\.e\.,?|that is,?|which is|=|or about|approximately|about|≈) ?(.{1,80})\)")
"""A value and the same value in other words: `1/2 (or 0.5)`."""
_NUMBER = r"(-?\d[\d.,]*)"
_BOUNDS = tuple(
    (re.compile(pattern.replace("N", _NUMBER), re.IGNORECASE), relation)
    for pattern, relation in (
        (r"(?:at least|no less than|no fewer than|minimum of) N|N ?\+", ">="),
        (r"N (?:or more|or greater|or above|or higher|at least)", ">="),
        (r"(?:at most|no more than|up to|maximum of) N|N (?:or less|or fewer|or below|or lower|at most)", "<="),
        (r"(?:more|greater|larger|bigger) than N", ">"),
        (r"(?:less|fewer|smaller) than N", "<"),
    )
)
"""`15 or more` as an inequality, whose form is an interval."""
_TWO_SIGNS = re.compile(r"(\w) ?- -(?=[\d.])")
_NEGATIVE = re.compile(r"^(?:negative|minus) (?=[\d.\\(])", re.IGNORECASE)
_MIXED = re.compile(r"^(\d+) and (\d+/\d+)(?= |$)")
_FOR_ALL = re.compile(r"^\\forall [^,]*, ?|,? ?(?:\\forall |for (?:all|any|every) )[^,]*$")
_EXCLAIMED = re.compile(r"\d+ ?!")
_CODE = re.compile(r"0[xX][0-9A-Fa-f]+|0[bo][01234567]+")
_PHRASE = re.compile(r"(?<![\\A-Za-z])[a-z]{5}")
_TIMES = re.compile(r"(?<=[\d)}]) ?(?:[xX]|\\times ) ?(?=\.?[\d(]|\\(?!times))")


@lru_cache(maxsize=1 << 14)
def any_form(text: str, nesting: int = 0) -> Form:
    """The form of a cleaned text. Raises NoNormalForm if no rule reads the text or one of its parts."""
    text = _TWO_SIGNS.sub(r"\1 + ", text) if "- -" in text else text
    if text[:1] in "nNmM" or " and " in text:
        text = _MIXED.sub(r"\1 \2", _NEGATIVE.sub("-", text))
    if _CODE.fullmatch(text):
        return Form(text.lower(), False)
    if nesting <= 1 and text.count("=") < 2 and _ABOUT.match(text):
        text = _ABOUT.sub("", _ABOUT.sub("", text, count=1), count=1)
    if (value := number(text)) is not None or (value := spoken_value(text)) is not None:
        return Form(show(value), True)
    if nesting > MAX_NESTING:
        raise NoNormalForm
    if (counted := in_digits(text)) is not None:
        return any_form(counted, nesting + 1)
    for rule in (time_form, date_form, sequence_form, base_form, labelled_form, summed):
        if (form := rule(text)) is not None:
            return form
    text = _FOR_ALL.sub("", text.replace(EN_DASH, "-"))
    if not _PHRASE.search(text):
        text = _TIMES.sub("*", text)
    if _EXCLAIMED.fullmatch(text):
        return Form(text, False)  # a factorial or an exclamation
    if (bound := _bound(text)) is not None:
        return any_form(bound, nesting + 1)
    if (determinant := determinant_form(text)) is not None:
        return determinant
    for rule in (system_form, matrix, union, bracketed, listed, related):
        if (form := rule(text, nesting + 1, any_form)) is not None:
            return form
    return _single(text, nesting)


def _bound(text: str) -> str | None:
    """`15 or more`, `15+` and `at least 15` as an inequality."""
    for pattern, relation in _BOUNDS:
        if match := pattern.fullmatch(text):
            return f"x {relation} {next(filter(None, match.groups()))}"
    return None


def _single(text: str, nesting: int) -> Form:
    """The form of one value without separators and relations."""
    if match := _SINGLE_LETTER.fullmatch(text):
        return letter_form(match[1])
    for rule in (letters_form, word_form, formula_form, measured, computed):
        if (form := rule(text)) is not None:
            return form
    if (spelled := with_operators(text)) is not None and (form := computed(spelled)) is not None:
        return form
    if text[-1:] == ")" and (again := _AGAIN.fullmatch(text)) and again[1][-1:] not in "+-*/^":
        first, second = any_form(again[1], nesting + 1), any_form(again[2], nesting + 1)
        if first == second:
            return first
    shorter = _AFTERWARDS.sub("", _ABOUT.sub("", text)).strip()
    if shorter and shorter != text and not (shorter.isalpha() and is_word(shorter) and "answer" not in text.lower()):
        return any_form(shorter, nesting + 1)
    raise NoNormalForm
