"""A small real run with its store in a bucket: rerun, changed and thinned, and no credential anywhere."""

import os
import secrets
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import psutil
import pytest

from tests.conftest import SMALL, w2s
from tests.s3.servers import serve
from w2s.store import Store

pytestmark = [pytest.mark.ray, pytest.mark.s3]
EXPERIMENT = ["quickstart", "--set", *SMALL, "iterations=1"]


class Lookout:
    """Notes every process's command line that holds the marker, as any user's `ps` would show it."""

    def __init__(self, marker: str) -> None:
        self.marker, self.seen, self.looks = marker, set[str](), 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Lookout":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.5):
            self.looks += 1
            for process in psutil.process_iter(["cmdline"]):
                line = " ".join(process.info["cmdline"] or [])
                if self.marker in line:
                    self.seen.add(line[:200])


def holding(marker: str, *folders: Path) -> list[str]:
    """Files below the folders that hold the marker; what vanishes meanwhile is passed over."""
    done = subprocess.run(["grep", "-rlaF", "--devices=skip", "-e", marker, *map(str, folders)], capture_output=True, text=True)
    return done.stdout.splitlines()


def test_a_run_in_a_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marker = f"MARKER{secrets.token_hex(16)}"
    with tempfile.TemporaryDirectory(prefix="w2s-ray-", dir="/tmp") as ray_folder, serve("moto", tmp_path / "moto", secret=marker) as server:
        server.make_bucket("runs")
        for name, value in (server.environment | {"RAY_TMPDIR": ray_folder, "TMPDIR": ray_folder, "W2S_CACHE": f"{ray_folder}/cache"}).items():
            monkeypatch.setenv(name, value)
        store = Store("s3://runs/small")
        where = ["--store", store.url]
        with Lookout(marker) as lookout:
            first = w2s("run", *EXPERIMENT, *where)
        assert "creates are exclusive" in first.stdout and lookout.looks > 10

        began = time.monotonic()
        again = w2s("run", *EXPERIMENT, *where)
        seconds = time.monotonic() - began
        print(f"rerun of a finished run in a bucket: {seconds:.1f} s")
        assert "nothing to do" in again.stdout and "started" not in again.stdout
        assert seconds < 10

        checked = w2s("verify", *where)
        assert "0 steps damaged, 0 inputs absent" in checked.stdout
        changed = w2s("plan", *EXPERIMENT, "dpo.beta=0.31", *where).stdout.splitlines()
        running = {line.split()[1] for line in changed if line.startswith(("run ", "resume "))}
        assert running == {"dpo", "test_dpo", "scores", "report"}

        (directory,) = [line.split()[2] for line in changed if line.split()[1] == "consistent_1"]
        store.remove_tree(store.path(directory))
        thinned = w2s("run", *EXPERIMENT, *where)
        assert "consistent_1, which nothing needs, nothing to do" in thinned.stdout
        assert "absent consistent_1" in w2s("plan", *EXPERIMENT, *where).stdout
        w2s("run", *EXPERIMENT, *where, "--only", "consistent_1")
        assert "absent" not in w2s("plan", *EXPERIMENT, *where).stdout

        (report,) = [path for path in (entry.path for entry in store.tree(store.path("steps"))) if path.endswith("/report.json")]
        store.write(report, store.read(report)[:-2])
        broken = w2s("run", *EXPERIMENT, *where, check=False)
        assert broken.returncode == 2 and "report.json is damaged" in broken.stderr and "--repair" in broken.stderr
        mended = w2s("run", *EXPERIMENT, *where, "--repair")
        assert "damaged: s3://runs/small/steps/report-" in mended.stdout and "1 of" in mended.stdout

        fake = w2s(
            "run", *EXPERIMENT, *where, check=False, AWS_ACCESS_KEY_ID="AKIAW2STESTKEY000001", AWS_ENDPOINT_URL=f"http://a:{marker}@127.0.0.1:1"
        )
        assert fake.returncode == 2 and marker not in fake.stdout + fake.stderr

        said = [done.stdout + done.stderr for done in (first, again, checked, thinned, broken, mended)]
        assert not any(marker in text for text in said)
        assert not lookout.seen, "a command line shows the secret"
        assert not [entry.path for entry in store.tree(store.path()) if marker.encode() in store.read(entry.path)]
        left = holding(marker, Path(ray_folder), tmp_path)
        assert not left, f"files with the secret: {left}"
        assert os.environ["AWS_SECRET_ACCESS_KEY"] == marker
