"""Verdicts on pairs of every kind of error, symmetric."""

import pytest

from tests.unit.answers.kinds import (
    falsely_different,
    falsely_equal,
    meaning_kept,
    more_equal_and_different,
    more_spellings,
    one_change,
    undecided,
    undecided_more,
)
from w2s.answers import canonical, compare

TABLES = (
    falsely_equal,
    falsely_different,
    undecided,
    undecided_more,
    meaning_kept,
    more_equal_and_different,
    more_spellings,
    one_change,
)
GROUPS = {group: rows for table in TABLES for group, rows in table.ROWS.items()}


@pytest.mark.parametrize("group", GROUPS)
def test_verdicts(group):
    wrong = []
    for kind, one, other, right in GROUPS[group]:
        verdicts = {compare(one, other, kind), compare(other, one, kind)}
        if len(verdicts) > 1 or not verdicts <= set(right.split("|")):
            wrong.append(f"{kind or '-'} {one!r} {other!r}: {' and '.join(sorted(verdicts))}, not {right}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("group", GROUPS)
def test_canonical_forms_are_their_own(group):
    for kind, one, other, _ in GROUPS[group]:
        for answer in (one, other):
            form = canonical(answer, kind)
            assert canonical(form, kind) == form, (kind, answer, form)


def test_each_group_has_12_pairs_and_no_pair_twice():
    assert min(map(len, GROUPS.values())) >= 12
    pairs = [(kind, *sorted((one, other))) for rows in GROUPS.values() for kind, one, other, _ in rows]
    assert len(set(pairs)) == len(pairs)
