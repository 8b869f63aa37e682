"""Nouns that count things, as in `15 apples`, apart from words that have a meaning of their own after a number."""

import re

from w2s.answers.text.words import MEANINGFUL

_NOUN = re.compile(r"[A-Za-z]{3,20}")
_PART = re.compile(r"fold$|illionths?$|teenths?$|tieths?$")
_PLURALS = frozenset(
    "people men women children mice geese teeth dice fish sheep deer feet police cattle bacteria data media criteria "
    "phenomena nuclei radii foci cacti fungi alumni formulae spectra quanta series species".split()
)
_ADJECTIVES = frozenset(
    "red blue green yellow black white brown orange purple pink gray grey small large big little tall long young old "
    "new different distinct possible unique whole full ripe wooden plastic golden silver chocolate".split()
)
_IRREGULAR = {
    **{"person": "people", "persons": "people", "man": "men", "woman": "women", "child": "children", "mouse": "mice"},
    **{"goose": "geese", "tooth": "teeth", "die": "dice", "half": "halves", "knife": "knives", "leaf": "leaves"},
    **{"vertex": "vertices", "index": "indices", "loaf": "loaves", "shelf": "shelves", "wolf": "wolves"},
}


def described(text: str) -> str | None:
    """`red apples`: a noun and one adjective that leaves its number alone; None for other texts."""
    adjective, space, noun = text.partition(" ")
    if not space or adjective.lower() not in _ADJECTIVES or not is_plural(noun.lower()):
        return None
    plural = counted(noun)
    return f"{adjective.lower()} {plural}" if plural else None


def counted(word: str) -> str | None:
    """The plural of a noun in lower case; None for a word that may mean anything else.

    A noun has a vowel, because `2 mgh` is a product, and is no word of `MEANINGFUL`.
    """
    lower = word.lower()
    if not _NOUN.fullmatch(word) or set("aeiouy").isdisjoint(lower) or lower in MEANINGFUL or _PART.search(lower):
        return None
    if lower in _IRREGULAR or is_plural(lower):
        return _IRREGULAR.get(lower, lower)
    if re.search(r"[^aeiou]y$", lower):
        return f"{lower[:-1]}ies"
    return f"{lower}es" if re.search(r"(?:s|x|z|ch|sh)$", lower) else f"{lower}s"


def is_plural(word: str) -> bool:
    """Whether a noun is a plural, as a noun after a number above 1 must be: `3 crore` and `3 inverse` count nothing."""
    return word in _PLURALS or (word.endswith("s") and not word.endswith(("ss", "us", "is")))
