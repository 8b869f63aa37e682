"""Damage of every class is found, named and mended; garbage goes and nothing else does; a store can be moved."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.s3.conftest import bucket
from tests.s3.servers import Server
from w2s import gc, lease
from w2s.attempt import parquet_bytes
from w2s.gc import collect, find_garbage
from w2s.manifest import Manifest
from w2s.plan import plan
from w2s.recipe import Model, Sampling, WorldProblems
from w2s.records import Completion, Problem
from w2s.repair import set_damaged_aside
from w2s.step import Step, step
from w2s.step_recipes import Report, Sample
from w2s.store import Store
from w2s.uploads import unfinished_uploads
from w2s.verify import verify

PROBLEMS = step("problems", WorldProblems(seed=1))
OTHERS = step("others", WorldProblems(seed=2))
SAMPLED = step("sampled", Sample(model=Model(name="m", revision="1"), sampling=Sampling(n=1)), problems=PROBLEMS["test"])
LAST = step("last", Report(experiment="e", description=""), completions=SAMPLED["completions"], problems=PROBLEMS["test"])
GRAPH = [PROBLEMS, SAMPLED, LAST]
BLOCKS = 3


def finish(store: Store, one: Step, rows: int = 4) -> None:
    attempt = store.attempt(one)
    attempt.write_records("test", [Problem(f"p{n}", f"{one.name} {n}") for n in range(rows)], Problem)
    attempt.write_document("notes", [one.name])
    attempt.commit({})


def sample(store: Store) -> None:
    """As the sampling job does it: only the blocks that are missing."""
    attempt = store.attempt(SAMPLED)
    store.create(store.path(SAMPLED.directory, "blocks/plan.json"), json.dumps({"problems_per_block": 2}).encode())
    for block in range(BLOCKS):
        path = f"blocks/{block:05d}.parquet"
        rows = [Completion(f"p{2 * block + n}", 0, "m", "text", "stop", 1, 1, 0) for n in range(2)]
        store.create(store.path(SAMPLED.directory, path), parquet_bytes(rows, Completion))
        attempt.add("completions", path)
    attempt.counts.update(problems=2 * BLOCKS)
    attempt.commit({})


def whole(store: Store) -> None:
    finish(store, PROBLEMS)
    finish(store, OTHERS)
    sample(store)
    finish(store, LAST)


def object_of(store: Store, one: Step, table: str) -> str:
    manifest = store.manifest(one)
    assert manifest is not None
    return store.path(one.directory, manifest.tables[table][0])


def flipped(data: bytes) -> bytes:
    return data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]


DAMAGE: dict[str, tuple[Callable[[bytes, bytes], bytes | None], str]] = {
    "cut": (lambda own, other: own[: len(own) // 2], "cut: "),
    "cut to nothing": (lambda own, other: b"", "cut: 0 bytes"),
    "flipped": (lambda own, other: flipped(own), "other bytes"),
    "missing": (lambda own, other: None, "missing"),
    "extra": (lambda own, other: own + b"\x00", "too long"),
    "replaced": (lambda own, other: other, "it is steps/report-"),
}


def damage(store: Store, path: str, kind: str) -> str:
    """Do it; returns what must be said."""
    change, said = DAMAGE[kind]
    data = change(store.read(path), store.read(object_of(store, LAST, "test")))
    store.remove([path]) if data is None else store.write(path, data)
    return said


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_found_named_and_mended_by_that_step_alone(store: Store, kind: str) -> None:
    whole(store)
    assert not any(checked.findings for checked in verify(store))
    path = object_of(store, PROBLEMS, "test")
    said = damage(store, path, kind)
    (checked,) = [checked for checked in verify(store) if checked.findings]
    (finding,) = checked.findings
    assert (checked.directory, store.path(finding.directory, finding.path)) == (PROBLEMS.directory, path)
    assert said in finding.what
    with pytest.raises(ValueError, match=r"test\.parquet is damaged .*run again with --repair"):
        store.records(PROBLEMS["test"], Problem)
    lines: list[str] = []
    assert set_damaged_aside(GRAPH, store, lines.append) == ["problems"]
    assert len(lines) == 1 and store.absolute(PROBLEMS.directory) in lines[0] and said in lines[0]
    states = {one.step.name: one.state for one in plan(GRAPH, store, also=["problems"])}
    assert states == {"problems": "run", "sampled": "done", "last": "done"}
    assert set_damaged_aside(GRAPH, store, lines.append) == ["problems"], "a repair that was cut short is taken up"
    finish(store, PROBLEMS)
    assert set_damaged_aside(GRAPH, store, lines.append) == [] and len(lines) == 1
    assert [one.state for one in plan(GRAPH, store)] == ["done"] * 3
    assert not any(checked.findings for checked in verify(store))


@pytest.mark.parametrize("kind", DAMAGE)
def test_of_a_sampling_step_only_the_damaged_block_is_sampled_again(store: Store, kind: str) -> None:
    whole(store)
    path = store.path(SAMPLED.directory, "blocks/00001.parquet")
    before = {entry.path: store.read(entry.path) for entry in store.tree(store.path(SAMPLED.directory, "blocks"))}
    damage(store, path, kind)
    assert set_damaged_aside(GRAPH, store, print) == ["sampled"]
    after = {entry.path: store.read(entry.path) for entry in store.tree(store.path(SAMPLED.directory, "blocks"))}
    assert after == {kept: data for kept, data in before.items() if kept != path}
    assert {one.step.name: one.state for one in plan(GRAPH, store, also=["sampled"])}["sampled"] == "resume"
    sample(store)
    assert not any(checked.findings for checked in verify(store))


@pytest.mark.parametrize("plan_text", [None, b"{", b'{"problems_per_block": 5}', b'{"problems_per_block": 0}'])
def test_blocks_whose_plan_is_damaged_are_not_kept(store: Store, plan_text: bytes | None) -> None:
    whole(store)
    damage(store, store.path(SAMPLED.directory, "blocks/00002.parquet"), "cut")
    planned = store.path(SAMPLED.directory, "blocks/plan.json")
    store.remove([planned]) if plan_text is None else store.write(planned, plan_text)
    set_damaged_aside(GRAPH, store, print)
    assert store.tree(store.path(SAMPLED.directory, "blocks")) == []


@pytest.mark.parametrize("kind", ["cut", "flipped", "replaced"])
def test_a_damaged_manifest_is_found_and_its_step_runs_again(store: Store, kind: str) -> None:
    whole(store)
    path = store.path(PROBLEMS.directory, "manifest.json")
    data = store.read(store.path(OTHERS.directory, "manifest.json")) if kind == "replaced" else DAMAGE[kind][0](store.read(path), b"")
    assert data is not None
    store.write(path, data)
    assert {one.directory for one in verify(store) if any(f.is_damage for f in one.findings)} == {PROBLEMS.directory}
    if kind != "replaced":
        with pytest.raises(ValueError, match=r"is not a manifest .*--repair"):
            plan(GRAPH, store)
    assert set_damaged_aside(GRAPH, store, print) == ["problems"]
    finish(store, PROBLEMS)
    assert not any(checked.findings for checked in verify(store))


def test_every_flipped_bit_of_a_manifest_is_found(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    finish(store, PROBLEMS)
    data = store.read(store.path(PROBLEMS.directory, "manifest.json"))
    original = Manifest.from_json(data)
    for position in range(len(data)):
        for bit in range(0, 8, 3):
            changed = bytearray(data)
            changed[position] ^= 1 << bit
            try:
                read = Manifest.from_json(bytes(changed))
            except ValueError:
                continue
            assert read == original, f"bit {bit} of byte {position} changed the content unseen"


def test_a_block_damaged_before_its_manifest_is_found(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    rows = [Completion(f"p{n}", 0, "m", f"text {n} " * 50, "stop", 1, 1, 0) for n in range(50)]
    data = parquet_bytes(rows, Completion)
    path = store.path("blocks/0.parquet")
    for position in range(8, len(data) // 2, 7):
        store.write(path, data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        try:
            assert store.read_records(path, Completion) == rows  # a bit that nothing reads
        except ValueError as error:
            assert str(path) in str(error)


def test_an_absent_input_is_told_from_damage(store: Store) -> None:
    whole(store)
    store.remove_tree(store.path(PROBLEMS.directory))
    findings = [finding for checked in verify(store) for finding in checked.findings]
    assert {finding.directory for finding in findings} == {SAMPLED.directory, LAST.directory}
    assert not any(finding.is_damage for finding in findings) and all(PROBLEMS.directory in finding.what for finding in findings)
    assert set_damaged_aside(GRAPH, store, print) == []


def test_a_deleted_step_runs_only_where_something_that_runs_reads_it(store: Store) -> None:
    whole(store)
    store.remove_tree(store.path(SAMPLED.directory))
    planned = {one.step.name: one for one in plan(GRAPH, store)}
    assert {name: one.state for name, one in planned.items()} == {"problems": "done", "sampled": "absent", "last": "done"}
    assert "--only sampled" in planned["sampled"].why
    assert {one.step.name: one.state for one in plan(GRAPH, store, only=["sampled"])} == {"problems": "done", "sampled": "run"}
    store.remove_tree(store.path(LAST.directory))
    assert [one.state for one in plan(GRAPH, store)] == ["done", "run", "run"]
    changed = replace(LAST, recipe=Report(experiment="e", description="another"))
    assert [one.state for one in plan([PROBLEMS, SAMPLED, changed], store)] == ["done", "run", "run"]


def test_a_copied_store_is_whole_and_done(store: Store, tmp_path: Path, moto: Server, rclone: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    whole(store)
    content = {entry.path.removeprefix(store.path()): store.read(entry.path) for entry in store.tree(store.path())}
    assert not any(store.url.encode() in data or str(tmp_path).encode() in data for data in content.values())
    targets = [
        lambda: str(tmp_path / "copied"),
        *(lambda s=s: bucket(s, tmp_path / f"{tmp_path.name}-to-{s.kind}", monkeypatch) for s in (moto, rclone)),
    ]
    for target in targets:
        copied = Store(target()).check_writable()
        for relative, data in content.items():
            copied.write(copied.path(relative.lstrip("/")), data)
        assert [checked.findings for checked in verify(copied)] == [()] * 4
        assert [one.state for one in plan(GRAPH, copied)] == ["done"] * 3
        assert copied.records(PROBLEMS["test"], Problem)[0].question == "problems 0"


def test_gc_takes_what_failed_attempts_left_and_nothing_else(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    whole(store)
    named = {entry.path for entry in store.tree(store.path())}
    orphan = store.attempt(PROBLEMS)
    orphan.write_records("test", [], Problem)
    unfinished = step("unfinished", WorldProblems(seed=3))
    store.attempt(unfinished).write_records("test", [], Problem)
    store.write(store.path(unfinished.directory, "training/checkpoint/state"), b"to go on from")
    store.write(store.path("probe-0123456789abcdef"), b"")
    store.write(store.path("logs/run.log"), b"log")
    assert find_garbage(store) == [], "nothing is old enough"
    monkeypatch.setattr(gc, "ORPHAN_SECONDS", -5.0)
    garbage = find_garbage(store)
    assert {one.directory for one in garbage} == {PROBLEMS.directory, unfinished.directory, ""}
    assert sum(one.bytes for one in garbage) > 0
    collect(store, garbage)
    left = {entry.path for entry in store.tree(store.path())}
    assert left == named | {store.path(unfinished.directory, "training/checkpoint/state"), store.path("logs/run.log")}
    assert not any(checked.findings for checked in verify(store)) and find_garbage(store) == []


@pytest.mark.s3
@pytest.mark.parametrize("server", ["moto", "rclone"])
def test_gc_takes_uploads_that_never_ended_and_nothing_else(
    server: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(bucket(request.getfixturevalue(server), tmp_path, monkeypatch)).check_writable()
    name, _, key = store.path("steps/one/attempt/adapter").partition("/")
    store.write(f"{name}/{key}", b"an object of the same name")
    for one in (key, key, "elsewhere/adapter"):
        number = store.fs.call_s3("create_multipart_upload", Bucket=name, Key=one)["UploadId"]
        store.fs.call_s3("upload_part", Bucket=name, Key=one, UploadId=number, PartNumber=1, Body=b"part")
    assert len(unfinished_uploads(store)) == 2
    assert find_garbage(store) == [] or server == "moto", "nothing is old enough, but by moto's clock for uploads, which always says 2010"
    monkeypatch.setattr(gc, "ORPHAN_SECONDS", -5.0)
    found = [one for one in find_garbage(store) if one.why == "uploads in parts that never ended"]
    assert [(len(one.entries), one.bytes) for one in found] == [(2, 8)]
    collect(store, found)
    collect(store, found)  # ended already
    assert unfinished_uploads(store) == [] and store.read(f"{name}/{key}") == b"an object of the same name"
    assert len(store.fs.call_s3("list_multipart_uploads", Bucket=name)["Uploads"]) == 1, "an upload outside of the store is gone"


def test_gc_with_keep_takes_other_steps_but_never_under_a_live_run(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    whole(store)
    keep = {one.directory for one in GRAPH}
    with lease.Leases(replace(store, run="alive"), print), pytest.raises(ValueError, match="run alive is at work"):
        find_garbage(store, keep)
    garbage = find_garbage(store, keep)
    assert [one.directory for one in garbage] == [OTHERS.directory]
    collect(store, garbage)
    assert store.names(store.path("steps")) == sorted(one.directory.removeprefix("steps/") for one in GRAPH)
    assert find_garbage(store, keep) == [] and find_garbage(store) == []


def test_gc_leaves_a_step_alone_that_a_live_run_holds(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gc, "ORPHAN_SECONDS", -5.0)
    with lease.Leases(replace(store, run="alive"), print) as leases:
        leases.acquire([PROBLEMS])
        replace(store, run="alive").attempt(PROBLEMS).write_records("test", [], Problem)
        assert [one for one in find_garbage(store) if one.directory] == []
        leases.release([PROBLEMS])
    assert [one.directory for one in find_garbage(store)] == [PROBLEMS.directory]


def test_copying_with_other_tools_keeps_a_folder_store_valid(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "one"))
    whole(store)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    shutil.rmtree(tmp_path / "one")
    assert [one.state for one in plan(GRAPH, Store(str(tmp_path / "two")))] == ["done"] * 3
