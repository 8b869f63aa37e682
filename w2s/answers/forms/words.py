"""Forms of answers in words: letters of a choice, times of day, plain words."""

import re

from w2s.answers.forms.form import Form
from w2s.answers.text.words import FUNCTION_WORDS, WRITTEN_NUMBERS

_LETTER = re.compile(r"\(? ?([A-Za-z]) ?\)?")
_WORDS = re.compile(r"[A-Za-z][A-Za-z' -]*")
_TIME = re.compile(r"(\d+(?: ?: ?\d+)+) ?((?:[ap]\.? ?m\.?)?)", re.IGNORECASE)
_VOWELS = frozenset("aeiouy")
_FUNCTION_WORDS = FUNCTION_WORDS - {"pi", "ln"}


def worded(text: str) -> Form | None:
    """Letters of a choice, times of day and words, in lower case; number words as digits."""
    if text == "\\emptyset":
        return Form(text, True)
    if match := _LETTER.fullmatch(text):
        return Form(match[1].lower(), True)
    if match := _TIME.fullmatch(text):
        half = re.sub(r"[^apm]", "", match[2].lower())
        return Form(match[1].replace(" ", "") + half, bool(half))  # 3:4 may be a ratio
    if _WORDS.fullmatch(text):
        words = [word for word in text.lower().split() if word not in ("a", "an", "the")]
        long = any(len(part) >= 3 and not _VOWELS.isdisjoint(part) for word in words for part in re.split("[-']", word))
        edges = {"and", "or"}.intersection((*words[:1], *words[-1:]))
        if long and not edges and not _FUNCTION_WORDS.intersection(words) and words[0][0].isalpha():
            number = WRITTEN_NUMBERS.get(" ".join(words))
            # Not exact: several phrases may mean one thing, and a short word may be a product of variables.
            return Form(" ".join(words) if number is None else str(number), len(words) == 1 and len(words[0]) > 3)
    return None
