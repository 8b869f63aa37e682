"""The store behind a server that fails: nothing is lost, nothing done twice, and creates stay exclusive."""

import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ray_jobs.runtime.logs import RunLog
from tests.s3.conftest import bucket
from tests.s3.proxy import KINDS, FaultProxy
from tests.s3.servers import Server
from w2s.graph.step import step
from w2s.recipe import WorldProblems
from w2s.records import Problem
from w2s.store.attempt import Attempt
from w2s.store.maintenance.verify import verify
from w2s.store.objects.objects import Objects, in_parallel
from w2s.store.objects.probes import check_writable
from w2s.store.objects.s3 import S3
from w2s.store.store import Store

pytestmark = pytest.mark.s3
SEED = int(os.environ.get("SEED", "20261124"))
RATES = {"error_500": 0.04, "slow_down": 0.01, "reset": 0.04, "slow": 0.03, "cut": 0.04, "lost": 0.1}
OBJECTS = int(os.environ.get("N", "60"))


@pytest.fixture(params=["moto", "rclone"])
def behind(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Store, Store, FaultProxy]]:
    """(the store through a proxy, the same directly, the proxy); faults begin when the test sets its rates."""
    server: Server = request.getfixturevalue(request.param)
    direct = Store(check_writable(Objects(bucket(server, tmp_path, monkeypatch))))
    with FaultProxy(server.endpoint, SEED) as proxy:
        through_proxy = replace(direct.objects, s3=S3(proxy.endpoint, "us-east-1"))
        yield replace(direct, objects=through_proxy), direct, proxy
        print(f"seed {SEED}: {dict(proxy.faults)} in {proxy.requests.total()} requests")


def test_writes_creates_and_reads_survive_every_kind_of_fault(behind: tuple[Store, Store, FaultProxy]) -> None:
    store, direct, proxy = behind
    proxy.rates = RATES
    names = [f"objects/{number:04d}" for number in range(OBJECTS)]
    content = {name: name.encode() * (1 + number * 40) for number, name in enumerate(names)}
    created = in_parallel(lambda name: store.objects.create(store.objects.path(name), content[name]), names)
    assert all(created), "a writer must know its own object again after a lost answer"
    again = in_parallel(lambda name: store.objects.create(store.objects.path(name), b"another"), names)
    assert not any(again), "an object was created twice"
    assert in_parallel(lambda name: store.objects.read(store.objects.path(name)), names) == [
        content[name] for name in names
    ]
    assert {kind for kind in KINDS if kind != "slow_down" and not proxy.faults[kind]} == set(), proxy.faults
    assert {
        entry.path: direct.objects.read(entry.path) for entry in direct.objects.tree(direct.objects.path("objects"))
    } == {direct.objects.path(name): data for name, data in content.items()}


def test_every_answer_to_a_write_is_lost_once(behind: tuple[Store, Store, FaultProxy]) -> None:
    store, direct, proxy = behind
    for number in range(5):
        proxy.rates = {"lost": 1.0}
        with ThreadPoolExecutor(1) as pool:
            made = pool.submit(store.objects.create, store.objects.path(f"lost/{number}"), f"mine {number}".encode())
            while not direct.objects.fs.exists(direct.objects.path(f"lost/{number}")):
                pass
            proxy.rates = {}
            assert made.result(60), "the retry did not know its own first try"
        assert not store.objects.create(store.objects.path(f"lost/{number}"), b"another's")
    assert proxy.faults["lost"] >= 5


def test_an_object_in_parts_survives_lost_answers(
    behind: tuple[Store, Store, FaultProxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer to the end of an upload that is lost: rclone (v1.74.4) then says that there is no such upload."""
    monkeypatch.setattr(
        "w2s.store.objects.objects.PART", 5 << 20
    )  # the smallest that S3 takes; from twice this on an object goes in parts
    store, direct, proxy = behind
    data = random.Random(SEED).randbytes(11 << 20)
    for number in range(6):
        proxy.rates = {"lost": 0.3}
        store.objects.write(store.objects.path(f"large/{number}"), data)
        proxy.rates = {}
        assert direct.objects.read(direct.objects.path(f"large/{number}")) == data
    assert proxy.faults["lost"] >= 5 and proxy.requests["POST"] >= 12, "no object went in parts"


def test_what_is_not_whole_is_no_success(
    behind: tuple[Store, Store, FaultProxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _, _ = behind
    path = store.objects.path("large/other")
    store.objects.write(path, b"another writer's")

    def gone(*_: object, **named: object) -> None:
        raise FileNotFoundError("NoSuchUpload")

    monkeypatch.setattr(store.objects.fs, "pipe_file", gone)
    for name in (path, store.objects.path("large/none")):
        with pytest.raises(FileNotFoundError):
            store.objects.write(name, b"mine")


def test_of_commits_at_the_same_moment_one_stands_whatever_fails(behind: tuple[Store, Store, FaultProxy]) -> None:
    store, direct, proxy = behind
    proxy.rates = RATES
    for seed in range(3):
        one = step("problems", WorldProblems(seed=seed))
        attempts = [Attempt(store, one) for _ in range(4)]
        for number, attempt in enumerate(attempts):
            attempt.write_records("test", [Problem(str(number), "q")], Problem)
        results = in_parallel(lambda attempt: attempt.commit({}), attempts)
        manifest = direct.manifest(one)
        assert manifest is not None and manifest.attempt in {attempt.name for attempt in attempts}
        if store.objects.exclusive:
            assert {result.attempt for result in results} == {manifest.attempt}
    assert not any(checked.findings for checked in verify(direct))
    assert not any(checked.findings for checked in verify(store)), "a fault was taken for damage"


def test_a_log_that_cannot_be_stored_does_not_hide_what_ended_the_run(
    moto: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    store = replace(Store.at(bucket(moto, tmp_path, monkeypatch)), run="of-the-test")

    def away(*_: object) -> None:
        raise OSError("the server is away")

    monkeypatch.setattr(Objects, "write", away)
    with pytest.raises(RuntimeError, match="what ended the run"), RunLog(store) as log:
        os.write(1, b"a library's word\n")
        raise RuntimeError("what ended the run")
    said = capfd.readouterr().out
    assert "the server is away" in said and str(log.local) in said and log.local.read_text() == "a library's word\n"


def test_a_log_in_the_store_leaves_no_copy_on_this_machine(
    moto: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = replace(Store.at(bucket(moto, tmp_path, monkeypatch)), run="of-the-test")
    with RunLog(store) as log:
        os.write(1, b"a library's word\n")
    assert store.objects.read(store.objects.path(log.name)) == b"a library's word\n"
    assert not log.local.parent.exists()


def test_a_server_that_stays_away_is_an_error_that_names_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("w2s.store.objects.s3.RETRIES", 1)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAW2STESTKEY000001")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "marker-secret-of-the-test")
    with pytest.raises(ValueError, match=r"s3://nowhere/runs cannot be written .* choose another --store") as refused:
        Store(check_writable(Objects("s3://nowhere/runs", s3=S3("http://127.0.0.1:9", "us-east-1"))))
    assert "marker-secret" not in str(refused.value)
