"""Equality of canonical forms, decided three ways, and the classes that the forms of one problem fall into."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from .canonical_form import form

Relation = Literal["equal", "different", "undecided"]


@dataclass(frozen=True, slots=True)
class Merged:
    """The classes of one problem's canonical forms."""

    class_of: dict[str, str]
    """Form -> representative of its class: an exact form before others, then the shortest, then the first in code point order."""
    merges: tuple[tuple[str, str, str], ...]
    """(form, its representative, why), for every form that is not its own representative; sorted."""
    undecided: frozenset[frozenset[str]]
    """Pairs of representatives that may or may not be equal: counted, never merged."""


def equal(a: str, b: str, kind: str = "") -> bool:
    """Whether two answers are certainly equal: symmetric and transitive; see `compare`."""
    return compare(a, b, kind) == "equal"


def compare(a: str, b: str, kind: str = "") -> Relation:
    """`equal` or `different` where that is certain, else `undecided`."""
    return _compared(a, b, kind)[0]


def merge(forms: Iterable[str], kind: str = "") -> Merged:
    """Classes of the canonical forms of one problem; the order of `forms` changes nothing.

    Two forms are in one class where a chain of certain equalities joins them. Should a chain join two forms that are certainly different,
    none of its equalities can be believed: its forms stay apart, undecided.
    """
    distinct = sorted(set(forms), key=lambda text: (not form(text, kind).exact, len(text), text))
    relations = {frozenset(pair): _compared(*pair, kind) for pair in combinations(distinct, 2)}
    class_of = {text: text for text in distinct}
    for one, other in combinations(distinct, 2):
        if relations[frozenset((one, other))][0] == "equal":
            low, high = sorted((class_of[one], class_of[other]), key=distinct.index)
            class_of = {text: low if found == high else found for text, found in class_of.items()}
    broken = {
        class_of[one]
        for one, other in combinations(distinct, 2)
        if class_of[one] == class_of[other] and relations[frozenset((one, other))][0] == "different"
    }
    class_of = {text: text if found in broken else found for text, found in class_of.items()}
    merges = tuple(sorted((text, found, _why(text, found, kind)) for text, found in class_of.items() if text != found))
    undecided = {
        frozenset((class_of[one], class_of[other]))
        for one, other in combinations(distinct, 2)
        if class_of[one] != class_of[other] and relations[frozenset((one, other))][0] != "different"
    }
    return Merged(class_of, merges, frozenset(undecided))


def _why(text: str, representative: str, kind: str) -> str:
    return _compared(text, representative, kind)[1] or "equal to a form that is equal to the representative"


def _compared(a: str, b: str, kind: str) -> tuple[Relation, str]:
    """The relation and, where it is `equal`, why."""
    one, other = form(a, kind), form(b, kind)
    if one.text == other.text:
        return "equal", "the same canonical form"
    if one.exact and other.exact:
        return "different", ""
    return "undecided", ""
