"""The whole method, small, as a job of a Ray cluster; then every promise about reruns that the finished store must keep."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT, SMALL, w2s
from tests.ray.conftest import RAY

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def store(cluster: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a quickstart, small, that was run by `ray job submit`."""
    folder = tmp_path_factory.mktemp("job") / "store"
    command = [RAY, "job", "submit", "--working-dir", str(ROOT), "--", sys.executable, "-m", "ray_jobs.run", "quickstart"]
    command += ["--store", str(folder), "--set", *SMALL]
    last = subprocess.run(command, env=cluster, capture_output=True, text=True, timeout=1500)
    assert last.returncode == 0, f"{last.stdout}\n{last.stderr}"
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
