"""The `w2s` command as a user meets it when something is wrong: one line that says the way out, before Ray starts."""

from pathlib import Path

import pytest

from ray_jobs.cli import main as cli
from ray_jobs.cli.running import plan

pytestmark = pytest.mark.slow  # some load transformers and ask vLLM's registry


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
            "strong model package:w2s/data/bases/strong: it has no linear layers query_key_value",
        ),
        (
            ["run", "quickstart", "--store", "STORE", "--resources", "one-gpu,gpus_per_engine=5"],
            "attention heads cannot be split",
        ),
        (["plan", "nothing.py:experiment", "--store", "STORE"], "nothing.py"),
    ],
)
def test_a_mistake_is_one_line_that_says_the_way_out(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.main([str(tmp_path / "store") if argument == "STORE" else argument for argument in arguments])
    printed = capsys.readouterr()
    assert code == 2, printed
    assert said in printed.err and "Traceback" not in printed.err
    assert not list(tmp_path.glob("store/logs/*")), "something had started already"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["verify"], "has no steps: --store must be what"),
        (["gc", "--dry-run"], "has no steps: --store must be what"),
        (["gc"], "has no steps: --store must be what"),
    ],
)
def test_a_store_that_is_another_than_meant_is_no_empty_success(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*arguments, "--store", str(tmp_path / "store")]) == 2
    printed = capsys.readouterr()
    assert said in printed.err and "Traceback" not in printed.err, printed
    assert not (tmp_path / "store").exists(), "a wrong address created a store"


def test_a_server_that_fails_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fails(options: object) -> int:
        raise OSError("Please reduce your request rate.\n(SlowDown)")

    monkeypatch.setattr(plan, "_list", fails)
    assert cli.main(["list"]) == 1
    assert capsys.readouterr().err.startswith(
        "w2s: OSError: Please reduce your request rate. (SlowDown); finished steps stay"
    )


def test_which_experiments_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = ["--store", str(tmp_path)]
    assert cli.main(["run", "quickstart", *store, "--only", "problems"]) == 0
    with_a_list = 'quickstart,sft.lora.targets=["q_proj","v_proj"],problems.seed=0'
    assert cli.main(["gc", "--dry-run", "--keep", with_a_list, *store]) == 0
    assert "0 objects" in capsys.readouterr().out
    for kept, said in (
        ("quickstart,problems.seed=99", "none of its steps is in"),
        ("quickstart,dpo.bet=1", "did you mean beta?"),
    ):
        assert cli.main(["gc", "--keep", kept, *store]) == 2
        printed = capsys.readouterr()
        assert said in printed.err and "Traceback" not in printed.err, printed
    assert list(tmp_path.glob("steps/*/manifest.json"))
