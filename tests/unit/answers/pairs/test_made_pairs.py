"""A share of the made pairs of tests/benchmarks/answer_pairs, which says how each kind of pair is made."""

from collections import Counter

import pytest

from tests.benchmarks.answer_cases import OUTCOMES, judged
from tests.benchmarks.answer_pairs.kinds import KINDS, pairs

SEED, COUNT = 20241126, 20


@pytest.mark.parametrize("kind", KINDS)
def test_pairs_are_distinct_and_repeatable(kind):
    made = pairs(kind, COUNT, SEED)
    assert made == pairs(kind, COUNT, SEED)
    assert made != pairs(kind, COUNT, SEED + 1)
    assert len({(case.kind, *sorted((case.a, case.b))) for case in made}) == COUNT
    assert len({case.right for case in made}) > 1


@pytest.mark.parametrize("kind", KINDS)
def test_no_pair_is_falsely_equal(kind):
    """Of 20 pairs a kind; `python -m tests.benchmarks.answer_pairs` prints the table of 300."""
    print(f"seed {SEED}")
    wrong = [row for row in judged(pairs(kind, COUNT, SEED)) if row[2] != "right"]
    assert {result for _, _, result in wrong} <= set(OUTCOMES)
    assert [(case.a, case.b) for case, _, result in wrong if result == "falsely equal"] == []


def test_few_pairs_are_falsely_different_or_undecided():
    results = Counter(result for kind in KINDS for _, _, result in judged(pairs(kind, COUNT, SEED)))
    assert results["falsely different"] <= results.total() / 100 and results["undecided"] <= results.total() / 20
    assert results["asymmetric"] == results["misread"] == 0
