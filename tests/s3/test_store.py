"""The store's promises, the same in a folder and in a bucket of a real S3 server on loopback."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from w2s.plan import plan
from w2s.recipe import Answers, WorldProblems
from w2s.records import Demonstration, Problem, Reference
from w2s.step import Step, step
from w2s.step_recipes import Grade
from w2s.store import Store

PROBLEMS = [Problem(f"p{i}", f"Question {i}? \N{GREEK SMALL LETTER PI}", "", "2") for i in range(5)]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.s3)])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    if request.param == "folder":
        return Store(str(tmp_path / "store"))
    import s3fs

    monkeypatch.setenv("AWS_ENDPOINT_URL", request.getfixturevalue("endpoint"))
    for name, value in (("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    bucket = f"bucket-{tmp_path.name.replace('_', '-').lower()[:40]}"
    s3fs.S3FileSystem().mkdir(bucket)
    return Store(f"s3://{bucket}/runs")


def finished(store: Store, seed: int = 0) -> Step:
    one = step("problems", WorldProblems(seed=seed))
    attempt = store.attempt(one)
    attempt.write_records("test", PROBLEMS, Problem)
    attempt.write_records("test_references", [], Reference)
    attempt.write_document("notes", {"a": [1, 2.5, None, "\N{SNOWMAN}"]})
    attempt.add("model", f"{attempt.name}/model/adapter.bin", b"\x00\x01")
    attempt.commit({"python": "3"})
    return one


def test_what_was_committed_is_read_back(store: Store, tmp_path: Path) -> None:
    one = finished(store)
    assert store.records(one["test"], Problem) == PROBLEMS
    assert store.records(one["test_references"], Reference) == []
    assert store.document(one["notes"]) == {"a": [1, 2.5, None, "\N{SNOWMAN}"]}
    folder = store.fetch(one["model"], tmp_path / "fetched")
    assert (folder / "adapter.bin").read_bytes() == b"\x00\x01"
    manifest = store.manifest(one)
    assert manifest is not None and manifest.rows == {"test": 5, "test_references": 0}
    assert store.url not in manifest.model_dump_json(), "a manifest must not say where the store is"


def test_nothing_counts_before_the_manifest(store: Store) -> None:
    one = step("problems", WorldProblems(seed=9))
    store.attempt(one).write_records("test", PROBLEMS, Problem)
    assert store.manifest(one) is None
    with pytest.raises(ValueError, match="has no finished 'test'"):
        store.records(one["test"], Problem)
    assert [planned.state for planned in plan([one], store)] == ["run"]


def test_of_two_commits_the_first_stands(store: Store) -> None:
    one = step("problems", WorldProblems(seed=3))
    attempts = [store.attempt(one) for _ in range(8)]
    for number, attempt in enumerate(attempts):
        attempt.write_records("test", [Problem(str(number), "q")], Problem)
    threads = [threading.Thread(target=attempt.commit, args=({},)) for attempt in attempts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    manifest = store.manifest(one)
    assert manifest is not None
    (winner,) = [number for number, attempt in enumerate(attempts) if attempt.name == manifest.attempt]
    assert store.records(one["test"], Problem) == [Problem(str(winner), "q")]


def test_create_does_not_overwrite(store: Store) -> None:
    path = store.path("a/b.json")
    assert store.create(path, b"one")
    assert not store.create(path, b"two")
    assert store.read(path) == b"one"


def test_damage_is_found_and_named(store: Store) -> None:
    one = finished(store, seed=4)
    (file,) = store.files(one["test"])
    path = store.path(one.directory, file.path)
    data = bytearray(store.read(path))
    data[len(data) // 2] ^= 1
    store.write(path, bytes(data))
    with pytest.raises(ValueError, match=r"test\.parquet is damaged"):
        store.records(one["test"], Problem)


def test_a_manifest_that_is_none_is_an_error_not_an_absence(store: Store) -> None:
    one = step("problems", WorldProblems(seed=5))
    store.write(store.path(one.directory, "manifest.json"), b"{")
    with pytest.raises(ValueError, match="is not a manifest"):
        store.manifest(one)


def test_records_of_another_type_are_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="columns"):
        store.records(finished(store, seed=6)["test"], Demonstration)


def test_plan_says_what_differs_from_the_nearest_finished_step(store: Store) -> None:
    finished(store)
    graded = step("scores", Grade(answers=Answers()), problems=finished(store)["test"])
    ((done,), (changed,)) = (plan([one], store) for one in (finished(store), step("problems", WorldProblems(seed=8))))
    assert (done.state, changed.state) == ("done", "run")
    assert changed.why == "nearest finished: recipe.seed: 0 -> 8"
    assert plan([graded], store)[0].why == "not in the store"


def test_a_store_that_cannot_be_written_says_so() -> None:
    with pytest.raises(ValueError, match=r"the store /proc/nowhere cannot be written .* choose another --store"):
        Store("/proc/nowhere").check_writable()


def test_a_relative_store_is_the_same_from_every_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store("store")
    one = finished(store)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert store.records(one["test"], Problem) == PROBLEMS


def test_another_adapter_under_the_same_fingerprint_has_another_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ray_jobs.models import adapter_folder

    monkeypatch.setenv("W2S_CACHE", str(tmp_path / "cache"))
    one = step("made", WorldProblems())
    folders = []
    for name in (b"one", b"two"):
        store = Store(str(tmp_path / name.decode()))
        attempt = store.attempt(one)
        attempt.add("model", f"{attempt.name}/model/adapter.bin", name)
        attempt.commit({})
        folders.append(adapter_folder(store, one["model"]))
    assert [(folder / "adapter.bin").read_bytes() for folder in folders] == [b"one", b"two"]


def test_a_cache_that_others_can_write_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ray_jobs.models import cache_folder

    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    monkeypatch.setenv("W2S_CACHE", str(tmp_path / "open"))
    with pytest.raises(ValueError, match="W2S_CACHE"):
        cache_folder()
