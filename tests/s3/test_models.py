"""A base model at a URL: fetched once a node, whole or not at all, and what a server refuses is said in one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import s3fs

from ray_jobs.driver.checks.model import Limit, Use, check_model
from ray_jobs.models.folders import base_folder
from tests.conftest import ROOT, wait_for
from tests.s3.conftest import bucket
from tests.s3.proxy import FaultProxy
from tests.s3.servers import Server, free_port
from w2s.recipe import Model

pytestmark = pytest.mark.s3
SEED = int(os.environ.get("SEED", "20261124"))
LIGHT = {"config.json": b"{}", "tokenizer.json": b"{}"}
FILES = LIGHT | {f"model-{number}.safetensors": os.urandom(1 << 20) for number in range(3)}
FETCH = """
import asyncio, sys, s3fs
from ray_jobs.models.folders import base_folder
from w2s.recipe import Model
original = s3fs.S3FileSystem._get_file
async def slow(self, path, *rest, **options):
    with open(sys.argv[2], "a") as file:
        file.write(path + "\\n")
    await original(self, path, *rest, **options)
    await asyncio.sleep(float(sys.argv[3]))
s3fs.S3FileSystem._get_file = slow
print(base_folder(Model(name=sys.argv[1], revision="sha256:1")))
"""
"""argv: the model's URL, a file that names each file fetched, seconds that each takes longer."""


@pytest.fixture(params=["moto", "rclone"])
def model(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    """A model in a new bucket, and an empty cache."""
    server: Server = request.getfixturevalue(request.param)
    url = bucket(server, tmp_path, monkeypatch)
    client = server.client()
    for name, data in (FILES | {"pytorch_model.bin": b"pickled"}).items():
        client.put_object(Bucket=url.split("/")[2], Key=f"runs/{name}", Body=data)
    client.close()
    monkeypatch.setenv("W2S_CACHE", str(tmp_path / "cache"))
    return Model(name=url, revision="sha256:1")


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def fetch(model: Model, fetched: Path, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", FETCH, model.name, str(fetched), str(seconds)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_a_model_at_a_url_is_a_local_folder(model: Model) -> None:
    assert content(base_folder(model, weights=False)) == LIGHT
    folder = base_folder(model)
    assert content(folder) == FILES and base_folder(model) == folder
    assert content(base_folder(model.model_copy(update={"revision": "sha256:2"}))) == FILES


def test_cut_and_refused_answers_do_not_end_a_download(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        s3fs.S3FileSystem, "default_block_size", 1 << 18
    )  # larger files may come in ranges, which would not be asked again
    with FaultProxy(os.environ["AWS_ENDPOINT_URL"], SEED, {"cut": 0.3, "reset": 0.1, "error_500": 0.1}) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        for number in range(4):
            assert content(base_folder(model.model_copy(update={"revision": f"sha256:{number}"}))) == FILES
    print(f"seed {SEED}: {dict(proxy.faults)} in {proxy.requests.total()} requests")
    assert proxy.faults["cut"] >= 3, proxy.faults


def test_four_processes_at_once_download_once(model: Model, tmp_path: Path) -> None:
    fetched = tmp_path / "fetched"
    said = {process.communicate(timeout=120)[0] for process in [fetch(model, fetched, 0.3) for _ in range(4)]}
    (folder,) = said
    assert content(Path(folder.strip())) == FILES
    assert sorted(path.rsplit("/", 1)[1] for path in fetched.read_text().splitlines()) == sorted(FILES), (
        "each file once"
    )


def test_a_killed_download_is_begun_anew_and_leaves_nothing(model: Model, tmp_path: Path) -> None:
    killed = fetch(model, tmp_path / "fetched", 600)
    wait_for(lambda: any((tmp_path / "cache").glob("*.tmp/*")), 60, "the first file")
    (temporary,) = (tmp_path / "cache").glob("*.tmp")
    waiting = fetch(model, tmp_path / "fetched_by_the_next", 0)
    (temporary / "other.safetensors").write_bytes(b"of an older copy")
    assert waiting.poll() is None
    killed.kill()
    killed.communicate()
    folder = Path(waiting.communicate(timeout=60)[0].strip())
    assert content(folder) == FILES
    assert [path.name for path in folder.parent.iterdir() if path.is_dir()] == [folder.name]


@pytest.mark.parametrize(
    ("name", "environment"),
    [
        ("s3://no-such-bucket/runs", {}),
        ("{url}/nothing/here", {}),
        ("{url}", {"AWS_SECRET_ACCESS_KEY": "wrong"}),
        ("nosuch://bucket/model", {}),
    ],
)
def test_what_the_user_must_change_is_a_value_error(
    rclone: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, environment: dict[str, str]
) -> None:
    url = bucket(rclone, tmp_path, monkeypatch)
    for variable, value in (environment | {"W2S_CACHE": str(tmp_path / "cache")}).items():
        monkeypatch.setenv(variable, value)
    name = name.format(url=url)
    with pytest.raises(ValueError, match="cannot be fetched") as caught:
        base_folder(Model(name=name, revision="sha256:1"))
    assert (
        name in str(caught.value)
        and "check the URL, its credentials" in str(caught.value)
        and "\n" not in str(caught.value)
    )


def test_a_server_that_is_away_is_worth_trying_again_but_not_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = Server("none", f"http://127.0.0.1:{free_port()}", "key", "secret", None).environment  # type: ignore[arg-type]
    for variable, value in (environment | {"W2S_CACHE": str(tmp_path)}).items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr("w2s.store.objects.s3.RETRIES", 1)
    model = Model(name="s3://bucket/model", revision="sha256:1")
    with pytest.raises(Exception, match="Could not connect") as caught:
        base_folder(model)
    assert not isinstance(caught.value, ValueError)
    with pytest.raises(
        ValueError, match=r"strong model s3://bucket/model cannot be fetched \(\w+: Could not connect.*run again"
    ):
        use = Use(False, frozenset(), True, False, Limit(8, ""), Limit(1, ""), 0)
        check_model("strong", model, use, 0)
