"""Answer pairs by kind, from the kinds' definitions and the weak spots of Math-Verify and OlympicArena's judge.

Those spots are percent signs, units, order in sets and choices, names before values, tiny and huge numbers, and words
read as products.
"""

import pytest

from tests.unit.answers import test_answers
from tests.unit.answers.equal_pairs import EQUAL
from tests.unit.answers.unequal_pairs import DIFFERENT, UNDECIDED
from w2s.answers import canonical, compare, equal
from w2s.answers.kinds import KINDS

CASES = [
    (kind, one, other, expected)
    for expected, table in (("equal", EQUAL), ("different", DIFFERENT), ("undecided", UNDECIDED))
    for kind, pairs in table.items()
    for one, other in pairs
]


@pytest.mark.parametrize(("kind", "one", "other", "expected"), CASES)
def test_relation(kind, one, other, expected):
    assert compare(one, other, kind) == expected
    assert compare(other, one, kind) == expected
    assert equal(one, other, kind) == (expected == "equal")
    assert compare(canonical(one, kind), canonical(other, kind), kind) == expected


def test_the_table_has_400_pairs_and_every_kind_both_ways():
    pairs = {(kind, *sorted((one, other))) for kind, one, other, _ in CASES}
    assert len(pairs) == len(CASES)
    pairs |= {(kind, *sorted((one, other))) for kind, one, other in test_answers.EQUAL + test_answers.UNEQUAL}
    assert len(pairs) >= 400
    assert set(EQUAL) == set(DIFFERENT) == set(KINDS)
