"""Problems that kill the engine and a model that vLLM does not support; killed engines and actors are in
tests/chaos."""

import json
import time
from collections import Counter
from pathlib import Path

import pytest

from ray_jobs.models.folders import base_folder
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from tests.conftest import w2s
from tests.ray.driver.test_kill import manifest
from tests.ray.sampling import engine_plugin
from w2s.experiments.quickstart import quickstart
from w2s.records import Completion, Problem
from w2s.store.store import Store

pytestmark = pytest.mark.ray
CHOSEN = ["quickstart", "--set", "problems.test=240", "problems.train_1=8", "problems.train_2=8", "--only"]


def completions(store: Path, step: str) -> list[Completion]:
    folder, _ = manifest(store, step)
    return [
        row
        for path in sorted(folder.glob("blocks/*.parquet"))
        for row in Store.at(str(store)).read_records(str(path), Completion)
    ]


def test_a_problem_that_kills_the_engine_is_found_and_the_others_go_on(store_folder: Path, tmp_path: Path) -> None:
    w2s("run", *CHOSEN, "problems", "--store", str(store_folder))
    folder, _ = manifest(store_folder, "problems")
    (table,) = folder.glob("*/test.parquet")
    problems = Store.at(str(store_folder)).read_records(str(table), Problem)
    poison, model = problems[137], quickstart().strong
    ids = Tokens(load_tokenizer(base_folder(model)), model.prompt).prompt_ids(poison.question)
    environment = engine_plugin.install(tmp_path / "plugin") | {"W2S_POISON": json.dumps([ids])}
    resources = "local,problems_per_block=60,max_num_seqs=64"
    began = time.monotonic()
    done = w2s(
        "run", *CHOSEN, "test_strong_base", "--store", str(store_folder), "--resources", resources, **environment
    )
    rows = completions(store_folder, "test_strong_base")
    assert Counter(row.problem_id for row in rows) == {problem.problem_id: 1 for problem in problems}
    failed = [row for row in rows if row.finish_reason == "error"]
    assert [row.problem_id for row in failed] == [poison.problem_id], done.stdout
    assert "alone in the engine when it died" in failed[0].error
    _, read = manifest(store_folder, "test_strong_base")
    counts = read["counts"]
    assert isinstance(counts, dict)
    print(f"{time.monotonic() - began:.0f} s", counts)
    assert counts["failed"] == 1 and counts["engine_restarts"] == 3, (
        "none follows the last death, because no request is left"
    )
    assert counts["problems_repeated"] <= 240 + 15 + 2


def test_more_problems_that_kill_the_engine_than_may_fail_end_the_step(store_folder: Path, tmp_path: Path) -> None:
    # One problem: it is alone in the engine from the start, which saves the restart that finds its group.
    few = ["quickstart", "--set", "problems.test=1", "problems.train_1=8", "problems.train_2=8", "--only"]
    w2s("run", *few, "problems", "--store", str(store_folder))
    (table,) = manifest(store_folder, "problems")[0].glob("*/test.parquet")
    (poison,), model = Store.at(str(store_folder)).read_records(str(table), Problem), quickstart().strong
    ids = Tokens(load_tokenizer(base_folder(model)), model.prompt).prompt_ids(poison.question)
    environment = engine_plugin.install(tmp_path / "plugin") | {"W2S_POISON": json.dumps([ids])}
    done = w2s("run", *few, "test_strong_base", "--store", str(store_folder), check=False, **environment)
    assert done.returncode == 1 and f"problems {poison.problem_id} kill the engine" in done.stderr, done.stderr


def test_a_model_that_vllm_refuses_is_known_before_anything_starts(store_folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "model"
    broken.mkdir()
    for path in base_folder(quickstart().strong).iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    config = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps(config | {"architectures": ["NoSuchForCausalLM"]}))
    began = time.monotonic()
    done = w2s(
        "run", *CHOSEN, "test_strong_base", "--store", str(store_folder), "--set", f"strong.name={broken}", check=False
    )
    assert done.returncode == 2, done.stderr
    assert "the engine cannot load NoSuchForCausalLM (it has no such architecture)" in done.stderr, done.stderr
    assert "started" not in done.stdout, "known before anything starts"
    print(f"{time.monotonic() - began:.0f} s: {done.stderr}")


def test_a_training_that_diverges_is_refused_once_and_commits_nothing(store_folder: Path) -> None:
    few = ["quickstart", "--set", "problems.test=8", "problems.train_1=24", "problems.train_2=8"]
    refused = w2s(
        "run", *few, "weak_sft.learning_rate=1e38", "--only", "weak_sft", "--store", str(store_folder), check=False
    )
    assert refused.returncode == 2, refused.stderr  # 1 after attempts that failed
    assert "lower weak_sft.learning_rate=1e+38" in refused.stderr, refused.stderr
    files = [path.name for path in store_folder.glob("steps/weak_sft-*/**/*") if path.is_file()]
    assert not any("manifest" in name or name.endswith(".safetensors") for name in files), files
