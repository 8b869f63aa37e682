"""Compares canonical forms and groups the forms of one problem into classes.

Two forms may be undecided: such a pair is counted and never merged.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from w2s.answers.forms.canonical import form
from w2s.answers.forms.compare.apart import clearly_apart, mark_of
from w2s.answers.forms.compare.comparison import compare_forms
from w2s.answers.forms.compare.quantities import Mode
from w2s.answers.kinds import UNIT_KINDS
from w2s.answers.types import MAX_ANSWER_CHARS, Relation


@dataclass(frozen=True, slots=True)
class Merged:
    """The classes of one problem's canonical forms."""

    class_of: dict[str, str]
    """Form -> representative of its class: exact forms first, then the shortest, then the first in code point order."""
    merges: tuple[tuple[str, str, str], ...]
    """(form, its representative, reason) for every form that is not its own representative; sorted."""
    undecided: frozenset[frozenset[str]]
    """Pairs of representatives whose relation is undecided."""


def equal(a: str, b: str, kind: str = "") -> bool:
    """Whether two answers of one kind are certainly equal; symmetric and transitive. ValueError for an unknown kind."""
    return compare(a, b, kind) == "equal"


def compare(a: str, b: str, kind: str = "") -> Relation:
    """`equal` or `different` if that is certain, else `undecided`; symmetric. ValueError for an unknown kind.

    Equal: the canonical forms are the same, or their expressions have the same values at all test points
    (algebra/same_value.py). Different: both forms are exact, or their values differ clearly. Undecided: no rule reads
    one of the answers, or one number has a unit and the other has none.
    """
    return _compared(a, b, kind)[0]


def merge(forms: Iterable[str], kind: str = "") -> Merged:
    """Group the canonical forms of one problem into classes; the order of `forms` does not matter.

    Two forms share a class if a chain of certain equalities joins them. If a chain joins two forms that are certainly
    different, one of its equalities is wrong: all forms of the chain then stay apart, undecided.

    Raises ValueError for an unknown kind.
    """
    distinct = sorted(set(forms), key=lambda text: (not form(text, kind).exact, len(text), text))
    if all(form(text, kind).exact and form(text, kind).text == text for text in distinct) and kind not in UNIT_KINDS:
        # The usual case: different exact forms are certainly different.
        return Merged({text: text for text in distinct}, (), frozenset())
    mode = _mode(kind)
    marks = {text: mark_of(form(text, kind), mode) for text in distinct}
    relations: dict[tuple[str, str], Relation] = {
        (a, b): "different" if clearly_apart(marks[a], marks[b], mode) else _compared(a, b, kind)[0]
        for a, b in combinations(distinct, 2)
    }
    class_of = {text: text for text in distinct}
    for (first, second), relation in relations.items():
        if relation == "equal" and class_of[first] != class_of[second]:
            kept, dropped = sorted((class_of[first], class_of[second]), key=distinct.index)
            class_of = {text: kept if current == dropped else current for text, current in class_of.items()}
    different = [pair for pair, relation in relations.items() if relation == "different"]
    broken = {class_of[first] for first, second in different if class_of[first] == class_of[second]}
    class_of = {text: text if current in broken else current for text, current in class_of.items()}
    apart = {frozenset((class_of[first], class_of[second])) for first, second in different}
    pairs = {frozenset((class_of[first], class_of[second])) for first, second in relations}
    merges = tuple(
        sorted((text, current, _why(text, current, kind)) for text, current in class_of.items() if text != current)
    )
    return Merged(class_of, merges, frozenset(pair for pair in pairs - apart if len(pair) == 2))


def _why(text: str, representative: str, kind: str) -> str:
    relation, why = _compared(text, representative, kind)
    return why if relation == "equal" else "equal to a form that is equal to the representative"


def _compared(a: str, b: str, kind: str) -> tuple[Relation, str]:
    first, second = form(a, kind), form(b, kind)
    if first.text == second.text:
        return "equal", "the same canonical form"
    if max(len(first.text), len(second.text)) > MAX_ANSWER_CHARS:
        return "undecided", ""
    low, high = sorted((first, second))
    return _compare_ordered(low.text, low.exact, high.text, high.exact, _mode(kind))


def _mode(kind: str) -> Mode:
    if kind in ("EX", "EQ"):
        return "expression"
    return "quantity" if kind in UNIT_KINDS else "any"


@lru_cache(maxsize=1 << 14)
def _compare_ordered(low: str, low_exact: bool, high: str, high_exact: bool, mode: Mode) -> tuple[Relation, str]:
    """The cached comparison; its callers sort the two forms, so that the relation is symmetric by construction."""
    return compare_forms(low, high, low_exact and high_exact, mode)
