"""The store's promises, the same in a folder and in buckets of two S3 servers on loopback."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.s3.small_store import WorldProblems
from w2s.experiments.catalog import load
from w2s.experiments.overrides import set_fields
from w2s.graph.recipes import Grade
from w2s.graph.step import Step, step
from w2s.recipe import Answers
from w2s.records import Demonstration, Problem, Reference
from w2s.store.attempt import Attempt
from w2s.store.objects.objects import Objects
from w2s.store.objects.probes import check_writable, server_time
from w2s.store.objects.s3 import S3
from w2s.store.plan import plan
from w2s.store.store import Store
from w2s.urls import has_credentials

PROBLEMS = [Problem(f"p{i}", f"Question {i}? \N{GREEK SMALL LETTER PI}", "", "2") for i in range(5)]


def finished(store: Store, seed: int = 0) -> Step:
    one = step("problems", WorldProblems(seed=seed))
    attempt = Attempt(store, one)
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
    assert store.objects.url not in manifest.model_dump_json(), "a manifest must not say where the store is"


def test_nothing_counts_before_the_manifest(store: Store) -> None:
    one = step("problems", WorldProblems(seed=9))
    Attempt(store, one).write_records("test", PROBLEMS, Problem)
    assert store.manifest(one) is None
    with pytest.raises(ValueError, match="has no finished 'test'"):
        store.records(one["test"], Problem)
    assert [planned.state for planned in plan([one], store)] == ["run"]


def test_of_two_commits_the_first_stands(store: Store) -> None:
    one = step("problems", WorldProblems(seed=3))
    attempts = [Attempt(store, one) for _ in range(8)]
    for number, attempt in enumerate(attempts):
        attempt.write_records("test", [Problem(str(number), "q")], Problem)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda attempt: attempt.commit({}), attempts))
    manifest = store.manifest(one)
    assert manifest is not None
    if store.objects.exclusive:
        assert [result.attempt for result in results] == [manifest.attempt] * 8, "a loser must hear who won"
    (winner,) = [number for number, attempt in enumerate(attempts) if attempt.name == manifest.attempt]
    assert store.records(one["test"], Problem) == [Problem(str(winner), "q")]


def test_create_does_not_overwrite(store: Store) -> None:
    path = store.objects.path("a/b.json")
    assert store.objects.create(path, b"one")
    assert not store.objects.create(path, b"two")
    assert store.objects.create(path, b"one"), "the same bytes: a retry that meets its own first try"
    assert store.objects.read(path) == b"one"


def test_of_creates_at_the_same_moment_one_succeeds(store: Store) -> None:
    for number in range(5):
        path = store.objects.path(f"races/{number}")
        with ThreadPoolExecutor(16) as pool:
            won = [
                one
                for one, created in enumerate(
                    pool.map(lambda one, path=path: store.objects.create(path, str(one).encode()), range(16))
                )
                if created
            ]
        assert int(store.objects.read(path)) in won
        assert len(won) == 1 or not store.objects.exclusive, (
            "only a server without conditional creates may say so to several"
        )


def test_the_server_is_asked_whether_it_refuses_a_second_create(store: Store, request: pytest.FixtureRequest) -> None:
    kind = request.node.callspec.params["store"]
    assert store.objects.exclusive == (kind != "rclone"), (
        "rclone ignores If-None-Match; once it does not, this test says so"
    )
    assert store.objects.tree(store.objects.path()) == [], "the question left something"


def test_trees_names_and_removal(store: Store) -> None:
    assert store.objects.names(store.objects.path("a")) == [] and store.objects.tree(store.objects.path("a")) == []
    began = server_time(store.objects)
    for relative in ("a/x/1", "a/x/2", "a/3"):
        store.objects.write(store.objects.path(relative), relative.encode())
    assert store.objects.names(store.objects.path("a")) == ["3", "x"]
    assert [(entry.path, entry.bytes) for entry in store.objects.tree(store.objects.path("a"))] == [
        (store.objects.path(p), len(p)) for p in ("a/3", "a/x/1", "a/x/2")
    ]
    assert all(
        began - 1 <= entry.modified <= server_time(store.objects) + 1
        for entry in store.objects.tree(store.objects.path("a"))
    )
    store.objects.remove([store.objects.path("a/3"), store.objects.path("a/never-there")])
    assert [entry.path for entry in store.objects.tree(store.objects.path("a"))] == [
        store.objects.path("a/x/1"),
        store.objects.path("a/x/2"),
    ]
    store.objects.remove_tree(store.objects.path("a"))
    assert store.objects.tree(store.objects.path("a")) == []


def test_damage_is_found_and_named(store: Store) -> None:
    one = finished(store, seed=4)
    (file,) = store.files(one["test"])
    path = store.objects.path(one.directory, file.path)
    data = bytearray(store.objects.read(path))
    data[len(data) // 2] ^= 1
    store.objects.write(path, bytes(data))
    with pytest.raises(ValueError, match=r"test\.parquet is damaged"):
        store.records(one["test"], Problem)


def test_a_manifest_that_is_none_is_an_error_not_an_absence(store: Store) -> None:
    one = step("problems", WorldProblems(seed=5))
    store.objects.write(store.objects.path(one.directory, "manifest.json"), b"{")
    with pytest.raises(ValueError, match="is not a manifest"):
        store.manifest(one)


def test_records_of_another_type_are_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="columns"):
        store.records(finished(store, seed=6)["test"], Demonstration)


def test_plan_says_what_differs_from_the_nearest_finished_step(store: Store) -> None:
    finished(store)
    named = replace(finished(store), contents=(("test", "0" * 64),))  # as identified_steps names it by its rows
    graded = step("scores", Grade(answers=Answers()), problems=named["test"])
    ((done,), (changed,)) = (plan([one], store) for one in (finished(store), step("problems", WorldProblems(seed=8))))
    assert (done.state, changed.state) == ("done", "run")
    assert changed.why == "nearest finished: recipe.seed: 0 -> 8"
    assert plan([graded], store)[0].why == "not in the store"


def test_a_store_that_cannot_be_written_says_so() -> None:
    with pytest.raises(ValueError, match=r"the store /proc/nowhere cannot be written .* choose another --store"):
        Store(check_writable(Objects("/proc/nowhere")))


@pytest.mark.parametrize(
    "url",
    [
        "s3://AKIA:hidden@bucket/runs",
        "s3://AKIA@bucket",
        "s3://AKIA:hid/den+hidden@bucket/runs",  # a slash ends a URL's host, and secret keys have them
        "s3://AKIA:hidden#hidden@bucket/runs",
        "https://bucket.example/a.jsonl?X-Amz-Credential=AKIA&X-Amz-Signature=hidden",
        "https://example.org/a.jsonl?v=1&token=hidden",
    ],
)
def test_credentials_in_a_url_are_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ValueError, match="remove them, and set AWS_ACCESS_KEY_ID") as refused:
        Store.at(url)
    with pytest.raises(ValueError, match=r"--set strong\.name: .*remove them, and set AWS_ACCESS_KEY_ID") as set_field:
        set_fields(load("quickstart"), [f"strong.name={url}"])
    with pytest.raises(ValueError, match="did you mean name") as unknown:
        set_fields(load("quickstart"), [f"strong.nmae={url}"])
    with pytest.raises(ValueError, match="--set") as no_field:
        set_fields(load("quickstart"), [url])
    for told in (refused.value, set_field.value, unknown.value, no_field.value):
        assert "hidden" not in str(told) and "AKIA" not in str(told)


@pytest.mark.parametrize(
    "url",
    ["s3://bucket/runs@1", "hf://datasets/me/name@main/a.jsonl", "s3://bucket/a:b", "https://example.org/a.jsonl?v=1"],
)
def test_other_signs_in_a_url_are_no_credentials(url: str) -> None:
    assert not has_credentials(url)


def test_settings_come_from_the_usual_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    assert Objects("s3://bucket/runs").s3 == S3()
    assert "endpoint_url" not in S3().options() and "s3" not in S3().options()["config_kwargs"]
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://general:1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert S3.from_environment() == S3("http://general:1", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://special:1")
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    settings = S3.from_environment()
    assert settings == S3("http://special:1", "eu-north-1")
    config = settings.options()["config_kwargs"]
    assert config["retries"] == {"mode": "adaptive", "max_attempts": 10} and config["s3"] == {
        "addressing_style": "path"
    }
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://AKIA:hidden@special:1")
    with pytest.raises(ValueError, match="AWS_ENDPOINT_URL carries credentials"):
        Store.at("s3://bucket/runs")


def test_a_store_travels_with_its_server_and_without_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "marker-secret")
    store = Store(Objects("s3://bucket/runs", exclusive=True))
    sent = pickle.dumps(store)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:2")
    assert pickle.loads(sent) == store and b"marker-secret" not in sent


def test_a_relative_store_is_the_same_from_every_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store.at("store")
    one = finished(store)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert store.records(one["test"], Problem) == PROBLEMS


def test_another_adapter_under_the_same_fingerprint_has_another_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray_jobs.models.folders import trained_folder

    monkeypatch.setenv("W2S_CACHE", str(tmp_path / "cache"))
    one = step("made", WorldProblems())
    folders = []
    for name in (b"one", b"two"):
        store = Store.at(str(tmp_path / name.decode()))
        attempt = Attempt(store, one)
        attempt.add("model", f"{attempt.name}/model/adapter.bin", name)
        attempt.commit({})
        folders.append(trained_folder(store, one["model"]))
    assert [(folder / "adapter.bin").read_bytes() for folder in folders] == [b"one", b"two"]


def test_a_cache_that_others_can_write_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from w2s.data.location import cache_folder

    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    monkeypatch.setenv("W2S_CACHE", str(tmp_path / "open"))
    with pytest.raises(ValueError, match="W2S_CACHE"):
        cache_folder()
