"""Which requests kill an engine: simulated engines, every request ends once, only killers are blamed, restarts are
few."""

import random
from math import isqrt

import pytest

from ray_jobs.sampling.suspects import Suspects


def simulate(
    keys: list[str], poison: set[str], kills: int = 0, seed: int = 0, slots: int = 10**6
) -> tuple[set[str], int, int]:
    """Run all keys on an engine that dies with a poisoned request in it; returns finished keys, deaths and requests
    repeated.

    `kills` more deaths come from outside, at random moments. `slots` requests are in the engine at once.
    """
    chance = random.Random(seed)
    suspects, finished, deaths, repeated = Suspects(), set[str](), 0, 0
    for _ in range(100_000):
        left = [key for key in keys if key not in finished | suspects.guilty]
        if not left:
            return finished, deaths, repeated
        chance.shuffle(left)
        for key in [key for key in left if key not in suspects.running and suspects.may_run(key)][
            : slots - len(suspects.running)
        ]:
            suspects.started(key)
        assert suspects.running, "nobody may run"
        outside = kills > 0 and chance.random() < 0.2
        if suspects.running & poison or outside:
            kills -= outside
            deaths, repeated = deaths + 1, repeated + len(suspects.running)
            suspects.died()
        else:
            some = chance.sample(sorted(suspects.running), chance.randint(1, len(suspects.running)))
            for key in some:
                assert key not in finished, f"{key} was finished twice"
                suspects.finished(key)
                finished.add(key)
    raise AssertionError("it never ends")


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2, 3, 4, 10, 100, 400])
def test_one_killer_costs_at_most_four_restarts(count: int) -> None:
    keys = [f"k{i}" for i in range(count)]
    for seed in range(20):
        killer = keys[seed % count]
        finished, deaths, repeated = simulate(keys, {killer}, seed=seed)
        assert finished == set(keys) - {killer}
        assert 3 <= deaths <= (3 if count < 4 else 4)
        assert repeated <= count + isqrt(count) + 2


@pytest.mark.parametrize("killers", range(6))
def test_killers_are_found_and_nobody_else(killers: int) -> None:
    for seed in range(100):
        chance = random.Random(seed)
        keys = [f"k{i}" for i in range(chance.randint(killers + 1, 120))]
        poison = set(chance.sample(keys, killers))
        finished, deaths, _ = simulate(keys, poison, seed=seed, slots=chance.choice([1, 7, 50, 1000]))
        assert finished == set(keys) - poison, f"seed {seed}"
        assert deaths <= 4 * killers


@pytest.mark.parametrize("kills", [1, 2])
def test_a_kill_from_outside_blames_nobody(kills: int) -> None:
    """Up to two, wherever they fall: a request must be alone at two deaths, and the first of them is no proof."""
    blamed = 0
    for seed in range(300):
        keys = [f"k{i}" for i in range(30)]
        finished, _, _ = simulate(keys, set(), kills, seed)
        blamed += finished != set(keys)
    assert blamed == 0


def test_an_engine_that_dies_of_itself_is_seen() -> None:
    suspects = Suspects()
    for key in "abcdef":
        suspects.started(key)
    for death in range(1, 9):
        suspects.died()
        assert suspects.deaths_in_vain == death
        for key in "abcdef":
            if suspects.may_run(key):
                suspects.started(key)


@pytest.mark.parametrize("late", "abcd")
def test_a_suspect_whose_answer_comes_after_the_death_is_cleared(late: str) -> None:
    suspects = Suspects()
    for key in "abcd":
        suspects.started(key)
    suspects.died()
    suspects.finished(late)  # it was on its way
    for _ in range(3):
        key = next(
            key
            for key in "abcd"
            if key != late and any(key in group for group in suspects.groups) and suspects.may_run(key)
        )
        suspects.started(key)
        suspects.finished(key)
    assert not suspects.groups and suspects.may_run("another")


def test_a_request_that_is_given_up_is_no_suspect_any_more() -> None:
    suspects = Suspects()
    for key in "ab":
        suspects.started(key)
    suspects.died()
    assert not suspects.may_run("c")
    suspects.withdrawn("b")
    suspects.started("a")
    suspects.finished("a")
    assert suspects.may_run("c") and not suspects.guilty
