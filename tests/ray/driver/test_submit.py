"""`w2s submit` on a real Ray head: it follows a job, finds it again, and submits again only after a lost driver."""

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from tests.conftest import ROOT, wait_for
from tests.ray.driver.test_faults import completions
from tests.ray.driver.test_kill import manifest

pytestmark = pytest.mark.ray
MARKER = "marker-of-a-secret-0123456789"
JOBS = """
from ray.job_submission import JobSubmissionClient
for job in JobSubmissionClient().list_jobs():
    print(job.submission_id, job.status, job)
"""


def submit(cluster: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "ray_jobs.cli", "submit", "quickstart", *arguments]
    environment = cluster | {"AWS_SECRET_ACCESS_KEY": MARKER, "HF_HUB_OFFLINE": "1"}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def jobs(cluster: dict[str, str]) -> str:
    return subprocess.run([sys.executable, "-c", JOBS], env=cluster, capture_output=True, text=True, check=True).stdout


def drivers(store: Path) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if "ray_jobs.run" in command and str(store) in command:
            found.append(process)
    return found


def test_a_killed_driver_is_submitted_again_and_a_user_may_leave(cluster: dict[str, str], store_folder: Path) -> None:
    chosen = [
        "--store",
        str(store_folder),
        "--set",
        "problems.test=240",
        "problems.train_1=8",
        "problems.train_2=8",
        "--only",
        "test_strong_base",
    ]
    chosen += ["--resources", "local,problems_per_block=8,max_num_seqs=8"]
    first = submit(cluster, *chosen)
    wait_for(lambda: len(list(store_folder.glob("steps/*/blocks/*.parquet"))) >= 2, 400, "the first blocks")
    first.send_signal(signal.SIGINT)
    _, said = first.communicate(timeout=60)
    assert first.returncode == 130 and "follows it again" in said, said
    second = submit(cluster, *chosen)
    assert second.stderr
    # Only a job that is followed when it is killed counts as lost.
    first_line = next(line for line in second.stderr if line.startswith("w2s:"))
    assert "is running: following it" in first_line, first_line
    wait_for(lambda: len(list(store_folder.glob("steps/*/blocks/*.parquet"))) >= 6, 400, "more blocks")
    (driver,) = drivers(store_folder)
    blocks = {path: path.stat().st_mtime_ns for path in store_folder.glob("steps/*/blocks/*.parquet")}
    listed = " ".join(" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))
    os.kill(driver.pid, signal.SIGKILL)
    shown, said = second.communicate(timeout=400)
    assert second.returncode == 0, shown + said
    assert "was lost" in said and said.count("submitted quickstart-") == 1, said
    assert "there already" in shown and "240 completions" in shown, shown
    assert (
        len(completions(store_folder, "test_strong_base"))
        == 240
        == manifest(store_folder, "test_strong_base")[1]["rows"]["completions"]
    )  # type: ignore[index]
    assert len(blocks) < 30 and all(path.stat().st_mtime_ns == stamp for path, stamp in blocks.items())
    known = jobs(cluster)
    assert known.count("HF_HUB_OFFLINE") >= 2 and MARKER not in known + listed + shown + said


def test_a_mistake_is_not_submitted_again(cluster: dict[str, str]) -> None:
    before = jobs(cluster).count("JobStatus.FAILED")
    job = submit(cluster, "--store", "/proc/no/store", "--attempts", "3")
    shown, said = job.communicate(timeout=120)
    assert job.returncode == 2 and "cannot be written" in shown, shown + said
    assert said.count("submitted quickstart-") == 1 and jobs(cluster).count("JobStatus.FAILED") <= before + 2, said


class NoWebsockets(BaseHTTPRequestHandler):
    """A proxy before the job server that, like many proxies, rejects websockets."""

    upstream = ""

    def do_GET(self) -> None:
        if "Upgrade" in self.headers:
            return self._answer(400, b"no websockets here")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in ("host", "content-length", "connection")
        }
        request = urllib.request.Request(self.upstream + self.path, body, headers, method=self.command)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                self._answer(answer.status, answer.read())
        except urllib.error.HTTPError as error:
            self._answer(error.code, error.read())

    do_POST = do_PUT = do_GET

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


def test_a_job_ends_where_only_its_log_cannot_be_had(cluster: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NoWebsockets, "upstream", cluster["RAY_API_SERVER_ADDRESS"])
    with ThreadingHTTPServer(("127.0.0.1", 0), NoWebsockets) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        job = submit(cluster, "--store", "/proc/no/other/store", "--address", f"http://127.0.0.1:{proxy.server_port}")
        _, said = job.communicate(timeout=240)
        proxy.shutdown()
    assert job.returncode == 2 and said.count("cannot be followed") == 1 and "ray job logs quickstart-" in said, said


def test_a_cluster_that_is_not_there_is_said(cluster: dict[str, str], store_folder: Path) -> None:
    job = submit(cluster, "--store", str(store_folder), "--address", "http://127.0.0.1:9")
    _, said = job.communicate(timeout=300)
    assert job.returncode == 2 and "--address" in said and "Traceback" not in said, said


def test_a_file_outside_the_checkout_comes_with_its_folder(cluster: dict[str, str], tmp_path: Path) -> None:
    """Its neighbours are importable in the job, w2s comes as a module, the step records this code's commit, and the
    trackers' variables reach the job where TensorBoard is installed."""
    tracked = ["--track", "tensorboard"] if find_spec("tensorboard") else []
    (tmp_path / "sizes.py").write_text("CHANGES = {'train_1': 8, 'train_2': 8, 'test': 8}\n")
    (tmp_path / "mine.py").write_text(
        "from w2s.experiments.quickstart import quickstart\n\n\n"
        "def mine():\n"
        "    import sizes\n"
        "    shipped = quickstart()\n"
        "    problems = shipped.problems.model_copy(update=sizes.CHANGES)\n"
        "    return shipped.model_copy(update={'name': 'mine', 'problems': problems})\n"
    )
    command = [sys.executable, "-m", "ray_jobs.cli", "submit", "mine.py:mine", "--store", str(tmp_path / "store")]
    done = subprocess.run(
        [*command, "--only", "problems", *tracked],
        cwd=tmp_path,
        env=cluster
        | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}", "W2S_COMMIT": "c" * 40}
        | {"TENSORBOARD_LOGGING_DIR": str(tmp_path / "curves")},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (found,) = (tmp_path / "store/steps").glob("worldproblems-*/manifest.json")
    assert json.loads(found.read_text())["code_commit"] == "c" * 40
    if tracked:
        (events,) = (tmp_path / "curves").rglob("events.out.tfevents.*")
        assert f"tracked in tensorboard: {events.parent}" in done.stdout
        assert b"problems.train_1" in events.read_bytes(), "the settings of the run"
