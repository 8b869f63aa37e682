"""Questions that occur in two splits: the same text, or nearly the same text with the same numbers.

Training on a question of the test split, or teaching the strong model a question whose gold the weak model has seen,
would count memory as reasoning. Word problems come from templates, so two questions that differ in one number are two
problems: numbers must match exactly.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from w2s.records import Duplicate

PRECEDENCE = ("test", "train_1", "train_2")
"""Of a pair, the split that comes later here loses the question."""
Key = tuple[str, str]
"""Split and problem_id."""
SHINGLE_WORDS = 3

_HYPHEN = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")
_TOKEN = re.compile(
    r"\d[\d,]*(?:\.\d+)?|[\u3040-\u30ff\u3400-\u9fff]|[^\W\d_]+|[-+*/=<>^\u00b1\u00d7\u00f7\u2190-\u22ff]"
)  # scripts without spaces: each character a word; signs: also arrows and Unicode's mathematical operators
_IGNORABLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
"""Characters without width: soft hyphens, joiners, marks of direction and of byte order."""
_SMALL = re.compile(
    "["
    + "".join(
        char
        for char in map(chr, range(0x80, 0x3000))
        if unicodedata.decomposition(char).startswith(("<super>", "<fraction>"))
    )
    + "]"
)
"""Superscripts and fractions of one character, which NFKC would join to the digits before them."""
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
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


def normal(question: str) -> str:
    """A question without case, runs of white space and Unicode's differences of form (NFKC); `5²` is 5^2 and not 52."""
    if not question.isascii():
        question = _SMALL.sub(_spelt_out, _IGNORABLE.sub("", question))
        question = unicodedata.normalize("NFKC", question).casefold().replace("\u2044", "/").replace("\u2212", "-")
    return " ".join(unicodedata.normalize("NFKC", question.casefold()).split())


def _spelt_out(character: re.Match[str]) -> str:
    form, *codes = unicodedata.decomposition(character[0]).split()
    plain = "".join(chr(int(code, 16)) for code in codes)
    return f"^{plain}" if form == "<super>" else f" {plain}" if form == "<fraction>" else plain


def words(question: str) -> list[str]:
    """A question's words, numbers and arithmetic signs in order, without case and punctuation.

    `1,000` becomes 1000, and `two` 2. A question without any of these is one word.
    """
    text = _HYPHEN.sub(" ", normal(question))
    tokens: list[str] = _TOKEN.findall(text) or [text]
    return [_NUMBER_WORDS.get(token, token.replace(",", "")) for token in tokens]


def numbers(tokens: Sequence[str]) -> tuple[str, ...]:
    """The numbers and signs among `words`, in order; two nearly equal questions have the same ones."""
    return tuple(token for token in tokens if not token.isalpha())


def shingles(tokens: Sequence[str]) -> frozenset[str]:
    """All runs of `SHINGLE_WORDS` words; a shorter question is one run."""
    runs = range(max(1, len(tokens) - SHINGLE_WORDS + 1))
    return frozenset(" ".join(tokens[i : i + SHINGLE_WORDS]) for i in runs)


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Size of the intersection over size of the union, 0..1."""
    return len(one & other) / len(one | other)


def find_duplicates(questions: Mapping[str, Mapping[str, str]], threshold: float) -> list[Duplicate]:
    """Pairs of questions of two different splits that are the same or nearly the same, sorted.

    `questions`: split (of `PRECEDENCE`) -> problem_id -> question. Two questions are nearly the same if their `numbers`
    are equal and the Jaccard similarity of their `shingles` is at least `threshold`. The search is exact.
    """
    tokens = {
        (split, problem_id): words(text)
        for split in PRECEDENCE
        for problem_id, text in questions.get(split, {}).items()
    }
    by_numbers: defaultdict[tuple[str, ...], list[Key]] = defaultdict(list)
    for key, key_tokens in tokens.items():
        by_numbers[numbers(key_tokens)].append(key)
    pairs: list[Duplicate] = []
    for keys in by_numbers.values():
        if len({split for split, _ in keys}) > 1:
            sets = {key: shingles(tokens[key]) for key in keys}  # earlier splits first, as in PRECEDENCE
            pairs += [
                Duplicate(*later, *earlier, similarity) for earlier, later, similarity in similar(sets, threshold)
            ]
    return sorted(pairs, key=lambda d: (d.split, d.problem_id, d.other_split, d.other_id))


def similar(sets: Mapping[Key, frozenset[str]], threshold: float) -> Iterator[tuple[Key, Key, float]]:
    """Pairs of keys of two splits, in the order of `sets`, whose sets have at least the Jaccard similarity `threshold`.

    Exact, by the prefix filter (Chaudhuri et al., ICDE 2006): with all elements in one order, rarest first, two similar
    sets share an element of their prefixes. So only sets that share a rare element are compared.
    """
    frequency = Counter(element for elements in sets.values() for element in elements)
    index: defaultdict[str, defaultdict[str, list[Key]]] = defaultdict(lambda: defaultdict(list))
    """Element of a prefix -> split -> keys of the earlier sets."""
    for key, elements in sets.items():
        ordered = sorted(elements, key=lambda element: (frequency[element], element))
        prefix = ordered[: len(elements) - least_shared(len(elements), threshold) + 1]
        earlier = {
            other: None
            for element in prefix
            for split, others in index[element].items()
            if split != key[0]
            for other in others
        }
        for other in earlier:
            if (similarity := jaccard(sets[other], elements)) >= threshold:
                yield other, key, similarity
        for element in prefix:
            index[element][key[0]].append(key)


def least_shared(size: int, threshold: float) -> int:
    """The fewest elements that a set of `size` elements shares with any set at least `threshold` similar to it.

    Divides as `jaccard` does: a product could round up, and a pair exactly at the threshold would be missed.
    """
    shared = max(1, int(threshold * size) - 1)
    while shared / size < threshold:
        shared += 1
    return shared


def overlap_counts(split: str, duplicates: Sequence[Duplicate], became: str) -> dict[str, float]:
    """Counts of the questions of `split` that another split repeats word for word, and of those it nearly repeats."""
    identical = {d.problem_id for d in duplicates if d.split == split and d.similarity == 1}
    near = {d.problem_id for d in duplicates if d.split == split} - identical
    return {f"{split}_overlap_{became}": len(identical), f"{split}_near_overlap_{became}": len(near)}
