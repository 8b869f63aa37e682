"""Accuracy, pass@k, maj@k, PGR and their intervals."""

import itertools

import numpy as np
import pytest

from tests.conftest import quickest
from w2s.records import Score
from w2s.report.metrics import accuracy, credit_by_problem, difference, majority_at_k, pass_at_k, pgr


def credit(bits: str) -> dict[str, float]:
    return {f"p{i:04}": float(bit) for i, bit in enumerate(bits)}


def test_accuracy_has_numerator_and_denominator():
    found = accuracy(credit("1" * 30 + "0" * 70))
    assert (found.value, found.numerator, found.denominator) == (0.3, 30, 100)
    assert 0.2 <= found.low < 0.3 < found.high <= 0.4
    assert accuracy({"a": 0.5, "b": 0.25}).value == 0.375


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    [
        (0, 100, 0.0, 0.0362),
        (100, 100, 0.9638, 1.0),
        (0, 1, 0.0, 0.975),
        (1, 1, 0.025, 1.0),
        (7000, 7000, 0.99947, 1.0),
    ],
)
def test_none_and_all_right_are_no_certainty(right: int, of: int, low: float, high: float) -> None:
    """Clopper and Pearson's bounds, from a published table for 100 and by hand for 1."""
    found = accuracy(credit("1" * right + "0" * (of - right)))
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_shared_credit_is_no_binomial():
    assert accuracy({"a": 0.5, "b": 0.5}).low == 0.5


def test_intervals_depend_on_the_seed_alone():
    one = credit("1" * 30 + "0" * 70)
    assert accuracy(one, seed=3) == accuracy(dict(reversed(one.items())), seed=3)
    assert accuracy(one, seed=3, draws=200) != accuracy(one, seed=4, draws=200)


def test_difference_is_paired():
    floor, result = credit("1" * 50 + "0" * 50), credit("1" * 60 + "0" * 40)
    found = difference(result, floor)
    assert (found.value, found.numerator, found.denominator) == (0.1, 10, 100)
    assert 0.03 < found.low < found.high < 0.18
    unpaired = difference(dict(zip(result, reversed(result.values()), strict=True)), floor)
    assert unpaired.high - unpaired.low > 2 * (found.high - found.low)


@pytest.mark.parametrize(
    ("result", "baseline", "low", "high"),
    [
        ("10" * 30, "10" * 30, -0.0596, 0.0596),  # by hand: (1 - 0.0596) ** 60 = 0.025
        ("1" * 60, "0" * 60, 0.8807, 1.0),  # as many problems may have been lost instead of won
        ("0" * 60, "1" * 60, -1.0, -0.8807),
        ("1", "1", -0.975, 0.975),
    ],
)
def test_equal_models_are_no_certainty(result: str, baseline: str, low: float, high: float) -> None:
    found = difference(credit(result), credit(baseline))
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


@pytest.mark.parametrize(
    ("result", "floor", "ceiling", "value"),
    [(60, 40, 80, 0.5), (40, 40, 80, 0), (80, 40, 80, 1), (90, 40, 80, 1.25), (30, 40, 80, -0.25)],
)
def test_pgr(result, floor, ceiling, value):
    found = pgr(*(credit("1" * n + "0" * (100 - n)) for n in (result, floor, ceiling)))
    assert found.value == value and (found.numerator, found.denominator) == (result - floor, ceiling - floor)
    assert found.low is not None and found.high is not None and found.low <= value <= found.high


def test_pgr_without_a_gap_has_no_value():
    same = credit("10" * 50)
    assert pgr(credit("1" * 100), same, same).value is None
    assert pgr(credit("1" * 100), credit("1" * 60 + "0" * 40), credit("1" * 50 + "0" * 50)).low is None
    barely = pgr(credit("1" * 51 + "0" * 49), credit("1" * 50 + "0" * 50), credit("0" * 49 + "1" * 51))
    assert barely.value == 1 and barely.low is None and barely.high is None


def test_pass_at_k_is_the_share_of_subsets_with_a_right_one():
    for n, c in [(1, 0), (1, 1), (5, 2), (6, 0), (6, 6), (7, 1)]:
        right = [i < c for i in range(n)]
        for k in range(1, n + 1):
            subsets = list(itertools.combinations(right, k))
            assert pass_at_k(right, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))
    with pytest.raises(ValueError, match="pass@3"):
        pass_at_k([True, False], 3)


@pytest.mark.parametrize(
    ("classes", "right", "k", "expected"),
    [
        (["5", "5", "6"], [True, True, False], 3, 1),
        (["5", "5", "6"], [False, False, True], 3, 0),
        (["6", "5", "5"], [True, False, False], 1, 1),
        (["5", "6"], [True, False], 2, 0.5),
        (["5", "6", "7"], [False, True, False], 3, pytest.approx(1 / 3)),
        ([None, None, "5"], [False, False, True], 3, 1),
        ([None, None], [False, False], 2, 0),
    ],
)
def test_majority_at_k(classes, right, k, expected):
    assert majority_at_k(classes, right, k) == expected


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="maj@3"):
        majority_at_k(["5"], [True], 3)
    with pytest.raises(ValueError, match="no scored problems"):
        accuracy({})
    with pytest.raises(ValueError, match=r"2 problems are scored for one model but not for another, e.g. 'a'"):
        difference({"a": 1}, {"b": 1})


def test_credit_by_problem():
    scores = [
        Score("a", "m", "5", "right", ""),
        Score("b", "m", "", "wrong", "unreadable:empty"),
        Score("c", "m", "x", "undecided", ""),
    ]
    assert credit_by_problem(scores) == {"a": 1.0, "b": 0.0, "c": 0.0}
    with pytest.raises(ValueError, match="scored twice"):
        credit_by_problem([scores[0], scores[0]])
    with pytest.raises(ValueError, match=r"\['m', 'n'\]"):
        credit_by_problem([scores[0], Score("b", "n", "5", "right", "")])


@pytest.mark.slow
def test_intervals_cover_the_truth_as_often_as_they_say():
    seed, truth, runs = 20240720, 0.55, 400
    rng = np.random.default_rng(seed)
    covered = [0, 0, 0]
    for run in range(runs):
        base, lift, top = rng.random(300), rng.random(300), rng.random(300)
        floor, result, ceiling = base < 0.4, (base < 0.4) | (lift < 0.25), (base < 0.4) | (lift < 0.25) | (top < 0.3)
        models = [{str(i): float(v) for i, v in enumerate(m)} for m in (floor, result, ceiling)]
        found = accuracy(models[1], run, 1000)
        covered[0] += found.low <= truth <= found.high
        found = difference(models[1], models[0], run, 1000)
        covered[1] += found.low <= 0.15 <= found.high
        found = pgr(models[1], models[0], models[2], run, 1000)
        assert found.low is not None and found.high is not None
        covered[2] += found.low <= 0.15 / (0.15 + 0.45 * 0.3) <= found.high
    print(
        f"seed {seed}: 95 % intervals covered accuracy, difference, PGR in {[c / runs for c in covered]} of {runs} runs"
    )
    assert all(0.91 <= c / runs <= 0.985 for c in covered)


def test_ten_thousand_draws_of_a_thousand_problems_are_fast():
    rng = np.random.default_rng(1)
    models = [{str(i): float(v) for i, v in enumerate(rng.random(1000) < share)} for share in (0.4, 0.6, 0.8)]
    assert quickest(lambda: pgr(models[1], models[0], models[2], draws=10_000)) < 1
