"""Faults in the middle of sampling that a run mends by itself: a request that kills its engine, a killed engine, a killed actor."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from ray_jobs.models import base_folder
from ray_jobs.tokens import Tokens, load_tokenizer
from tests.conftest import ROOT, w2s, wait_for
from tests.ray import engine_plugin
from tests.ray.test_kill import left_over, manifest
from w2s.experiments.quickstart import quickstart
from w2s.records import Completion, Problem
from w2s.store import Store

pytestmark = pytest.mark.ray
CHOSEN = ["quickstart", "--set", "problems.test=240", "problems.train_1=8", "problems.train_2=8", "--only"]


def completions(store: Path, step: str) -> list[Completion]:
    folder, _ = manifest(store, step)
    return [row for path in sorted(folder.glob("blocks/*.parquet")) for row in Store(str(store)).read_records(str(path), Completion)]


def test_a_problem_that_kills_the_engine_is_found_and_the_others_go_on(store_folder: Path, tmp_path: Path) -> None:
    w2s("run", *CHOSEN, "problems", "--store", str(store_folder))
    folder, _ = manifest(store_folder, "problems")
    (table,) = folder.glob("*/test.parquet")
    problems = Store(str(store_folder)).read_records(str(table), Problem)
    poison, model = problems[137], quickstart().strong
    ids = Tokens(load_tokenizer(base_folder(model)), model.prompt).prompt_ids(poison.question)
    environment = engine_plugin.install(tmp_path / "plugin") | {"W2S_POISON": json.dumps([ids])}
    resources = "local,problems_per_block=60,max_num_seqs=64"
    began = time.monotonic()
    done = w2s("run", *CHOSEN, "test_strong_base", "--store", str(store_folder), "--resources", resources, **environment)
    rows = completions(store_folder, "test_strong_base")
    assert Counter(row.problem_id for row in rows) == {problem.problem_id: 1 for problem in problems}
    failed = [row for row in rows if row.finish_reason == "error"]
    assert [row.problem_id for row in failed] == [poison.problem_id], done.stdout
    assert "alone in the engine when it died" in failed[0].error
    _, read = manifest(store_folder, "test_strong_base")
    counts = read["counts"]
    assert isinstance(counts, dict)
    print(f"{time.monotonic() - began:.0f} s", counts)
    assert counts["failed"] == 1 and counts["engine_restarts"] == 4
    assert counts["problems_repeated"] <= 240 + 15 + 2


def test_more_problems_that_kill_the_engine_than_may_fail_end_the_step(store_folder: Path, tmp_path: Path) -> None:
    few = ["quickstart", "--set", "problems.test=8", "problems.train_1=8", "problems.train_2=8", "--only"]
    w2s("run", *few, "problems", "--store", str(store_folder))
    (table,) = manifest(store_folder, "problems")[0].glob("*/test.parquet")
    poison, model = Store(str(store_folder)).read_records(str(table), Problem)[3], quickstart().strong
    ids = Tokens(load_tokenizer(base_folder(model)), model.prompt).prompt_ids(poison.question)
    environment = engine_plugin.install(tmp_path / "plugin") | {"W2S_POISON": json.dumps([ids])}
    done = w2s("run", *few, "test_strong_base", "--store", str(store_folder), check=False, **environment)
    assert done.returncode == 1 and f"problems {poison.problem_id} kill the engine" in done.stderr, done.stderr


def test_a_killed_engine_and_a_killed_actor_cost_no_finished_block(store_folder: Path) -> None:
    command = [sys.executable, "-m", "ray_jobs.cli", "run", *CHOSEN, "test_strong_base", "--store", str(store_folder)]
    command += ["--resources", "local,problems_per_block=8,max_num_seqs=8"]
    driver = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"W2S_MARK": str(store_folder)}, stdout=subprocess.PIPE, text=True)
    blocks: dict[Path, int] = {}
    for count, title in ((3, "VLLM::EngineCore"), (10, "ray::MapWorker"), (18, "VLLM::EngineCore")):
        wait_for(lambda count=count: len(list(store_folder.glob("steps/*/blocks/*.parquet"))) >= count, 180, f"{count} blocks")
        (victim,) = [process for process in ours(driver) if title in " ".join(process.cmdline())]
        blocks |= {path: path.stat().st_mtime_ns for path in store_folder.glob("steps/*/blocks/*.parquet")}
        victim.send_signal(signal.SIGKILL)
    said, _ = driver.communicate(timeout=300)
    assert driver.returncode == 0, said
    assert len(blocks) < 30 and all(path.stat().st_mtime_ns == stamp for path, stamp in blocks.items()), "a finished block was sampled again"
    rows = completions(store_folder, "test_strong_base")
    assert len(rows) == len({(row.problem_id, row.sample) for row in rows}) == 240
    assert not any(row.finish_reason == "error" for row in rows)
    counts = manifest(store_folder, "test_strong_base")[1]["counts"]
    assert isinstance(counts, dict)
    print(counts)
    assert counts["engine_restarts"] >= 1 and counts["problems_repeated"] >= 1
    wait_for(lambda: not left_over(store_folder), 60, f"the run's processes to end: {left_over(store_folder)}")


def ours(driver: subprocess.Popen[str]) -> list[psutil.Process]:
    return [process for process in psutil.Process(driver.pid).children(recursive=True) if process.status() != psutil.STATUS_ZOMBIE]


def test_a_model_that_vllm_refuses_ends_the_step_at_once_with_the_reason(store_folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "model"
    broken.mkdir()
    for path in base_folder(quickstart().strong).iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    config = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps(config | {"architectures": ["NoSuchForCausalLM"], "model_type": "gpt2"}))
    began = time.monotonic()
    done = w2s("run", *CHOSEN, "test_strong_base", "--store", str(store_folder), "--set", f"strong.name={broken}", check=False)
    assert done.returncode == 2, done.stderr
    assert "NoSuchForCausalLM" in done.stderr, done.stderr
    print(f"{time.monotonic() - began:.0f} s: {done.stderr}")
