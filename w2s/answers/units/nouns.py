"""Nouns that count things, as in `15 apples`, apart from words that have a meaning of their own after a number."""

import re

from w2s.answers.text.words import MEANINGFUL

_NOUN = re.compile(r"[A-Za-z]{3,20}")
_IRREGULAR = {
    "people": "person",
    "persons": "person",
    "men": "man",
    "women": "woman",
    "children": "child",
    "mice": "mouse",
    "geese": "goose",
    "teeth": "tooth",
    "knives": "knife",
    "loaves": "loaf",
    "leaves": "leaf",
    "halves": "half",
    "wolves": "wolf",
    "shelves": "shelf",
    "vertices": "vertex",
    "indices": "index",
    "dice": "die",
}


def counted(word: str) -> str | None:
    """The singular of a noun in lower case; None for a word that may mean anything else.

    A noun has a vowel, because `2 mgh` is a product, and is no word of `MEANINGFUL`.
    """
    lower = word.lower()
    if not _NOUN.fullmatch(word) or set("aeiouy").isdisjoint(lower) or lower in MEANINGFUL:
        return None
    if lower in _IRREGULAR:
        return _IRREGULAR[lower]
    if lower.endswith("ies") and len(lower) > 4:
        return lower[:-3] + "y"
    if re.search(r"(?:s|x|z|ch|sh)es$", lower) and len(lower) > 4:
        return lower[:-2]
    return lower[:-1] if lower.endswith("s") and not lower.endswith(("ss", "us", "is")) else lower
