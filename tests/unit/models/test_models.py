"""A base model that the hub does not give, with a stand-in for the hub on loopback: who must act, and the way out."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conftest import fresh, w2s
from w2s.recipe import Model

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ASK = f"""
from ray_jobs.models.folders import base_folder
from w2s.recipe import Model
try:
    folder = base_folder(Model(name="owner/name", revision="{COMMIT}"), weights=False)
    print(sorted(path.name for path in folder.iterdir()))
except Exception as error:
    print(isinstance(error, ValueError), error)
"""
CONFIG = b"{}"


class Hub(ThreadingHTTPServer):
    """Has one model: answers with `status` and the hub's own header `code`, or, where it is `listed`, at least to what
    lists its files."""

    status, code, listed = 200, "", True


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        hub = self.server
        is_list = "/tree/" in self.path
        status = 200 if is_list and hub.listed else hub.status
        listing = [{"type": "file", "path": "config.json", "size": len(CONFIG), "oid": "a" * 40}]
        body = b'{"error": "no"}' if status != 200 else json.dumps(listing).encode() if is_list else CONFIG
        self.send_response(status)
        for name, value in {
            "X-Repo-Commit": COMMIT,
            "ETag": '"aa"',
            "Content-Length": str(len(body)),
            "Content-Type": "application/json",
        }.items():
            self.send_header(name, value)
        if status != 200:
            self.send_header("X-Error-Code", hub.code)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def environment(hub: Hub, tmp_path: Path) -> dict[str, str]:
    return {
        "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}",
        "HF_HOME": str(tmp_path),
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
    }


@pytest.mark.slow
@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "GatedRepo", "GatedRepoError"),
        (403, "GatedRepo", "GatedRepoError"),
        (401, "", ""),
        (403, "", ""),
        (404, "RevisionNotFound", ""),
    ],
)
def test_what_the_hub_refuses_is_the_users(
    hub: Hub, tmp_path: Path, status: int, code: str, kind: str, listed: bool
) -> None:
    hub.status, hub.code, hub.listed = status, code, listed
    said = fresh(ASK, **environment(hub, tmp_path))
    assert said.startswith(f"True owner/name at revision {COMMIT}") and kind in said and said.count("\n") == 1, said
    assert "accept its licence" in said and "hf auth login" in said and "HF_TOKEN" in said and "give a folder" in said


@pytest.mark.slow
@pytest.mark.parametrize("status", [500, 429])
def test_what_may_pass_is_not(hub: Hub, tmp_path: Path, status: int) -> None:
    hub.status = status
    impatient = "import time; time.sleep = lambda seconds: None\n" + ASK
    assert fresh(impatient, **environment(hub, tmp_path)).startswith("False ")


@pytest.mark.slow
def test_the_hub_may_not_be_asked(hub: Hub, tmp_path: Path) -> None:
    said = fresh(ASK, **environment(hub, tmp_path) | {"HF_HUB_OFFLINE": "1"})
    assert said.startswith("True owner/name") and "OfflineModeIsEnabled" in said


@pytest.mark.slow
def test_a_model_that_may_be_had_is(hub: Hub, tmp_path: Path) -> None:
    assert fresh(ASK, **environment(hub, tmp_path)) == "['config.json']\n"


@pytest.mark.slow
def test_a_gated_model_ends_a_run_with_one_line(hub: Hub, tmp_path: Path) -> None:
    hub.status, hub.code = 401, "GatedRepo"
    chosen = ["--store", str(tmp_path / "store"), "--resources", "cluster-70b", "--only", "test_strong_base"]
    done = w2s("run", "gsm8k-llama2-7b", *chosen, check=False, **environment(hub, tmp_path))
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("w2s:")]
    assert (
        done.returncode == 2 and "GatedRepoError" in line and "hf auth login" in line and "Traceback" not in done.stderr
    ), done.stderr


def test_a_folder_that_this_node_has_not_is_said(tmp_path: Path) -> None:
    from ray_jobs.models.folders import base_folder

    with pytest.raises(ValueError, match=r"there is no folder .*nowhere on .*every node"):
        base_folder(Model(name=str(tmp_path / "nowhere"), revision="sha256:1"))


@pytest.mark.parametrize("error", [ConnectionError("reset\nby peer"), OSError("no space"), RuntimeError("")])
def test_before_anything_starts_every_failure_is_one_line(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    from ray_jobs.driver.checks import model as model_checks

    def fails(model: Model, weights: bool) -> Path:
        raise error

    monkeypatch.setattr(model_checks, "base_folder", fails)
    weak, use = Model(name="s3://b/m", revision="sha256:1"), model_checks.Use.of([], 0)
    with pytest.raises(ValueError, match=r"weak model s3://b/m cannot be fetched \(.*or give a folder") as caught:
        model_checks.check_model("weak", weak, use, 0)
    assert "\n" not in str(caught.value) and type(error).__name__ in str(caught.value)
