"""Forms of answers in words, in lower case, with one spelling for phrases that mean the same."""

import re

from w2s.answers.forms.form import Form
from w2s.answers.text.words import DAYS, FUNCTION_WORDS, MONTHS

_WORDS = re.compile(r"[A-Za-z][A-Za-z' .-]*")
_VOWELS = frozenset("aeiouy")
_FUNCTION_WORDS = FUNCTION_WORDS - {"pi", "ln"}
SHORT = frozenset(
    "no yes on off up down in out odd all any old new hot cold wet dry low high go left to us we he she it am is are "
    "at of or and if so do be by my me red blue one two ten six ok tom ann bob tim tie win".split()
)
"""Words that are too short to be told from a product of letters by their vowels, or that look like one."""
_SAME = {
    **dict.fromkeys(
        (
            "no solution",
            "no solutions",
            "there is no solution",
            "there are no solutions",
            "empty set",
            "the empty set",
            "has no solution",
            "has no solutions",
            "null set",
        ),
        "\\emptyset",
    ),
    **dict.fromkeys(
        ("dne", "does not exist", "do not exist", "doesn't exist", "limit does not exist"), "does not exist"
    ),
    **dict.fromkeys(
        (
            "all real numbers",
            "all reals",
            "all real",
            "every real number",
            "any real number",
            "real numbers",
            "the set of all real numbers",
            "the real numbers",
            "the set of real numbers",
            "reals",
        ),
        "\\mathbb{R}",
    ),
    **dict.fromkeys(("infinity", "positive infinity", "plus infinity"), "\\infty"),
    **dict.fromkeys(("negative infinity", "minus infinity"), "-\\infty"),
    **dict.fromkeys(
        (
            "infinitely many",
            "infinitely many solutions",
            "infinite solutions",
            "infinite",
            "infinite number of solutions",
            "an infinite number of solutions",
        ),
        "infinite",
    ),
}
OPEN = (
    frozenset(("none", "nil", "nothing", "zero", "0", "null")),
    frozenset(
        (
            "none",
            "nil",
            "nothing",
            "no real solution",
            "no real solutions",
            "undefined",
            "does not exist",
            "null",
            "n/a",
            "not defined",
            "none of the above",
            "impossible",
            "not possible",
            "\\emptyset",
        )
    ),
    frozenset(("true", "yes", "correct", "right", "1", "valid")),
    frozenset(("false", "no", "incorrect", "wrong", "0", "invalid")),
    frozenset(("first", "1", "one")),
    frozenset(("second", "2", "two")),
    frozenset(("third", "3", "three", "1/3")),
    frozenset(("half", "1/2", "one half")),
    frozenset(("dozen", "12")),
    frozenset(("score", "20")),
    frozenset(("pair", "couple", "2")),
    frozenset(("double", "twice", "2")),
    frozenset(("triple", "thrice", "3")),
    frozenset(("quarter", "1/4", "4")),
    frozenset(("increase", "increasing", "increases", "up", "rises")),
    frozenset(("decrease", "decreasing", "decreases", "down", "falls")),
    frozenset(("sqrt", "root", "square root")),
    frozenset(("all", "all of the above", "every")),
    frozenset(("infinite", "\\infty", "infinitely many")),
    frozenset(("single", "one", "1")),
    frozenset(("only", "unique")),
    frozenset(("million", "1000000")),
    frozenset(("hundred", "100")),
    frozenset(("thousand", "1000")),
    frozenset(("once", "1")),
    frozenset(("same", "equal", "identical")),
    frozenset(("greater", "more", "larger", "bigger")),
    frozenset(("less", "fewer", "smaller")),
    frozenset(("never", "none", "no")),
    frozenset(("always", "all", "yes")),
)
"""Words and values that may mean the same in one question and not in another: a pair of one group is undecided."""
_GROUPS = {
    word: frozenset(at for at, group in enumerate(OPEN) if word in group) for word in frozenset[str]().union(*OPEN)
}
_ONE_LETTER = re.compile(r"(?:^|-)[a-z](?:-|$)")
_FILLERS = re.compile(r"^(?:the|a|an|it is|it's|they are|is|are)\s+", re.IGNORECASE)
_COMPASS = {
    "n": "north", "s": "south", "e": "east", "w": "west", "ne": "northeast", "nw": "northwest",
    "se": "southeast", "sw": "southwest",
}  # fmt: skip


def word_form(text: str) -> Form | None:
    """Words in lower case without articles; two single words are certainly different. None for a text with no word."""
    if text == "\\emptyset":
        return Form(text, True)
    lower = " ".join(text.lower().replace(".", " ").split())
    if (known := _SAME.get(lower)) is not None:
        return Form(known, known.endswith("infty"))
    if not _WORDS.fullmatch(text):
        return None
    words = _FILLERS.sub("", lower).split()
    edges = {"and", "or"}.intersection((*words[:1], *words[-1:]))
    if not words or (edges and len(words) > 1) or _FUNCTION_WORDS.intersection(words) or not words[0][0].isalpha():
        return None
    if not any(is_word(part) for word in words for part in re.split("[-']", word)):
        return None
    if all("-" in word and max(map(len, word.split("-"))) < 3 and _ONE_LETTER.search(word) for word in words):
        return None  # `u-at` is a difference
    joined = " ".join(words)
    if (known := _SAME.get(joined)) is not None:
        return Form(known, known.endswith("infty"))
    return Form(DAYS.get(joined, _month(joined)), False)


def may_mean_the_same(a: str, b: str) -> bool:
    """Whether a word and another answer are in one group of `OPEN`: `third` may mean 3 or 1/3, which differ."""
    return (a[:1].isalpha() or b[:1].isalpha()) and not _GROUPS.get(a, frozenset()).isdisjoint(_GROUPS.get(b, ()))


def is_word(part: str) -> bool:
    """Whether letters are a word: one of `SHORT`, or at least three with a vowel and a consonant."""
    lower = part.lower()
    if not part.isalpha() or not part.isascii():
        return False
    if lower in SHORT:
        return True
    return len(part) >= 3 and not _VOWELS.isdisjoint(lower) and not _VOWELS.issuperset(lower)


def _month(word: str) -> str:
    if word not in MONTHS or word == "may":
        return word
    return next(name for name, at in MONTHS.items() if at == MONTHS[word])
