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
from w2s.answers.forms.compare.expected import Expected, by_expected_type, shown_type
from w2s.answers.forms.compare.quantities import Mode
from w2s.answers.kinds import UNIT_KINDS
from w2s.answers.types import MAX_ANSWER_CHARS, Relation

MAX_COMPARED = 40_000
"""Pairs of parts that `merge` compares: all pairs of 256 values without parts, in about a second."""


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
    return decide(a, b, kind)[0]


def decide(a: str, b: str, kind: str = "", expected: Expected = "") -> tuple[Relation, str]:
    """The relation of two answers, and the rule that decided or that left it open; see `compare`.

    `expected` is the type of answer that the problem's other answers or its reference show. It decides only what is
    undecided without it.
    """
    first, second = form(a, kind), form(b, kind)
    if first.text == second.text:
        return "equal", "the same canonical form"
    if max(len(first.text), len(second.text)) > MAX_ANSWER_CHARS:
        return "undecided", f"longer than {MAX_ANSWER_CHARS} characters"
    low, high = sorted((first, second))
    decision = _compare_ordered(low.text, low.exact, high.text, high.exact, _mode(kind))
    if decision[0] != "undecided" or not expected:
        return decision
    return by_expected_type(low.text, high.text, expected) or decision


def merge(forms: Iterable[str], kind: str = "") -> Merged:
    """Group the canonical forms of one problem into classes; the order of `forms` does not matter.

    Two forms share a class if a chain of certain equalities joins them. If a chain joins two forms that are certainly
    different, one of its equalities is wrong: all forms of the chain then stay apart, undecided. The type of more than
    half of `forms` is the expected type of all.

    Raises ValueError for an unknown kind.
    """
    forms = list(forms)
    distinct = sorted(set(forms), key=lambda text: (not form(text, kind).exact, len(text), text))
    if all(form(text, kind).exact and form(text, kind).text == text for text in distinct) and kind not in UNIT_KINDS:
        # The usual case: different exact forms are certainly different.
        return Merged({text: text for text in distinct}, (), frozenset())
    decisions = _decisions(distinct, kind, shown_type(form(text, kind).text for text in forms))
    class_of = {text: text for text in distinct}
    for (first, second), (relation, _) in decisions.items():
        if relation == "equal" and class_of[first] != class_of[second]:
            kept, dropped = sorted((class_of[first], class_of[second]), key=distinct.index)
            class_of = {text: kept if current == dropped else current for text, current in class_of.items()}
    different = [pair for pair, (relation, _) in decisions.items() if relation == "different"]
    broken = {class_of[first] for first, second in different if class_of[first] == class_of[second]}
    class_of = {text: text if current in broken else current for text, current in class_of.items()}
    apart = {frozenset((class_of[first], class_of[second])) for first, second in different}
    pairs = {frozenset((class_of[first], class_of[second])) for first, second in decisions}
    merges = tuple(
        sorted((text, current, _why(decisions[current, text])) for text, current in class_of.items() if text != current)
    )
    return Merged(class_of, merges, frozenset(pair for pair in pairs - apart if len(pair) == 2))


def _decisions(distinct: list[str], kind: str, expected: Expected) -> dict[tuple[str, str], tuple[Relation, str]]:
    """The decision on each pair of forms, until the comparisons have cost `MAX_COMPARED`; later pairs are undecided."""
    mode = _mode(kind)
    marks = {text: mark_of(form(text, kind), mode) for text in distinct}
    parts = {text: 1 + sum(text.count(joint) for joint in (",", " and ", " or ")) for text in distinct}
    decisions: dict[tuple[str, str], tuple[Relation, str]] = {}
    cost = 0
    for first, second in combinations(distinct, 2):
        if clearly_apart(marks[first], marks[second], mode):
            decisions[first, second] = "different", "sizes"
        elif cost < MAX_COMPARED:
            cost += parts[first] * parts[second]
            decisions[first, second] = decide(first, second, kind, expected)
        else:
            decisions[first, second] = "undecided", f"more than {MAX_COMPARED} comparisons of parts"
    return decisions


def _why(decision: tuple[Relation, str]) -> str:
    relation, why = decision
    return why if relation == "equal" else "equal to a form that is equal to the representative"


def _mode(kind: str) -> Mode:
    if kind in ("EX", "EQ"):
        return "expression"
    return "quantity" if kind in UNIT_KINDS else "any"


@lru_cache(maxsize=1 << 14)
def _compare_ordered(low: str, low_exact: bool, high: str, high_exact: bool, mode: Mode) -> tuple[Relation, str]:
    """The cached comparison; its callers sort the two forms, so that the relation is symmetric by construction."""
    return compare_forms(low, high, low_exact and high_exact, mode)
