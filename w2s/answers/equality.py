"""Whether canonical forms are equal, different or neither for certain, and the classes that the forms of one problem fall into."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Literal

from w2s.answers.forms.canonical import UNIT_KINDS, form
from w2s.answers.forms.comparison import compare_forms
from w2s.answers.types import MAX_ANSWER_CHARS

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
    """Whether two answers of one kind are certainly equal: symmetric and transitive; see `compare`. ValueError for an unknown kind."""
    return compare(a, b, kind) == "equal"


def compare(a: str, b: str, kind: str = "") -> Relation:
    """`equal` or `different` where that is certain, else `undecided`; symmetric. ValueError for an unknown kind.

    Equal: one canonical form, or forms whose expressions have the same values at all points of numeric.py's test. Different: two forms
    that are unique for their values, or values clearly apart. Undecided: what neither rule reads, and a number with a unit beside one
    without.
    """
    return _compared(a, b, kind)[0]


def merge(forms: Iterable[str], kind: str = "") -> Merged:
    """Classes of the canonical forms of one problem; the order of `forms` changes nothing.

    Two forms are in one class where a chain of certain equalities joins them. Should a chain join two forms that are certainly different,
    none of its equalities can be believed: its forms stay apart, undecided. ValueError for an unknown kind.
    """
    distinct = sorted(set(forms), key=lambda text: (not form(text, kind).exact, len(text), text))
    if all(form(text, kind).exact and form(text, kind).text == text for text in distinct) and kind not in UNIT_KINDS:
        return Merged(
            {text: text for text in distinct}, (), frozenset()
        )  # the usual case, and all of them differ for certain
    relations = {pair: _compared(*pair, kind)[0] for pair in combinations(distinct, 2)}
    class_of = {text: text for text in distinct}
    for (one, other), relation in relations.items():
        if relation == "equal" and class_of[one] != class_of[other]:
            low, high = sorted((class_of[one], class_of[other]), key=distinct.index)
            class_of = {text: low if found == high else found for text, found in class_of.items()}
    broken = {
        class_of[one]
        for (one, other), relation in relations.items()
        if relation == "different" and class_of[one] == class_of[other]
    }
    class_of = {text: text if found in broken else found for text, found in class_of.items()}
    apart = {
        frozenset((class_of[one], class_of[other]))
        for (one, other), relation in relations.items()
        if relation == "different"
    }
    pairs = {frozenset((class_of[one], class_of[other])) for one, other in relations}
    merges = tuple(sorted((text, found, _why(text, found, kind)) for text, found in class_of.items() if text != found))
    return Merged(class_of, merges, frozenset(pair for pair in pairs - apart if len(pair) == 2))


def _why(text: str, representative: str, kind: str) -> str:
    relation, why = _compared(text, representative, kind)
    return why if relation == "equal" else "equal to a form that is equal to the representative"


def _compared(a: str, b: str, kind: str) -> tuple[Relation, str]:
    one, other = form(a, kind), form(b, kind)
    if one.text == other.text:
        return "equal", "the same canonical form"
    if max(len(one.text), len(other.text)) > MAX_ANSWER_CHARS:
        return "undecided", ""
    low, high = sorted((one, other))
    return _compare_forms(low.text, low.exact, high.text, high.exact, kind in UNIT_KINDS)


@lru_cache(maxsize=1 << 14)
def _compare_forms(low: str, low_exact: bool, high: str, high_exact: bool, units: bool) -> tuple[Relation, str]:
    """Cached, in one order of the two, so that the relation is symmetric by construction."""
    return compare_forms(low, high, low_exact and high_exact, units)
