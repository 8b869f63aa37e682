"""Questions that occur in two splits: which pairs count as one question, and which are different problems."""

import random
import unicodedata
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from w2s.data import duplicates
from w2s.data.duplicates import PRECEDENCE, find_duplicates, jaccard, least_shared, normal, numbers, shingles, words
from w2s.recipe import NEAR_DUPLICATE
from w2s.records import Duplicate

LONG = (
    "Tom has {a} red apples and buys {b} green apples at the market on Monday. How many apples does {name} have in all?"
)

PAIRS = [
    # question, other question, whether they are one question
    ("What is 2 + 2?", "What is 2 + 2?", True),
    ("What is 2 + 2?", " WHAT is  2 + 2", True),
    ("He pays $1,000.", "He pays 1000", True),
    ("He has two cats and one dog at home today.", "He has 2 cats and 1 dog at home today.", True),
    ("Twenty-five \u201cbig\u201d trees grow here now.", "twenty five big trees grow here now", True),
    (LONG.format(a=3, b=4, name="Tom"), LONG.format(a=3, b=4, name="he"), True),
    (LONG.format(a=3, b=4, name="Tom"), LONG.format(a=3, b=5, name="Tom"), False),
    (LONG.format(a=3, b=4, name="Tom"), LONG.format(a=4, b=3, name="Tom"), False),
    (LONG.format(a="three", b=4, name="Tom"), LONG.format(a="half", b=4, name="Tom"), False),
    (LONG.format(a=3, b=4, name="Tom"), LONG.format(a=3, b=4, name="Tom").replace("apples", "pens"), False),
    ("Solve x^2 - 3x + 2 = 0 for x in the real numbers.", "Solve x^2 + 3x - 2 = 0 for x in the real numbers.", False),
    ("Find 0.5 of it", "Find 05 of it", False),
    ("\u4ed6\u6709\u4e09\u4e2a\u82f9\u679c", "\u4ed6\u6709\u4e09\u4e2a\u82f9\u679c", True),
    ("Le caf\u00e9 co\u00fbte 3 euros", "Le cafe\u0301 cou\u0302te 3 euros", True),
    ("\uff12 \uff0b \uff13 = \uff1f", "2 + 3 = ?", True),
    ("The \ufb01rst of 3 Stra\u00dfen", "The first of 3 STRASSEN", True),
    ("\u01c5 is 1 letter", "D\u017e is 1 letter", True),
    ("A soft\u00ad\u200b hyphen\ufeff in 5 words", "A soft hyphen in 5 words", True),
    ("What is 5\u00b2?", "What is 5^2?", True),
    ("What is 5\u00b2?", "What is 52?", False),
    ("What is 2\u00bd + 1?", "What is 2 1/2 + 1?", True),
    ("What is 2\u00bd + 1?", "What is 21/2 + 1?", False),
    ("What is 6 \u00d7 7?", "What is 6 \u00f7 7?", False),
    ("What is 6 \u2212 7?", "What is 6 - 7?", True),
    ("???", "!!!", False),
    ("???", "???", True),
]


@pytest.mark.parametrize(("one", "other", "same"), PAIRS)
def test_pairs(one: str, other: str, same: bool) -> None:
    found = find_duplicates({"train_1": {"a": one}, "train_2": {"b": other}}, NEAR_DUPLICATE)
    assert [(d.split, d.problem_id, d.other_split, d.other_id) for d in found] == (
        [("train_2", "b", "train_1", "a")] if same else []
    )


UNLIKE_IN_ONE_SPLIT = ("Twenty-five", "He has two cats", "He pays $1,000", "2 + 2?", "Tom", "\u00bd")
"""Of `PAIRS`: what is one question between two splits and not within one, where words and signs are not read."""


@pytest.mark.parametrize(("one", "other", "same"), PAIRS)
def test_pairs_within_a_split(one: str, other: str, same: bool) -> None:
    if not any(text in one for text in UNLIKE_IN_ONE_SPLIT):
        assert (normal(one) == normal(other)) is same


@given(st.text())
def test_one_question_in_every_normal_form(text: str) -> None:
    assert normal(normal(text)) == normal(text)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        other = unicodedata.normalize(form, text)
        if form in ("NFC", "NFD") or not any(unicodedata.decomposition(char)[:3] in ("<su", "<fr") for char in text):
            assert normal(other) == normal(text)
            assert words(other) == words(text)


def test_the_later_split_loses_the_question_and_repeats_in_one_split_are_no_pairs() -> None:
    text = "How many pens does Leo have?"
    found = find_duplicates({"train_2": {"c": text, "d": text}, "test": {"a": text}, "train_1": {"b": text}}, 1.0)
    assert found == [
        Duplicate("train_1", "b", "test", "a", 1.0),
        Duplicate("train_2", "c", "test", "a", 1.0),
        Duplicate("train_2", "c", "train_1", "b", 1.0),
        Duplicate("train_2", "d", "test", "a", 1.0),
        Duplicate("train_2", "d", "train_1", "b", 1.0),
    ]


def brute_force(questions: dict[str, dict[str, str]], threshold: float) -> list[Duplicate]:
    """All pairs of all questions compared."""
    keys = [(split, problem_id) for split in PRECEDENCE for problem_id in questions.get(split, {})]
    tokens = {key: words(questions[key[0]][key[1]]) for key in keys}
    pairs = [
        Duplicate(*later, *earlier, similarity)
        for earlier, later in combinations(keys, 2)
        if earlier[0] != later[0] and numbers(tokens[earlier]) == numbers(tokens[later])
        if (similarity := jaccard(shingles(tokens[earlier]), shingles(tokens[later]))) >= threshold
    ]
    return sorted(pairs, key=lambda d: (d.split, d.problem_id, d.other_split, d.other_id))


QUESTION = st.lists(st.sampled_from("abc1"), max_size=12).map(" ".join)
SPLIT = st.dictionaries(st.sampled_from("pqrstuvw"), QUESTION)
FRACTIONS = st.builds(lambda a, b: min(a, b) / max(a, b), st.integers(1, 12), st.integers(1, 12))
"""Thresholds that a pair can meet exactly."""


THRESHOLD = (st.floats(0.1, 1.0) | FRACTIONS).filter(lambda threshold: threshold >= 0.1)


@pytest.mark.slow
@given(st.fixed_dictionaries(dict.fromkeys(PRECEDENCE, SPLIT)), THRESHOLD)
def test_the_search_finds_what_comparing_all_finds(questions: dict[str, dict[str, str]], threshold: float) -> None:
    assert find_duplicates(questions, threshold) == brute_force(questions, threshold)


@pytest.mark.slow
@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, 0.6, 2 / 3, 0.7, 0.9, 1.0])
def test_the_search_finds_what_comparing_all_finds_in_a_large_group(threshold: float) -> None:
    """Questions without numbers, all in one group: each is a copy of another with one word in twenty changed, or
    not."""
    seed = 7
    print(f"seed {seed}")
    rng = random.Random(seed)
    texts = [["".join(rng.choices("abcdefghij", k=2)) for _ in range(20)] for _ in range(150)]
    copies = [[*text[:10], "changed", *text[11:]] if n % 3 == 0 else [*reversed(text)] for n, text in enumerate(texts)]
    questions = {
        "train_1": {f"a{n}": " ".join(text) for n, text in enumerate(texts)},
        "train_2": {f"b{n}": " ".join(text) for n, text in enumerate(copies)},
    }
    pairs = find_duplicates(questions, threshold)
    assert pairs == brute_force(questions, threshold)
    if threshold == NEAR_DUPLICATE:
        assert {d.problem_id for d in pairs} == {f"b{n}" for n in range(0, 150, 3)}


def test_the_search_is_the_same_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a group has more questions than the index holds."""
    questions = {
        split: {f"{split}{n}": " ".join("abcdefgh"[n % 8 : n % 8 + size]) for n in range(size)}
        for split, size in (("test", 3), ("train_1", 17), ("train_2", 6))
    }
    whole = find_duplicates(questions, 0.5)
    assert len(whole) > 10
    monkeypatch.setattr(duplicates, "INDEXED", 2)
    assert find_duplicates(questions, 0.5) == whole == brute_force(questions, 0.5)


@pytest.mark.parametrize("threshold", [0.1, 0.29, 1 / 3, 0.5, 0.58, 0.7, 0.9, 1.0])
def test_least_shared_divides_as_jaccard_does(threshold: float) -> None:
    for size in range(1, 300):
        assert least_shared(size, threshold) == min(n for n in range(1, size + 1) if n / size >= threshold)


@given(st.text(), st.text(), st.floats(0.1, 1.0))
def test_any_text(one: str, other: str, threshold: float) -> None:
    (same,) = find_duplicates({"test": {"a": one}, "train_2": {"b": one}}, threshold)
    assert same.similarity == 1.0
    found = find_duplicates({"test": {"a": one}, "train_2": {"b": other}}, threshold)
    assert [d.similarity for d in found] == [
        d.similarity for d in find_duplicates({"test": {"a": other}, "train_2": {"b": one}}, threshold)
    ]
    for d in found:
        assert d.similarity == jaccard(shingles(words(one)), shingles(words(other))) >= threshold and numbers(
            words(one)
        ) == numbers(words(other))
