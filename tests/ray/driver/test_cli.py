"""The `w2s` command as a user meets it: its speed, and how a stopped run ends.

Mistakes are in tests/unit/driver/test_cli.py.
"""

import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT, w2s, wait_for
from tests.ray.driver.test_kill import marked, wait_until_gone


def processor_seconds() -> float:
    """Processor time of all ended children: unlike wall time the same when other tests run beside."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["list"], ["plan", "gsm8k-llama2-7b", "--store", "STORE"], ["plan", "quickstart", "--store", "STORE"]],
)
def test_answers_at_once_without_torch_or_ray(arguments: list[str], tmp_path: Path) -> None:
    code = (
        "import sys; from ray_jobs.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'ray', 'transformers', 'vllm', 'datasets'} & set(sys.modules)))"
    )
    arguments = [str(tmp_path / "store") if argument == "STORE" else argument for argument in arguments]
    best = 99.0
    for _ in range(3):
        before = processor_seconds()
        done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True)
        best = min(best, processor_seconds() - before)
        assert done.returncode == 0 and done.stdout.rstrip().endswith("[]"), done.stdout[-300:] + done.stderr
    assert best < 1.5, f"took {best:.2f} s of a processor"
    assert not (tmp_path / "store").exists(), "plan wrote something"


@pytest.mark.ray
@pytest.mark.parametrize(
    ("steps", "signs", "signal_sent", "code"),
    [
        (["test_strong_base", "ceiling"], ["blocks/plan.json", "training/*.safetensors"], signal.SIGINT, 130),
        # For `w2s submit`, SIGTERM means a lost driver, Ctrl-C means that the user stopped the run.
        (["test_strong_base"], ["blocks/plan.json"], signal.SIGTERM, 143),
    ],
)
def test_a_run_that_is_stopped_says_how_to_go_on(
    store_folder: Path, steps: list[str], signs: list[str], signal_sent: signal.Signals, code: int
) -> None:
    command = [sys.executable, "-m", "ray_jobs.cli", "run", "quickstart", "--store", str(store_folder), "--only"]
    command += [*steps, "--resources", "local,save_minutes=0.01,max_num_seqs=2"]
    driver = subprocess.Popen(
        command, cwd=ROOT, env=marked(store_folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for sign in signs:
        wait_for(lambda sign=sign: bool(list(store_folder.glob(f"steps/*/{sign}"))), 240, f"{sign}")
    time.sleep(5)
    driver.send_signal(signal_sent)
    _, said = driver.communicate(timeout=90)
    assert driver.returncode == code and "run the same command again" in said, said
    wait_until_gone(store_folder, seconds=20)  # the last processes of an engine need some seconds
    plan = w2s("plan", "quickstart", "--store", str(store_folder), "--only", *steps).stdout
    assert all(f"resume {step}" in plan for step in steps), plan


def test_stop_strings_in_gold_are_refused_before_a_model_is_loaded(tmp_path: Path) -> None:
    done = w2s("run", "quickstart", "--store", str(tmp_path), "--set", 'strong.prompt.stop=["####"]', check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stdout + done.stderr
    assert "strong.prompt.stop has '####', which 300 of 300 gold solutions of problems.train_1 contain" in done.stderr
    assert [path.name.partition("-")[0] for path in (tmp_path / "steps").iterdir()] == ["worldproblems"]
