"""Draws from hashed seeds, and the splits of a generated world.

Whether a question belongs to a split, or to the pretraining documents, follows from a hash of its text: no two splits
of any seed share a question, and no base has read a question it is asked later.
"""

import hashlib
import random
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, Protocol, TypeVar

SPLITS: Final = {"train_1": (0,), "train_2": (1,), "test": (2,), "documents": (3, 4, 5, 6, 7)}


class _Draft(Protocol):
    @property
    def question(self) -> str: ...


Draft = TypeVar("Draft", bound=_Draft)


class Made(NamedTuple):
    """One word problem: its id, question, gold answer, gold solution, which ends `#### answer`, and level."""

    problem_id: str
    question: str
    answer: str
    solution: str
    level: str = ""


def generator(*key: object) -> random.Random:
    """A random generator that depends on nothing but `key`."""
    digest = hashlib.sha256("/".join(str(part) for part in key).encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))


def drafts(draw: Callable[[random.Random], Draft], rng: random.Random, split: str) -> Iterator[Draft]:
    """Endless drafts of `draw` whose `question` belongs to `split`."""
    while True:
        draft = draw(rng)
        if hashlib.sha256(draft.question.encode()).digest()[0] % 8 in SPLITS[split]:
            yield draft


def distinct(
    draw: Callable[[random.Random], Draft], seed: object, split: str, count: int
) -> Iterator[tuple[str, Draft]]:
    """Ids and drafts of the first `count` problems of a split, all questions distinct.

    More problems start with the fewer ones. Raises KeyError for an unknown split.
    """
    seen: set[str] = set()
    for index in range(count):
        found = drafts(draw, generator(seed, split, index), split)
        draft = next(draft for draft in found if draft.question not in seen)
        seen.add(draft.question)
        yield f"{split}-{index:05d}", draft
