"""The `w2s` command as a user meets it: mistakes, speed, and how a stopped run ends."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ray_jobs.cli import main as cli
from ray_jobs.cli import plan
from tests.conftest import ROOT, w2s, wait_for
from tests.ray.driver.test_kill import marked, wait_until_gone


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "quickstrat", "--store", "STORE"], "quickstart"),
        (["run", "quickstart", "--store", "STORE", "--set", "sft.learning_rat=1"], "learning_rate"),
        (["run", "quickstart", "--store", "STORE", "--set", "sft.epochs=many"], "sft.epochs"),
        (["run", "quickstart", "--store", "STORE", "--only", "dpoo"], "no such step"),
        (["run", "quickstart", "--store", "/proc/no/store"], "cannot be written"),
        (["run", "quickstart", "--store", "STORE", "--resources", "laptop"], "local"),
        (["run", "quickstart", "--store", "STORE", "--resources", "local,workers=3"], "batch_size"),
        (["run", "quickstart", "--store", "STORE", "--resources", "local,wrkers=1"], "did you mean workers?"),
        (["run", "quickstart", "--store", "s3://"], "names no bucket"),
        (["verify", "--store", "s3:///prefix"], "names no bucket"),
        (["run", "quickstart", "--store", "STORE", "--set", "strong.name=./no-such-model"], "no-such-model"),
        (["run", "quickstart", "--store", "STORE", "--set", "greedy.max_tokens=100000"], "context"),
        (
            ["run", "quickstart", "--store", "STORE", "--set", 'sft.lora.targets=["q_proj","query_key_value"]'],
            "no linear layers query_key_value",
        ),
        (
            ["run", "quickstart", "--store", "STORE", "--resources", "one-gpu,gpus_per_engine=5"],
            "attention heads cannot be split",
        ),
        (["plan", "nothing.py:experiment", "--store", "STORE"], "nothing.py"),
    ],
)
def test_a_mistake_is_one_line_that_says_the_way_out(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = w2s(*[str(tmp_path / "store") if argument == "STORE" else argument for argument in arguments], check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr and "Traceback" not in done.stderr
    assert not list(tmp_path.glob("store/logs/*")), "something had started already"


def test_stop_strings_in_gold_are_refused_before_a_model_is_loaded(tmp_path: Path) -> None:
    done = w2s("run", "quickstart", "--store", str(tmp_path), "--set", 'strong.prompt.stop=["####"]', check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stdout + done.stderr
    assert "strong.prompt.stop has '####', which 300 of 300 gold solutions of problems.train_1 contain" in done.stderr
    assert [path.name.partition("-")[0] for path in (tmp_path / "steps").iterdir()] == ["worldproblems"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["verify"], "has no steps: --store must be what"),
        (["gc", "--dry-run"], "has no steps: --store must be what"),
        (["gc"], "has no steps: --store must be what"),
    ],
)
def test_a_store_that_is_another_than_meant_is_no_empty_success(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    done = w2s(*arguments, "--store", str(tmp_path / "store"), check=False)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert not (tmp_path / "store").exists(), "a wrong address created a store"


def test_a_server_that_fails_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fails(options: object) -> int:
        raise OSError("Please reduce your request rate.\n(SlowDown)")

    monkeypatch.setattr(plan, "_list", fails)
    assert cli.main(["list"]) == 1
    assert capsys.readouterr().err.startswith(
        "w2s: OSError: Please reduce your request rate. (SlowDown); finished steps stay"
    )


def test_which_experiments_are_kept(tmp_path: Path) -> None:
    w2s("run", "quickstart", "--store", str(tmp_path), "--only", "problems")
    with_a_list = 'quickstart,sft.lora.targets=["q_proj","v_proj"],problems.seed=0'
    assert "0 objects" in w2s("gc", "--dry-run", "--keep", with_a_list, "--store", str(tmp_path)).stdout
    for kept, said in (
        ("quickstart,problems.seed=99", "none of its steps is in"),
        ("quickstart,dpo.bet=1", "did you mean beta?"),
    ):
        done = w2s("gc", "--keep", kept, "--store", str(tmp_path), check=False)
        assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert list(tmp_path.glob("steps/*/manifest.json"))


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
        began = time.monotonic()
        done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True)
        best = min(best, time.monotonic() - began)
        assert done.returncode == 0 and done.stdout.rstrip().endswith("[]"), done.stdout[-300:] + done.stderr
    assert best < 1.5, f"took {best:.2f} s"
    assert not (tmp_path / "store").exists(), "plan wrote something"


@pytest.mark.ray
@pytest.mark.parametrize(
    ("step", "sign", "signal_sent", "code"),
    [
        ("test_strong_base", "blocks/plan.json", signal.SIGINT, 130),
        # For `w2s submit`, SIGTERM means a lost driver, Ctrl-C means that the user stopped the run.
        ("test_strong_base", "blocks/plan.json", signal.SIGTERM, 143),
        ("ceiling", "training/*.safetensors", signal.SIGINT, 130),
    ],
)
def test_a_run_that_is_stopped_says_how_to_go_on(
    store_folder: Path, step: str, sign: str, signal_sent: signal.Signals, code: int
) -> None:
    command = [sys.executable, "-m", "ray_jobs.cli", "run", "quickstart", "--store", str(store_folder), "--only", step]
    command += ["--resources", "local,save_minutes=0.01"]
    driver = subprocess.Popen(
        command, cwd=ROOT, env=marked(store_folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: bool(list(store_folder.glob(f"steps/*/{sign}"))), 120, f"{step} to start")
    time.sleep(5)
    driver.send_signal(signal_sent)
    _, said = driver.communicate(timeout=90)
    assert driver.returncode == code and "run the same command again" in said, said
    wait_until_gone(store_folder, seconds=20)  # the last processes of an engine need some seconds
    assert "resume" in w2s("plan", "quickstart", "--store", str(store_folder), "--only", step).stdout
