"""Questions that occur in two splits: the same text, or nearly the same text with the same numbers.

Training on a question of the test split, or teaching the strong model a question whose gold the weak model has seen,
would count memory as reasoning. Word problems come from templates, so two questions that differ in one number are two
problems: numbers must match exactly.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, islice
from typing import Protocol

from w2s.records import Duplicate

PRECEDENCE = ("test", "train_1", "train_2")
"""Of a pair, the split that comes later here loses the question."""
SHINGLE_WORDS = 3
INDEXED = 20_000
"""Questions of which the search holds the shingles at one time, some 100 MB."""

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


class Questions(Protocol):
    """(problem_id, question) of one split, perhaps read from disk anew each time."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[tuple[str, str]]: ...


def find_duplicates(questions: Mapping[str, Mapping[str, str]], threshold: float) -> list[Duplicate]:
    """`duplicates_in` all groups of questions with the same `numbers`, sorted.

    `questions`: split (of `PRECEDENCE`) -> problem_id -> question.
    """
    groups: defaultdict[tuple[str, ...], dict[str, list[tuple[str, str]]]] = defaultdict(dict)
    for split, of in questions.items():
        for problem_id, question in of.items():
            groups[numbers(words(question))].setdefault(split, []).append((problem_id, question))
    return in_order(pair for group in groups.values() for pair in duplicates_in(group, threshold))


def in_order(duplicates: Iterable[Duplicate]) -> list[Duplicate]:
    """Duplicates by split and problem_id."""
    return sorted(duplicates, key=lambda d: (d.split, d.problem_id, d.other_split, d.other_id))


def duplicates_in(group: Mapping[str, Questions], threshold: float) -> Iterator[Duplicate]:
    """Pairs of questions of two different splits that are the same or nearly the same, in a group by split whose
    questions all have the same `numbers`.

    Two questions are nearly the same if the Jaccard similarity of their `shingles` is at least `threshold`. The search
    is exact. Memory holds `INDEXED` questions of the smaller split; the larger one is read once for each `INDEXED`.
    """
    for earlier, later in combinations([split for split in PRECEDENCE if split in group], 2):
        small, large = sorted((earlier, later), key=lambda split: len(group[split]))
        indexed = iter(group[small])
        while chunk := {problem_id: shingles(words(text)) for problem_id, text in islice(indexed, INDEXED)}:
            index = Index(chunk, threshold)
            for problem_id, text in group[large]:
                for other_id, similarity in index.similar(shingles(words(text))):
                    ids = {large: problem_id, small: other_id}
                    yield Duplicate(later, ids[later], earlier, ids[earlier], similarity)


class Index:
    """Sets by key, for finding those with at least the Jaccard similarity `threshold` to another set.

    Exact, by the prefix filter (Chaudhuri et al., ICDE 2006): with all elements in one order, rarest first, two similar
    sets share an element of their prefixes. So only sets that share a rare element are compared.
    """

    def __init__(self, sets: Mapping[str, frozenset[str]], threshold: float) -> None:
        self.sets, self.threshold = sets, threshold
        self.frequency = Counter(element for elements in sets.values() for element in elements)
        self.by_element: defaultdict[str, list[str]] = defaultdict(list)
        """Element of a prefix -> keys."""
        for key, elements in sets.items():
            for element in self._prefix(elements):
                self.by_element[element].append(key)

    def similar(self, elements: frozenset[str]) -> Iterator[tuple[str, float]]:
        """Keys of the similar sets, with their similarity."""
        keys = {key: None for element in self._prefix(elements) for key in self.by_element.get(element, ())}
        for key in keys:
            if (similarity := jaccard(self.sets[key], elements)) >= self.threshold:
                yield key, similarity

    def _prefix(self, elements: frozenset[str]) -> list[str]:
        ordered = sorted(elements, key=lambda element: (self.frequency[element], element))
        return ordered[: len(elements) - least_shared(len(elements), self.threshold) + 1]


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
