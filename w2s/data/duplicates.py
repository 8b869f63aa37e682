"""Questions that stand in two splits: the same text, or nearly the same text with the same numbers.

Training on a question of the test split, or letting the strong model learn one whose gold the weak model has seen, would count memory as
reasoning. Word problems come from templates: two that differ in a number alone are two problems, so numbers must match exactly.
"""

# datasketch comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import cast

from w2s.records import Duplicate

PRECEDENCE = ("test", "train_1", "train_2")
"""Of a pair the split named later is the one that would lose the question."""
Key = tuple[str, str]
"""Split and problem_id."""
COMPARED_DIRECTLY = 100
"""Up to so many questions with the same numbers are compared each with each; more go through the index."""
SHINGLE_WORDS = 3
PERMUTATIONS = 128
"""Hash functions of a MinHash."""
MISSED = 0.001
"""Probability that the index misses a pair exactly at the threshold; more similar ones it misses less often."""

_HYPHEN = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")
_TOKEN = re.compile(
    r"\d[\d,]*(?:\.\d+)?|[\u3040-\u30ff\u3400-\u9fff]|[^\W\d_]+|[-+*/=<>^]"
)  # scripts without spaces: each character a word
_ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_NUMBER_WORDS = {
    **{word: str(value) for value, word in enumerate(_ONES.split())},
    **{word: str(10 * value) for value, word in enumerate(_TENS.split(), 2)},
    **{"hundred": "100", "thousand": "1000", "million": "1000000", "dozen": "12"},
    **dict.fromkeys(("once", "single"), "1"),
    **dict.fromkeys(("twice", "double", "doubles", "doubled"), "2"),
    **dict.fromkeys(("thrice", "triple", "triples", "tripled"), "3"),
    **dict.fromkeys(("half", "halves", "halved"), "1/2"),
    **dict.fromkeys(("third", "thirds"), "1/3"),
    **dict.fromkeys(("quarter", "quarters", "fourth", "fourths"), "1/4"),
}


def words(question: str) -> list[str]:
    """A question's words, numbers (`1,000` and `two` as 1000 and 2) and arithmetic signs in order; case and punctuation aside.

    A question without any of these is one word.
    """
    text = _HYPHEN.sub(" ", unicodedata.normalize("NFKC", question).casefold())
    found: list[str] = _TOKEN.findall(text)
    return [_NUMBER_WORDS.get(word, word.replace(",", "")) for word in found or [text]]


def numbers(tokens: Sequence[str]) -> tuple[str, ...]:
    """Numbers and signs among `words`, in their order: what must match for two questions to be near-identical."""
    return tuple(token for token in tokens if not token.isalpha())


def shingles(tokens: Sequence[str]) -> frozenset[str]:
    """All runs of `SHINGLE_WORDS` words; of a shorter question the whole."""
    runs = range(max(1, len(tokens) - SHINGLE_WORDS + 1))
    return frozenset(" ".join(tokens[i : i + SHINGLE_WORDS]) for i in runs)


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Shared by all, 0..1."""
    return len(one & other) / len(one | other)


def find_duplicates(questions: Mapping[str, Mapping[str, str]], threshold: float) -> list[Duplicate]:
    """Pairs of questions of two different splits that are the same or near-identical, sorted.

    `questions`: split (of `PRECEDENCE`) -> problem_id -> question. Two are near-identical where `numbers` are equal and the Jaccard
    similarity of `shingles` is at least `threshold`. Where many questions have the same numbers (or none), pairs to check come from a
    MinHash LSH index, so that the time grows with the number of questions, not of pairs.
    """
    tokens = {
        (split, problem_id): words(text)
        for split in PRECEDENCE
        for problem_id, text in questions.get(split, {}).items()
    }
    alike: defaultdict[tuple[str, ...], list[Key]] = defaultdict(list)
    for key, found in tokens.items():
        alike[numbers(found)].append(key)
    pairs: list[Duplicate] = []
    for keys in alike.values():
        if len({split for split, _ in keys}) > 1:  # earlier splits first, by PRECEDENCE
            pairs += [
                Duplicate(*later, *earlier, s)
                for earlier, later, s in _near({key: shingles(tokens[key]) for key in keys}, threshold)
            ]
    return sorted(pairs, key=lambda d: (d.split, d.problem_id, d.other_split, d.other_id))


def _near(sets: Mapping[Key, frozenset[str]], threshold: float) -> Iterator[tuple[Key, Key, float]]:
    """Pairs of keys of two splits whose sets' Jaccard similarity is at least `threshold`, in the order in which `sets` has them."""
    candidates = combinations(sets, 2) if len(sets) <= COMPARED_DIRECTLY else _candidates(sets, threshold)
    for one, other in candidates:
        if one[0] != other[0] and (similarity := jaccard(sets[one], sets[other])) >= threshold:
            yield one, other, similarity


def _candidates(sets: Mapping[Key, frozenset[str]], threshold: float) -> Iterator[tuple[Key, Key]]:
    """Pairs that share a band of their MinHashes, and so are probably similar."""
    from datasketch import MinHash, MinHashLSH  # imports scipy, which most runs do not need

    # A pair of similarity s shares one of b bands of r rows with probability 1 - (1 - s^r)^b (Leskovec et al., Mining of Massive Datasets, 3.4).
    rows = max(r for r in range(1, PERMUTATIONS // 2 + 1) if (1 - threshold**r) ** (PERMUTATIONS // r) <= MISSED)
    index = MinHashLSH(num_perm=PERMUTATIONS, params=(PERMUTATIONS // rows, rows))
    hashes = MinHash.generator(
        ([shingle.encode() for shingle in sorted(one)] for one in sets.values()), num_perm=PERMUTATIONS
    )
    for key, minhash in zip(sets, hashes, strict=True):
        yield from ((cast(Key, other), key) for other in index.query(minhash))
        index.insert(key, minhash)


def overlap_counts(split: str, duplicates: Sequence[Duplicate], became: str) -> dict[str, float]:
    """Questions of `split` that are the same as one of another split, and those that are only near-identical to one."""
    identical = {d.problem_id for d in duplicates if d.split == split and d.similarity == 1}
    near = {d.problem_id for d in duplicates if d.split == split} - identical
    return {f"{split}_overlap_{became}": len(identical), f"{split}_near_overlap_{became}": len(near)}
