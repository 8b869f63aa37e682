"""The whole method, small, as a job of a Ray cluster; then every promise about reruns that the finished store must keep."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, SMALL, w2s

pytestmark = pytest.mark.ray
RAY = str(Path(sys.executable).parent / "ray")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A Ray head of its own with a dashboard for the jobs API, all on loopback, with a token nobody else has."""
    port, dashboard, agent = free_port(), free_port(), free_port()
    temporary = f"/tmp/w2s-ray-{port}"  # Ray's socket paths must be short
    environment = os.environ | {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # else Ray takes this machine's own address for 127.0.0.1
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": "f" * 64,
        "RAY_ADDRESS": f"127.0.0.1:{port}",
        "RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{dashboard}",
    }
    head = [RAY, "start", "--head", "--block", f"--port={port}", f"--dashboard-port={dashboard}", "--dashboard-host=127.0.0.1"]
    head += [
        "--node-ip-address=127.0.0.1",
        f"--dashboard-agent-listen-port={agent}",
        "--num-cpus=2",
        f"--temp-dir={temporary}",
        "--disable-usage-stats",
    ]
    log = (tmp_path_factory.mktemp("head") / "log").open("w")
    starting = {key: value for key, value in environment.items() if key != "RAY_ADDRESS"}
    process = subprocess.Popen(head, env=starting, stdout=log, stderr=log)
    try:
        yield environment
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="module")
def store(cluster: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a quickstart, small, that was run by `ray job submit`."""
    folder = tmp_path_factory.mktemp("job") / "store"
    command = [RAY, "job", "submit", "--working-dir", str(ROOT), "--", sys.executable, "-m", "ray_jobs.run", "quickstart"]
    command += ["--store", str(folder), "--set", *SMALL]
    last = None
    for _ in range(10):  # the dashboard takes some seconds to answer
        last = subprocess.run(command, env=cluster, capture_output=True, text=True, timeout=1500)
        if "succeeded" in last.stdout or folder.exists():
            break
        time.sleep(3)
    assert last is not None and last.returncode == 0, f"{last and last.stdout}\n{last and last.stderr}"
    assert "PGR" in last.stdout
    return folder


def manifests(store: Path) -> dict[str, dict[str, object]]:
    read = [json.loads(path.read_text()) for path in store.glob("steps/*/manifest.json")]
    return {one["step"]: one for one in read}


def test_the_report_of_a_submitted_job_is_in_the_store(store: Path) -> None:
    (path,) = store.glob("steps/report-*/*/report.json")
    report = json.loads(path.read_text())
    names = [model["model"] for model in report["models"]]
    assert names[0] == "weak_floor" and {"weak_icl", "full_weak_ft", "hybrid_ft_1", "hybrid_ft_2", "dpo", "orpo", "ceiling"} <= set(names)
    assert all(model["total"] == 24 for model in report["models"])
    (page,) = store.glob("steps/report-*/*/report.html")
    assert page.read_text().startswith("<!")


def test_every_step_left_a_manifest_with_its_counts(store: Path) -> None:
    found = manifests(store)
    assert found["sampled"]["rows"] == {"completions": 48 * 4}
    for name in ("weak_sft", "hybrid_ft_2", "dpo", "orpo"):
        counts = found[name]["counts"]
        assert isinstance(counts, dict) and counts["examples"] > 0 and counts["world_size"] == 2, (name, counts)


def test_models_of_one_base_are_scored_in_one_engine_start(store: Path) -> None:
    (log,) = store.glob("logs/*.log")
    starts = log.read_text(errors="replace").count("Initializing a V1 LLM engine")
    assert starts == 5, f"{starts} engine starts: weak, weak ICL, iteration 2, samples and scores make five"


def test_a_second_run_does_nothing_and_starts_no_ray(store: Path) -> None:
    logs = list(store.glob("logs/*"))
    began = time.monotonic()
    done = w2s("run", "quickstart", "--store", str(store), "--set", *SMALL, RAY_ADDRESS="127.0.0.1:1")
    assert "nothing to do" in done.stdout and "PGR" in done.stdout
    assert time.monotonic() - began < 10
    assert list(store.glob("logs/*")) == logs


def test_another_beta_costs_one_training_and_its_scores(store: Path) -> None:
    plan = w2s("plan", "quickstart", "--store", str(store), "--set", *SMALL, "dpo.beta=0.77").stdout
    to_run = [line.split()[1] for line in plan.splitlines() if line.startswith("run ")]
    assert sorted(to_run) == ["dpo", "report", "scores", "test_dpo"]
    assert "recipe.preference.beta" in plan and "-> 0.77" in plan
