"""A share of tests/benchmarks/store.py: many readers and writers, many tables, a plan of many steps; and the commands
on a whole store."""

import pytest

from tests.benchmarks.store import half_finished, planned, readers_and_writers, small_tables
from tests.conftest import w2s
from tests.s3.test_store import finished
from w2s.experiments.catalog import load
from w2s.graph.build import build_steps
from w2s.graph.step import step
from w2s.recipe import WorldProblems
from w2s.records import Problem
from w2s.store.attempt import Attempt
from w2s.store.objects.objects import Objects
from w2s.store.store import Store


def test_readers_and_writers_at_once_lose_double_and_mix_nothing(store: Store) -> None:
    counts = readers_and_writers(store, threads=40, operations=4)
    assert counts["committed"] == 80 and counts["read"] >= counts["steps"] == 80 / (
        2 if store.objects.is_exclusive else 1
    )
    assert {name: counts[name] for name in ("errors", "lost", "doubled", "wrong")} == dict.fromkeys(
        ("errors", "lost", "doubled", "wrong"), 0
    )


def test_many_small_tables_are_read_back(store: Store) -> None:
    small_tables(store, steps=30, tables=10)


def test_a_plan_asks_little_of_the_server(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = half_finished(store, 5)
    asked: list[str] = []
    for name in ("read", "names"):
        method = getattr(Objects, name)
        monkeypatch.setattr(Objects, name, lambda self, path, method=method: asked.append(path) or method(self, path))
    planned(store, steps)
    half = len(steps) // 2
    begun = len(steps[half::3])
    assert len(steps) >= 60
    assert len(asked) == 1 + half + 3 * begun, (
        "one listing, a manifest a directory that is there, and of those without one their lists and their leases"
    )


def test_verify_and_a_dry_gc_name_what_they_find_and_change_nothing(store: Store) -> None:
    one, unfinished = finished(store), step("unfinished", WorldProblems(seed=7))
    Attempt(store, unfinished).write_records("test", [], Problem)
    kept = Attempt(store, build_steps(load("quickstart"))[0])
    kept.write_records("test", [], Problem)
    kept.commit({})
    before = [(entry.path, entry.bytes) for entry in store.objects.tree(store.objects.path("steps"))]
    whole = w2s("verify", "--store", store.objects.url)
    assert "2 finished, 1 unfinished, 5 files" in whole.stdout and "0 steps damaged" in whole.stdout
    others = w2s("gc", "--dry-run", "--keep", "quickstart", "--store", store.objects.url).stdout
    assert (
        one.directory in others
        and unfinished.directory in others
        and "6 objects" in others
        and "would be removed" in others
    )
    assert [(entry.path, entry.bytes) for entry in store.objects.tree(store.objects.path("steps"))] == before
    (file,) = store.files(one["notes"])
    store.objects.write(store.objects.path(one.directory, file.path), b"[]")
    damaged = w2s("verify", "--store", store.objects.url, check=False)
    assert (
        damaged.returncode == 1
        and "DAMAGED" in damaged.stdout
        and file.path in damaged.stdout
        and "1 steps damaged" in damaged.stdout
    )
