"""Garbage goes, and nothing else does, whatever happens meanwhile."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.s3.conftest import bucket
from tests.s3.small_store import GRAPH, OTHERS, PROBLEMS, damage, finish, object_of, repair_store, whole
from w2s.graph.step import step
from w2s.recipe import WorldProblems
from w2s.records import Problem
from w2s.store.attempt import Attempt
from w2s.store.lease.leases import Leases
from w2s.store.maintenance import gc
from w2s.store.maintenance.gc import collect, find_garbage
from w2s.store.maintenance.verify import verify
from w2s.store.objects.objects import Objects
from w2s.store.objects.probes import check_writable
from w2s.store.objects.uploads import unfinished_uploads
from w2s.store.store import Store


def test_gc_takes_what_failed_attempts_left_and_nothing_else(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    whole(store)
    named = {entry.path for entry in store.objects.tree(store.objects.path())}
    orphan = Attempt(store, PROBLEMS)
    orphan.write_records("test", [], Problem)
    unfinished = step("unfinished", WorldProblems(seed=3))
    Attempt(store, unfinished).write_records("test", [], Problem)
    store.objects.write(store.objects.path(unfinished.directory, "training/checkpoint/state"), b"to go on from")
    store.objects.write(store.objects.path("probe-0123456789abcdef"), b"")
    store.objects.write(store.objects.path("logs/run.log"), b"log")
    assert find_garbage(store) == [], "nothing is old enough"
    monkeypatch.setattr(gc, "ORPHAN_SECONDS", -5.0)
    garbage = find_garbage(store)
    assert {one.directory for one in garbage} == {PROBLEMS.directory, unfinished.directory, ""}
    assert sum(one.bytes for one in garbage) > 0
    collect(store, garbage)
    left = {entry.path for entry in store.objects.tree(store.objects.path())}
    assert left == named | {
        store.objects.path(unfinished.directory, "training/checkpoint/state"),
        store.objects.path("logs/run.log"),
    }
    assert not any(checked.findings for checked in verify(store)) and find_garbage(store) == []


def test_gc_counts_an_orphan_s_age_from_when_it_became_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run may still read what a manifest named before a repair."""
    whole(store)
    damage(store, object_of(store, OTHERS, "test"), "cut")
    monkeypatch.setattr(gc, "ORPHAN_SECONDS", 5.0)
    time.sleep(7)
    assert repair_store(store, print, [*GRAPH, OTHERS]) == ["others"]
    assert find_garbage(store) == []
    finish(store, OTHERS)
    assert find_garbage(store) == []


def test_gc_takes_nothing_that_a_manifest_younger_than_its_listing_names(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gc, "ORPHAN_SECONDS", -5.0)
    attempt = Attempt(store, PROBLEMS)
    attempt.write_records("test", [Problem("p", "q")], Problem)
    listed = store.objects.tree(store.objects.path())
    attempt.commit({})
    monkeypatch.setattr(Objects, "tree", lambda self, path: listed)
    assert find_garbage(store) == []


@pytest.mark.s3
@pytest.mark.parametrize("server", ["moto", "rclone"])
def test_gc_takes_uploads_that_never_ended_and_nothing_else(
    server: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(check_writable(Objects(bucket(request.getfixturevalue(server), tmp_path, monkeypatch))))
    name, _, key = store.objects.path("steps/one/attempt/adapter").partition("/")
    store.objects.write(f"{name}/{key}", b"an object of the same name")
    for one in (key, key, "elsewhere/adapter"):
        number = store.objects.fs.call_s3("create_multipart_upload", Bucket=name, Key=one)["UploadId"]
        store.objects.fs.call_s3("upload_part", Bucket=name, Key=one, UploadId=number, PartNumber=1, Body=b"part")
    assert len(unfinished_uploads(store.objects)) == 2
    assert find_garbage(store) == [] or server == "moto", (
        "nothing is old enough, but by moto's clock for uploads, which always says 2010"
    )
    monkeypatch.setattr(gc, "ORPHAN_SECONDS", -5.0)
    found = [one for one in find_garbage(store) if one.why == "incomplete multipart uploads"]
    assert [(len(one.entries), one.bytes) for one in found] == [(2, 8)]
    collect(store, found)
    collect(store, found)  # ended already
    assert (
        unfinished_uploads(store.objects) == [] and store.objects.read(f"{name}/{key}") == b"an object of the same name"
    )
    assert len(store.objects.fs.call_s3("list_multipart_uploads", Bucket=name)["Uploads"]) == 1, (
        "an upload outside of the store is gone"
    )


def test_gc_with_keep_takes_other_steps_but_never_under_a_live_run(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole(store)
    keep = {one.directory for one in GRAPH}
    with Leases(store.objects, "alive", print), pytest.raises(ValueError, match="run alive is at work"):
        find_garbage(store, keep)
    garbage = find_garbage(store, keep)
    assert [one.directory for one in garbage] == [OTHERS.directory]
    with Leases(store.objects, "later", print), pytest.raises(ValueError, match="run later is at work"):
        collect(store, garbage)
    assert store.manifest(OTHERS) is not None
    collect(store, garbage)
    assert store.objects.names(store.objects.path("steps")) == sorted(
        one.directory.removeprefix("steps/") for one in GRAPH
    )
    assert find_garbage(store, keep) == [] and find_garbage(store) == []


def test_gc_leaves_alone_what_a_run_has_begun_to_use_since_it_looked(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gc, "ORPHAN_SECONDS", -5.0)
    Attempt(store, PROBLEMS).write_records("test", [], Problem)
    (garbage,) = find_garbage(store)
    with Leases(store.objects, "later", print) as leases:
        leases.acquire([PROBLEMS])
        collect(store, [garbage])
        assert all(store.objects.fs.exists(entry.path) for entry in garbage.entries)
    collect(store, [garbage])
    assert not any(store.objects.fs.exists(entry.path) for entry in garbage.entries)


def test_gc_takes_no_manifest_that_was_set_aside_after_its_listing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step may be finished again, under that name, before the orphans go."""
    monkeypatch.setattr(gc, "ORPHAN_SECONDS", -5.0)
    finish(store, PROBLEMS)
    listed = store.objects.tree(store.objects.path())
    store.objects.remove([store.objects.path(PROBLEMS.directory, "manifest.json")])
    with monkeypatch.context() as old:
        old.setattr(Objects, "tree", lambda self, path: listed)
        garbage = find_garbage(store)
    finish(store, PROBLEMS)
    collect(store, garbage)
    assert store.manifest(PROBLEMS) is not None and not any(
        checked.findings for checked in verify(store, [PROBLEMS.directory])
    )


def test_gc_leaves_a_step_alone_that_a_live_run_holds(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gc, "ORPHAN_SECONDS", -5.0)
    with Leases(store.objects, "alive", print) as leases:
        leases.acquire([PROBLEMS])
        Attempt(replace(store, run="alive"), PROBLEMS).write_records("test", [], Problem)
        assert [one for one in find_garbage(store) if one.directory] == []
        leases.release([PROBLEMS])
    assert [one.directory for one in find_garbage(store)] == [PROBLEMS.directory]
