"""Damage of every class is found, named and repaired by its step alone; nothing that is whole is lost."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import wait_for
from tests.s3.small_store import (
    DAMAGE,
    GRAPH,
    OTHERS,
    PROBLEMS,
    SAMPLED,
    damage,
    finish,
    flipped,
    object_of,
    repair_store,
    sample,
    whole,
)
from w2s.records import Completion, Problem
from w2s.store.lease import leases as leases_module
from w2s.store.lease.leases import Leases
from w2s.store.maintenance import repair
from w2s.store.maintenance.verify import verify
from w2s.store.objects.objects import Objects
from w2s.store.plan import plan
from w2s.store.store import Store
from w2s.store.tables import parquet_bytes


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_found_named_and_repaired_by_that_step_alone(store: Store, kind: str) -> None:
    whole(store)
    assert not any(checked.findings for checked in verify(store))
    path = object_of(store, PROBLEMS, "test")
    said = damage(store, path, kind)
    (checked,) = [checked for checked in verify(store) if checked.findings]
    (finding,) = checked.findings
    assert (checked.directory, store.objects.path(finding.directory, finding.path)) == (PROBLEMS.directory, path)
    assert said in finding.what
    with pytest.raises(ValueError, match=r"test\.parquet is damaged .*run again with --repair"):
        store.records(PROBLEMS["test"], Problem)
    lines: list[str] = []
    assert repair_store(store, lines.append) == ["problems"]
    assert len(lines) == 1 and store.objects.absolute(PROBLEMS.directory) in lines[0] and said in lines[0]
    states = {one.step.name: one.state for one in plan(GRAPH, store, also=["problems"])}
    assert states == {"problems": "run", "sampled": "done", "last": "done"}
    assert repair_store(store, lines.append) == ["problems"], "a repair that was cut short is taken up"
    finish(store, PROBLEMS)
    assert repair_store(store, lines.append) == [] and len(lines) == 1
    assert [one.state for one in plan(GRAPH, store)] == ["done"] * 3
    assert not any(checked.findings for checked in verify(store))


@pytest.mark.parametrize("kind", DAMAGE)
def test_of_a_sampling_step_only_the_damaged_block_is_sampled_again(store: Store, kind: str) -> None:
    whole(store)
    path = store.objects.path(SAMPLED.directory, "blocks/00001.parquet")
    before = {
        entry.path: store.objects.read(entry.path)
        for entry in store.objects.tree(store.objects.path(SAMPLED.directory, "blocks"))
    }
    damage(store, path, kind)
    assert repair_store(store, print) == ["sampled"]
    after = {
        entry.path: store.objects.read(entry.path)
        for entry in store.objects.tree(store.objects.path(SAMPLED.directory, "blocks"))
    }
    assert after == {kept: data for kept, data in before.items() if kept != path}
    assert {one.step.name: one.state for one in plan(GRAPH, store, also=["sampled"])}["sampled"] == "resume"
    sample(store)
    assert not any(checked.findings for checked in verify(store))


@pytest.mark.parametrize("plan_text", [None, b"{", b'{"problems_per_block": 5}', b'{"problems_per_block": 0}'])
def test_blocks_whose_plan_is_damaged_are_not_kept(store: Store, plan_text: bytes | None) -> None:
    whole(store)
    damage(store, store.objects.path(SAMPLED.directory, "blocks/00002.parquet"), "cut")
    planned = store.objects.path(SAMPLED.directory, "blocks/plan.json")
    store.objects.remove([planned]) if plan_text is None else store.objects.write(planned, plan_text)
    repair_store(store, print)
    assert store.objects.tree(store.objects.path(SAMPLED.directory, "blocks")) == []


@pytest.mark.parametrize("kind", ["cut", "flipped", "replaced"])
def test_a_damaged_manifest_is_found_and_its_step_runs_again(store: Store, kind: str) -> None:
    whole(store)
    path = store.objects.path(PROBLEMS.directory, "manifest.json")
    data = (
        store.objects.read(store.objects.path(OTHERS.directory, "manifest.json"))
        if kind == "replaced"
        else DAMAGE[kind][0](store.objects.read(path), b"")
    )
    assert data is not None
    store.objects.write(path, data)
    assert {one.directory for one in verify(store) if any(f.is_damage for f in one.findings)} == {PROBLEMS.directory}
    if kind != "replaced":
        with pytest.raises(ValueError, match=r"is not a manifest .*--repair"):
            plan(GRAPH, store)
    assert repair_store(store, print) == ["problems"]
    finish(store, PROBLEMS)
    assert not any(checked.findings for checked in verify(store))


@pytest.mark.parametrize("kind", ["flipped", "replaced"])
def test_a_damaged_manifest_costs_no_block_that_is_whole(store: Store, kind: str) -> None:
    whole(store)
    blocks = {
        entry.path: store.objects.read(entry.path)
        for entry in store.objects.tree(store.objects.path(SAMPLED.directory, "blocks"))
    }
    path = store.objects.path(SAMPLED.directory, "manifest.json")
    store.objects.write(
        path,
        flipped(store.objects.read(path))
        if kind == "flipped"
        else store.objects.read(store.objects.path(OTHERS.directory, "manifest.json")),
    )
    bad = store.objects.path(SAMPLED.directory, "blocks/00001.parquet")
    store.objects.write(bad, blocks[bad][: len(blocks[bad]) // 2])
    assert repair_store(store, print) == ["sampled"]
    assert {
        entry.path: store.objects.read(entry.path)
        for entry in store.objects.tree(store.objects.path(SAMPLED.directory, "blocks"))
    } == {one: data for one, data in blocks.items() if one != bad}
    sample(store)
    assert not any(checked.findings for checked in verify(store))


def test_a_repair_leaves_alone_what_another_has_repaired_meanwhile(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between a repair's look and its deed hours may go by, and the step is another's then."""
    whole(store)
    path = store.objects.path(SAMPLED.directory, "blocks/00001.parquet")
    before = store.objects.read(path)
    damage(store, path, "flipped")
    found = verify(store, [one.directory for one in GRAPH])
    assert repair_store(store, print) == ["sampled"]
    sample(store)
    looks = iter([found])
    monkeypatch.setattr(repair, "verify", lambda *given: next(looks, None) or verify(*given))
    assert repair_store(store, print) == []
    assert store.objects.read(path) == before and store.manifest(SAMPLED) is not None


def test_a_repair_waits_for_the_run_that_holds_the_step(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases_module, "POLL_SECONDS", 0.1)
    whole(store)
    damage(store, object_of(store, PROBLEMS, "test"), "cut")
    said: list[str] = []
    with (
        Leases(store.objects, "first", print) as leases,
        leases.hold(PROBLEMS),
        ThreadPoolExecutor(1) as pool,
    ):
        second = pool.submit(repair_store, store, said.append)
        wait_for(lambda: any("is held by run first" in line for line in said), 20, "the repair to wait")
        assert store.manifest(PROBLEMS) is not None
        leases.release([PROBLEMS])
        assert second.result(30) == ["problems"]


def test_blocks_of_an_unfinished_step_are_verified_and_repaired(store: Store) -> None:
    whole(store)
    store.objects.remove([store.objects.path(SAMPLED.directory, "manifest.json")])
    part = parquet_bytes([Completion("p9", 0, "m", "text", "stop", 1, 1, 0)], Completion)
    store.objects.write(store.objects.path(SAMPLED.directory, "blocks/00003.0123abcd.part"), part)
    assert not any(checked.damage for checked in verify(store))
    store.objects.write(store.objects.path(SAMPLED.directory, "blocks/00003.0123abcd.part"), part[:-9])
    damage(store, store.objects.path(SAMPLED.directory, "blocks/00001.parquet"), "cut")
    (checked,) = [checked for checked in verify(store) if checked.damage]
    assert [finding.path for finding in checked.damage] == ["blocks/00001.parquet", "blocks/00003.0123abcd.part"]
    assert repair_store(store, print) == [], "it is unfinished already"
    left = {entry.path for entry in store.objects.tree(store.objects.path(SAMPLED.directory, "blocks"))}
    assert left == {
        store.objects.path(SAMPLED.directory, "blocks", name)
        for name in ("plan.json", "00000.parquet", "00002.parquet")
    }


def test_a_file_that_cannot_be_read_just_now_is_named_and_not_taken_for_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.at(str(tmp_path))
    whole(store)
    path, real = object_of(store, PROBLEMS, "test"), Objects.read
    monkeypatch.setattr(
        Objects,
        "read",
        lambda self, one: real(self, one) if one != path else (_ for _ in ()).throw(OSError(5, "I/O error")),
    )
    (checked,) = [checked for checked in verify(store) if checked.findings]
    assert (
        "cannot be read" in checked.findings[0].what and "--repair" in checked.findings[0].what and not checked.damage
    )
    assert repair_store(store, print) == [] and store.manifest(PROBLEMS) is not None
