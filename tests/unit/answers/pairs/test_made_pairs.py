"""A share of the made pairs of tests/benchmarks/answer_pairs, which says how each kind of pair is made."""

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
def test_every_verdict_has_an_outcome(kind):
    print(f"seed {SEED}")
    assert {result for _, _, result in judged(pairs(kind, COUNT, SEED))} <= set(OUTCOMES)
