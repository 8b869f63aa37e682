"""What is not whole is found, what is absent told from it, and a store can be moved."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.s3.conftest import bucket
from tests.s3.servers import Server
from tests.s3.small_store import GRAPH, LAST, PROBLEMS, SAMPLED, finish, repair_store, whole
from w2s.graph.recipes import Report
from w2s.records import Completion, Problem
from w2s.store.maintenance.verify import verify
from w2s.store.manifest import Manifest
from w2s.store.objects.objects import Objects
from w2s.store.objects.probes import check_writable
from w2s.store.plan import plan
from w2s.store.store import Store
from w2s.store.tables import parquet_bytes


def test_every_flipped_bit_of_a_manifest_is_found(tmp_path: Path) -> None:
    store = Store.at(str(tmp_path))
    finish(store, PROBLEMS)
    data = store.objects.read(store.objects.path(PROBLEMS.directory, "manifest.json"))
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
    store = Store.at(str(tmp_path))
    rows = [Completion(f"p{n}", 0, "m", f"text {n} " * 50, "stop", 1, 1, 0) for n in range(50)]
    data = parquet_bytes(rows, Completion)
    path = store.objects.path("blocks/0.parquet")
    for position in range(8, len(data) // 2, 7):
        store.objects.write(path, data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        try:
            assert store.read_records(path, Completion) == rows  # a bit that nothing reads
        except ValueError as error:
            assert str(path) in str(error)


def test_an_absent_input_is_told_from_damage(store: Store) -> None:
    whole(store)
    store.objects.remove_tree(store.objects.path(PROBLEMS.directory))
    findings = [finding for checked in verify(store) for finding in checked.findings]
    assert {finding.directory for finding in findings} == {SAMPLED.directory, LAST.directory}
    assert not any(finding.is_damage for finding in findings) and all(
        PROBLEMS.directory in finding.what for finding in findings
    )
    assert repair_store(store, print) == []


def test_a_deleted_step_runs_only_where_something_that_runs_reads_it(store: Store) -> None:
    whole(store)
    store.objects.remove_tree(store.objects.path(SAMPLED.directory))
    planned = {one.step.name: one for one in plan(GRAPH, store)}
    assert {name: one.state for name, one in planned.items()} == {
        "problems": "done",
        "sampled": "absent",
        "last": "done",
    }
    assert "--only sampled" in planned["sampled"].why
    assert {one.step.name: one.state for one in plan(GRAPH, store, only=["sampled"])} == {
        "problems": "done",
        "sampled": "run",
    }
    store.objects.remove_tree(store.objects.path(LAST.directory))
    assert [one.state for one in plan(GRAPH, store)] == ["done", "run", "run"]
    changed = replace(LAST, recipe=Report(experiment="e", description="another"))
    assert [one.state for one in plan([PROBLEMS, SAMPLED, changed], store)] == ["done", "run", "run"]


def test_a_copied_store_is_whole_and_done(
    store: Store, tmp_path: Path, moto: Server, rclone: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole(store)
    content = {
        entry.path.removeprefix(store.objects.path()): store.objects.read(entry.path)
        for entry in store.objects.tree(store.objects.path())
    }
    assert not any(store.objects.url.encode() in data or str(tmp_path).encode() in data for data in content.values())
    targets = [
        lambda: str(tmp_path / "copied"),
        *(lambda s=s: bucket(s, tmp_path / f"{tmp_path.name}-to-{s.kind}", monkeypatch) for s in (moto, rclone)),
    ]
    for target in targets:
        copied = Store(check_writable(Objects(target())))
        for relative, data in content.items():
            copied.objects.write(copied.objects.path(relative.lstrip("/")), data)
        assert [checked.findings for checked in verify(copied)] == [()] * 4
        assert [one.state for one in plan(GRAPH, copied)] == ["done"] * 3
        assert copied.records(PROBLEMS["test"], Problem)[0].question == "problems 0"


def test_copying_with_other_tools_keeps_a_folder_store_valid(tmp_path: Path) -> None:
    store = Store.at(str(tmp_path / "one"))
    whole(store)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    shutil.rmtree(tmp_path / "one")
    assert [one.state for one in plan(GRAPH, Store.at(str(tmp_path / "two")))] == ["done"] * 3
