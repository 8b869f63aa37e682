"""The whole method, small, as a job of a Ray cluster with its store in a bucket, and then every promise about that
store.

The tests that change the store come last, in this order.
"""

import json
import re
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from ray_jobs.api import read
from ray_jobs.cli.main import main
from tests.conftest import ROOT, SMALL, w2s
from tests.ray.conftest import RAY
from tests.ray.driver import exported
from tests.s3.servers import serve
from w2s.experiments.quickstart import quickstart
from w2s.records import Problem, Reference
from w2s.store.store import Store

pytestmark = [pytest.mark.ray, pytest.mark.s3]
EXPERIMENT = ["quickstart", "--set", *SMALL]
MARKER = f"MARKER{secrets.token_hex(16)}"
"""The secret key of the bucket, which no log, file or command line may show."""


class Lookout:
    """Watches all processes and records each command line with the marker, as any user's `ps` would show it."""

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
    """Files below the folders that contain the marker; files that vanish meanwhile are skipped."""
    done = subprocess.run(
        ["grep", "-rlaF", "--devices=skip", "-e", marker, *map(str, folders)], capture_output=True, text=True
    )
    return done.stdout.splitlines()


@dataclass
class Finished:
    """A finished run: its store, the output of all commands, the folders it wrote to and the command lines with the
    secret."""

    store: Store
    outputs: list[str]
    folders: list[Path]
    shown: set[str]

    @property
    def where(self) -> list[str]:
        return ["--store", self.store.objects.url]

    def run(self, *arguments: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        done = w2s(*arguments, *self.where, check=check, **environment)
        self.outputs += [done.stdout, done.stderr]
        return done

    def manifests(self) -> dict[str, dict[str, Any]]:
        paths = [
            entry.path
            for entry in self.store.objects.tree(self.store.objects.path("steps"))
            if entry.path.endswith("/manifest.json")
        ]
        read = [json.loads(self.store.objects.read(path)) for path in paths]
        return {manifest["step"]: manifest for manifest in read}

    def reading(self, name: str) -> bytes:
        """The content of the only object whose name ends with `name`."""
        (path,) = [
            entry.path for entry in self.store.objects.tree(self.store.objects.path()) if entry.path.endswith(name)
        ]
        return self.store.objects.read(path)


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    """A bucket `runs`, named by the environment. Returns the folders of this module that receive all other files."""
    data = tmp_path_factory.mktemp("moto")
    with (
        tempfile.TemporaryDirectory(prefix="w2s-ray-", dir="/tmp") as folder,
        serve("moto", data, secret=MARKER) as server,
    ):
        server.make_bucket("runs")
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (
                server.environment | {"RAY_TMPDIR": folder, "TMPDIR": folder, "W2S_CACHE": f"{folder}/cache"}
            ).items():
                patch.setenv(name, value)
            yield [Path(folder), data]


@pytest.fixture(scope="module")
def finished(bucket: list[Path], cluster: dict[str, str]) -> Finished:
    """The store of a small quickstart, run by `ray job submit`."""
    store = Store.at("s3://runs/small")
    command = [
        RAY,
        "job",
        "submit",
        "--working-dir",
        str(ROOT),
        "--",
        sys.executable,
        "-m",
        "ray_jobs.run",
        *EXPERIMENT,
        "--store",
        store.objects.url,
    ]
    with Lookout(MARKER) as lookout:
        last = subprocess.run(command, env=cluster, capture_output=True, text=True, timeout=1500)
    assert last.returncode == 0, f"{last.stdout}\n{last.stderr}"
    assert "PGR" in last.stdout and "conditional creates" in last.stdout and lookout.looks > 10
    return Finished(store, [last.stdout, last.stderr], [*bucket, Path(cluster["RAY_TMPDIR"])], lookout.seen)


def test_the_report_of_a_submitted_job_is_in_the_store(finished: Finished) -> None:
    report = json.loads(finished.reading("/report.json"))
    names = [model["model"] for model in report["models"]]
    assert names[0] == "weak_floor" and {
        "weak_icl",
        "full_weak_ft",
        "hybrid_ft_1",
        "hybrid_ft_2",
        "dpo",
        "orpo",
        "ceiling",
    } <= set(names)
    assert all(model["total"] == 24 for model in report["models"])
    assert finished.reading("/report.html").startswith(b"<!")


def test_every_step_left_a_manifest_with_its_counts(finished: Finished) -> None:
    found = finished.manifests()
    assert found["sampled"]["rows"] == {"completions": 48 * 4}
    for name in ("weak_sft", "hybrid_ft_2", "dpo", "orpo"):
        counts = found[name]["counts"]
        assert counts["examples"] > 0 and counts["world_size"] == 1, (name, counts)


def test_a_whole_run_starts_one_engine_for_each_base(finished: Finished) -> None:
    starts = finished.reading(".log").count(b"Initializing a V1 LLM engine")
    assert starts == 2, f"{starts} engine starts, although engine and trainer fit beside each other"


def test_a_preflight_finds_engine_and_trainer_to_be_one_model(finished: Finished, cluster: dict[str, str]) -> None:
    """As the trainers logged their first batches; faults are made in tests/ray/sampling/test_engine.py."""
    command, began = [sys.executable, "-m", "tests.ray.driver.judged", finished.store.objects.url], time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=cluster, capture_output=True, text=True, timeout=300)
    rows = [line for line in done.stdout.splitlines() if line.startswith(("ok ", "FAIL "))]
    print("\n".join(rows), f"{time.monotonic() - began:.1f} s", sep="\n")
    found = Counter(re.split("  +", row)[2] for row in rows if row.startswith("ok "))
    one_each = dict.fromkeys(("DPO step", "ORPO step", "token ids", "base", "adapter"), 1)
    assert found == {"engine": 3, "SFT step": 4, **one_each} and found.total() == len(rows), done.stdout + done.stderr
    held, planned = re.findall(r"KV cache holds ([\d,]+) tokens, planned ([\d,]+)", done.stdout)[0]
    assert float(held.replace(",", "")) == pytest.approx(float(planned.replace(",", "")), rel=0.02), done.stdout
    assert "16 of 16 prompts" in done.stdout and done.stdout.count("are 0.000") == 2, done.stdout


def test_a_second_run_does_nothing_and_starts_no_ray(finished: Finished) -> None:
    logs = finished.store.objects.names(finished.store.objects.path("logs"))
    began = time.monotonic()
    done = finished.run("run", *EXPERIMENT, RAY_ADDRESS="127.0.0.1:1")
    print(f"rerun of a finished run in a bucket: {time.monotonic() - began:.1f} s")
    assert "nothing to do" in done.stdout and "PGR" in done.stdout and "started" not in done.stdout
    assert time.monotonic() - began < 10
    assert finished.store.objects.names(finished.store.objects.path("logs")) == logs


def test_another_beta_costs_one_training_and_its_scores(finished: Finished) -> None:
    plan = finished.run("plan", *EXPERIMENT, "dpo.beta=0.77").stdout
    to_run = [line.split()[1] for line in plan.splitlines() if line.startswith(("run ", "resume "))]
    assert sorted(to_run) == ["dpo", "report", "scores", "test_dpo"]
    assert "recipe.preference.beta" in plan and "-> 0.77" in plan


def test_an_exported_model_answers_the_test_as_the_run_did(finished: Finished, tmp_path: Path) -> None:
    """The adapter by PEFT, the merged model by vLLM's server, each greedily by what its folder says."""
    import torch
    from peft import AutoPeftModelForCausalLM
    from transformers import AutoTokenizer, GenerationConfig

    adapter, merged = tmp_path / "adapter", tmp_path / "merged"
    for to in ([str(adapter)], [str(merged), "--merge"]):
        assert main(["export", *EXPERIMENT, *finished.where, "dpo", "--to", *to]) == 0
    run, prompt = read("quickstart", finished.store.objects.url, changes=SMALL), quickstart().strong.prompt
    asked = {problem.problem_id: problem.question for problem in run.rows("problems", "test")}
    rows = run.rows("test_dpo", "completions")
    model: Any = AutoPeftModelForCausalLM.from_pretrained(adapter, dtype=torch.float32)
    model.generation_config = GenerationConfig.from_pretrained(adapter)
    questions = [asked[row.problem_id] for row in rows]
    found = exported.generated(model, AutoTokenizer.from_pretrained(adapter), prompt, questions[:6])
    assert found == [row.text for row in rows[:6]]
    words = exported.command((merged / "README.md").read_text(), merged)
    with exported.served(words, tmp_path / "log") as url:
        answers = exported.answered(url, str(merged), prompt, questions)
    assert exported.equal(answers, rows) >= 0.9 * len(rows), "the merged weights are rounded to the base's 16 bits"


def test_the_store_holds_what_its_manifests_say(finished: Finished) -> None:
    assert "0 steps damaged, 0 inputs absent" in finished.run("verify").stdout


def test_a_deleted_step_that_nothing_needs_runs_only_when_named(finished: Finished) -> None:
    store = finished.store
    (directory,) = [
        line.split()[2]
        for line in finished.run("plan", *EXPERIMENT).stdout.splitlines()
        if line.split()[1] == "consistent_1"
    ]
    store.objects.remove_tree(store.objects.path(directory))
    assert "consistent_1, which no step needs, nothing to do" in finished.run("run", *EXPERIMENT).stdout
    assert "absent consistent_1" in finished.run("plan", *EXPERIMENT).stdout
    finished.run("run", *EXPERIMENT, "--only", "consistent_1")
    assert "absent" not in finished.run("plan", *EXPERIMENT).stdout


def test_a_damaged_step_is_named_and_alone_run_again(finished: Finished) -> None:
    store = finished.store
    (report,) = [
        entry.path for entry in store.objects.tree(store.objects.path("steps")) if entry.path.endswith("/report.json")
    ]
    store.objects.write(report, store.objects.read(report)[:-2])
    broken = finished.run("run", *EXPERIMENT, check=False)
    assert broken.returncode == 2 and "report.json is damaged" in broken.stderr and "--repair" in broken.stderr
    repaired = finished.run("run", *EXPERIMENT, "--repair")
    assert "damaged: s3://runs/small/steps/report-" in repaired.stdout and "1 of" in repaired.stdout


def test_another_test_set_trains_nothing_and_an_evaluation_on_its_rows_asks_nothing_again(
    finished: Finished, tmp_path: Path
) -> None:
    changed = [*EXPERIMENT, "problems.test=8"]
    plan = [line.split() for line in finished.run("plan", *changed).stdout.splitlines()]
    to_run = {words[1] for words in plan if words[0] in ("run", "resume")}
    asked = {words[1] for words in plan if words[1].startswith("test_")}
    assert to_run == {"problems", "scores", "report"} | asked and len(asked) == 14
    done = finished.run("run", *changed, "--only", "test_dpo").stdout
    assert "2 of" in done and "test_dpo" in done and "8 problems" in done and "optimizer" not in done
    (directory,) = [words[2] for words in plan if words[1] == "problems"]
    problems = json.loads(finished.store.objects.read(finished.store.objects.path(directory, "manifest.json")))
    (test,) = [finished.store.objects.path(directory, path) for path in problems["tables"]["test"]]
    (gold,) = [finished.store.objects.path(directory, path) for path in problems["tables"]["test_references"]]
    rows = finished.store.read_records(test, Problem)
    answers = {one.problem_id: one.answer for one in finished.store.read_records(gold, Reference)}
    assert len(rows) == 8
    data = tmp_path / "rows.jsonl"
    lines = [{"n": one.problem_id, "question": one.question, "answer": answers[one.problem_id]} for one in rows]
    data.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    fields = ["--with", "problems.test.answer=answer", "problems.test.id=n"]
    evaluation = ["eval", EXPERIMENT[0], "dpo", *EXPERIMENT[1:], "--data", str(data), *fields]
    evaluated = finished.run(*evaluation, RAY_ADDRESS="127.0.0.1:1").stdout  # without Ray
    assert "scores_dpo" in evaluated and "test_dpo" not in evaluated, evaluated
    assert evaluated.splitlines()[-1].split()[:3:2] == ["dpo", "8"], evaluated
    figures = tmp_path / "figures.json"
    again = finished.run(*evaluation, "--json", str(figures), RAY_ADDRESS="127.0.0.1:1").stdout
    assert "nothing to do" in again and json.loads(figures.read_text())["models"][0]["model"] == "dpo"


def test_no_credential_is_anywhere(finished: Finished) -> None:
    """No log, manifest, report, exception, file or command line of the tests above shows the secret key."""
    fake = finished.run(
        "run",
        *EXPERIMENT,
        check=False,
        AWS_ACCESS_KEY_ID="AKIAW2STESTKEY000001",
        AWS_ENDPOINT_URL=f"http://a:{MARKER}@127.0.0.1:1",
    )
    assert fake.returncode == 2
    assert not any(MARKER in text for text in finished.outputs)
    assert not finished.shown, "a command line shows the secret"
    store = finished.store
    assert not [
        entry.path
        for entry in store.objects.tree(store.objects.path())
        if MARKER.encode() in store.objects.read(entry.path)
    ]
    left = holding(MARKER, *finished.folders)
    assert not left, f"files with the secret: {left}"
