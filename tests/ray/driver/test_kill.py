"""A driver killed during sampling and training: its processes end, and the next run does only what is missing."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from ray_jobs.api import read
from tests.conftest import ROOT, w2s, wait_for

pytestmark = pytest.mark.ray


def start(store: Path, *arguments: str, output: Path = Path(os.devnull)) -> subprocess.Popen[bytes]:
    """`w2s run quickstart` in a process group of its own."""
    command = [sys.executable, "-m", "ray_jobs.cli", "run", "quickstart", "--store", str(store), *arguments]
    with output.open("wb") as file:
        return subprocess.Popen(command, cwd=ROOT, env=marked(store), stdout=file)


def marked(store: Path) -> dict[str, str]:
    """An environment that marks all processes of a run for `left_over`. SPT_NOENV keeps setproctitle from overwriting
    it."""
    return os.environ | {"W2S_MARK": str(store), "SPT_NOENV": "1"}


def wait_for_files(driver: subprocess.Popen[bytes], store: Path, pattern: str, count: int) -> None:
    """Wait until the running driver has written so many files."""
    wait_for(lambda: driver.poll() is not None or len(list(store.glob(pattern))) >= count, 600, pattern)
    assert driver.poll() is None, f"the driver ended with {driver.returncode} before there were {count} {pattern}"


def kill(driver: subprocess.Popen[bytes], store: Path) -> None:
    """Kill the driver alone and check that all processes it had started end by themselves."""
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    wait_until_gone(store, AGENTS)


AGENTS = ("ray::DashboardAgent", "ray::RuntimeEnvAgent")
"""Ray's agents, which have no children: after their raylet's death they live for a minute
(ray_jobs/runtime/local_ray.py)."""


def wait_until_gone(store: Path, but: tuple[str, ...] = (), seconds: float = 60) -> None:
    """Wait until all processes of the run for `store` have ended, except those whose titles start with `but`."""
    end = time.monotonic() + seconds
    while left := [process for process in left_over(store) if not process.startswith(but)]:
        assert time.monotonic() < end, f"still there after {seconds:.0f} s: {'; '.join(left)}"
        time.sleep(0.2)


def left_over(store: Path) -> list[str]:
    """Living processes of the run for `store`: command line, pid, state and parent."""
    found: list[str] = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("W2S_MARK") == str(store) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(
                    f"{' '.join(process.cmdline()).strip()[:120]} "
                    f"(pid {process.pid}, {process.status()}, of {process.ppid()})"
                )
        except psutil.Error:
            continue
    return found


def manifest(store: Path, step: str) -> tuple[Path, dict[str, Any]]:
    for path in store.glob("steps/*/manifest.json"):
        found = json.loads(path.read_text())
        if found["step"] == step:
            return path.parent, found
    raise AssertionError(f"{step} is not finished")


UNDER_A_FIRST_PROCESS_THAT_REAPS_NOBODY = """
import ctypes, subprocess, sys
assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0  # PR_SET_CHILD_SUBREAPER: this process adopts orphans
driver = subprocess.run([sys.executable, "-c", sys.argv[1]])
print(driver.returncode, flush=True)
sys.stdin.read()
"""
WORKERS_AND_A_KILLED_DRIVER = """
import os, signal
from ray_jobs.runtime import local_ray
local_ray.start()
import ray
busy = ray.remote(num_cpus=0)(type("Busy", (), {"__call__": lambda self: os.getpid()}))
assert ray.get(busy.remote().__call__.remote()) != os.getpid()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_workers_of_a_killed_driver_end_though_nobody_asks_for_their_raylets_exit_code(store_folder: Path) -> None:
    command = [sys.executable, "-c", UNDER_A_FIRST_PROCESS_THAT_REAPS_NOBODY, WORKERS_AND_A_KILLED_DRIVER]
    first = subprocess.Popen(
        command, cwd=ROOT, env=marked(store_folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert first.stdout and first.stdout.readline() == f"{-signal.SIGKILL}\n"
        ended = psutil.STATUS_ZOMBIE
        wait_for(
            lambda: ("raylet", ended) in {(one.name(), one.status()) for one in psutil.Process(first.pid).children()},
            10,
            "the raylet's end",
        )
        wait_until_gone(store_folder, (sys.executable, *AGENTS), 10)
    finally:
        first.communicate()


OWN_RECIPE = [
    "recipe=w2s",
    "sampled.n=3",
    "icl_sampled.n=3",
    "committee=2",
    "labels.choose_prompt=true",
    'more_samples={"n":2,"margin":0.5,"budget":20}',
    "pairs.min_confidence=0.4",
    "pairs.min_margin=0.1",
    "pairs.min_pairs=1",
    "labels.min_kept=1",
    "dpo.epochs=2",
    "orpo=none",
    "problems.train_1=32",
    "problems.train_2=160",
    "problems.test=8",
]


def test_killed_in_the_middle_of_sampling_and_of_training(store_folder: Path) -> None:
    """Of our own recipe with a committee, a choice of the prompt, adaptive samples and weighted pairs."""
    chosen = ["--set", *OWN_RECIPE, "--only", "dpo"]
    driver = start(store_folder, *chosen, "--resources", "local,problems_per_block=8,max_num_seqs=8")
    wait_for_files(driver, store_folder, "steps/*/blocks/*.parquet", 4)
    kill(driver, store_folder)
    before = {path: path.stat().st_mtime_ns for path in store_folder.glob("steps/*/blocks/*.parquet")}
    folders = {path.parent for path in before}
    assert 4 <= len(before) < 20 * len(folders), f"{len(before)} blocks: the kill came too late to prove anything"
    plan = w2s("plan", "quickstart", "--store", str(store_folder), *chosen).stdout
    assert "resume plain_" in plan

    # The next run asks for another block size, but must keep the first run's.
    resources = ["--resources", "local,problems_per_block=64,save_minutes=0.03"]
    output = store_folder.with_suffix(".log")
    driver = start(store_folder, *chosen, *resources, output=output)
    wait_for_files(driver, store_folder, "steps/prefer-*/training/*.safetensors", 1)
    kill(driver, store_folder)
    assert "there already" in output.read_text()
    after = {path: path.stat().st_mtime_ns for folder in folders for path in folder.glob("*.parquet")}
    assert len(after) == 20 * len(folders) and all(after[path] == stamp for path, stamp in before.items()), (
        "a finished block was sampled again"
    )
    plan = w2s("plan", "quickstart", "--store", str(store_folder), *chosen).stdout
    assert "resume dpo" in plan and "done   pairs" in plan, plan

    w2s("run", "quickstart", "--store", str(store_folder), *chosen, *resources)
    folder, found = manifest(store_folder, "dpo")
    counts = found["counts"]
    assert isinstance(counts, dict)
    assert 0 < counts["resumed_at_step"] < counts["steps"], f"the training started again: {counts}"
    assert not (folder / "training").exists()
    assert "0 to run" in w2s("plan", "quickstart", "--store", str(store_folder), *chosen).stdout

    run = read("quickstart", str(store_folder), OWN_RECIPE)
    for name, samples in (("plain_samples", 3), ("plain_completions", 1), ("icl_samples", 3)):
        rows = [(row.problem_id, row.sample) for row in run.rows(name, "completions")]
        assert len(rows) == len(set(rows)) == 160 * samples == manifest(store_folder, name)[1]["rows"]["completions"]
    outcomes = manifest(store_folder, "weak_committee")[1]["counts"]
    assert sum(outcomes.values()) == 160 == len(run.rows("weak_committee", "completions")), outcomes
    assert run.document("labels_1", "summary")["prompt"]["consistency_without"] > 0
    asked = [row.problem_id for row in run.rows("open_votes", "train_2")]
    more = [row.problem_id for row in run.rows("more_samples", "completions")]
    assert len(asked) == 10 and sorted(more) == sorted([*asked, *asked])
    votes = {row.problem_id: row.samples for row in run.rows("pairs", "consensus")}
    assert all(votes[problem] == 3 + 2 * (problem in asked) for problem in votes)
    weights = {row.confidence for row in run.rows("pairs", "pairs")}
    trained = manifest(store_folder, "dpo")[1]["recipe"]
    assert len(weights) > 1 and trained["preference"]["weighted"], weights
