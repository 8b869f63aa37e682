"""A store in a folder, on moto and on rclone: every test of this folder that takes `store` runs on all three."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.s3.servers import Server, serve
from w2s.store.objects.objects import Objects
from w2s.store.objects.probes import check_writable
from w2s.store.store import Store

KINDS = ["folder", pytest.param("moto", marks=pytest.mark.s3), pytest.param("rclone", marks=pytest.mark.s3)]


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve("moto", tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve("rclone", tmp_path_factory.mktemp("rclone")) as server:
        yield server


def bucket(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a new bucket, with this process's environment set for its server."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    name = f"bucket-{tmp_path.name.replace('_', '-').lower()[-40:].strip('-')}"
    server.make_bucket(name)
    return f"s3://{name}/runs"


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    if request.param == "folder":
        return Store(check_writable(Objects(str(tmp_path / "store"))))
    return Store(check_writable(Objects(bucket(request.getfixturevalue(request.param), tmp_path, monkeypatch))))
