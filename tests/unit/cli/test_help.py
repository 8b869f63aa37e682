"""`w2s fields`, `w2s init`, `w2s env`, and what a run prints at its end."""

import ast
from pathlib import Path

import pytest

from ray_jobs.cli.main import main
from ray_jobs.cli.options import words_before_fields
from tests.unit.cli.small_run import small_run


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("", ["Experiment: --set FIELD=VALUE", "iterations", "Rounds of stage I."]),
        ("dpo", ["Preference: --set dpo.FIELD=VALUE", "beta", "float > 0", "0.1", "batch_size", "over all workers"]),
        ("sft.lora", ["LoRA: --set sft.lora.FIELD=VALUE", "rank"]),
        (
            "problems.test",
            ["Source: --set problems.test.FIELD", "name      str  ", "tuple[tuple[str, tuple[str, ...]], ...]"],
        ),
        ("problems", ["DatasetProblems:", "WorldProblems:", "near_duplicate"]),
        ("resources", ["WeakSizes: --resources PRESET,weak.FIELD=VALUE", "int | None >= 1"]),
        ("resources", ["Resources: --resources PRESET,FIELD=VALUE", "min_engines", "Literal['bfloat16', 'float32']"]),
    ],
)
def test_fields(part: str, said: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fields", *([part] if part else [])]) == 0
    out = capsys.readouterr().out
    assert [text for text in said if text not in out] == []


def test_an_experiment_to_start_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.py"
    assert main(["init", str(file)]) == 0 and f"{file}:mine" in capsys.readouterr().out
    ast.parse(file.read_text())
    rows = [f'{{"question": "{number} + 1?", "answer": "{number + 1}"}}\n' for number in range(60)]
    for number, split in enumerate(("train_1", "train_2", "test")):
        (tmp_path / f"{split}.jsonl").write_text("".join(rows[20 * number :][:20]))
    places = [f"problems.{split}.name={tmp_path}/{split}.jsonl" for split in ("train_1", "train_2", "test")]
    assert main(["plan", f"{file}:mine", "--store", str(tmp_path / "store"), "--set", *places]) == 0
    assert " 0 to resume" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fields", "dpoo"], "did you mean dpo?"),
        (["fields", "dpo.beta"], "is a field and has no parts"),
        (["fields", "dpo.beta.x"], "is a field and has no parts"),
        (["fields", "dpo."], "no part 'dpo.'"),
        (["init", "mine"], "end with .py"),
        (["init", "my-own.py"], "must be a Python name"),
        (["init", "/proc/mine.py"], "cannot be written"),
        (["init", __file__], "is there already"),
        (["init", "/no/such/folder/mine.py"], "cannot be written"),
    ],
)
def test_wrong_input(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_env_names_what_is_set_and_shows_no_secret(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-hush")
    assert main(["env"]) == 0
    out = capsys.readouterr().out
    assert "AWS_SECRET_ACCESS_KEY" in out and "hush" not in out and "transformers" in out and "memory" in out


def test_the_scores_are_the_last_thing_a_run_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = small_run(tmp_path)
    assert main(["run", "quickstart", "--store", store.objects.url]) == 0
    short = capsys.readouterr().out
    models = short.rstrip().split("\n\n")[-1].splitlines()
    assert models[0].startswith("model ") and models[1].split()[:4] == ["weak_floor", "1", "of", "2"]
    assert models[-1].startswith("ceiling")
    place = next(line.split()[1] for line in short.splitlines() if line.startswith("dpo ") and "/steps/prefer-" in line)
    assert (Path(place) / "adapter_config.json").is_file() and "w2s export quickstart" in short
    fields = ["--set", "dpo.beta=0.1", "problems.seed=0"]  # as they are
    assert main(["run", "quickstart", "--store", store.objects.url, *fields, "--verbose"]) == 0
    verbose = capsys.readouterr().out.rstrip()
    assert verbose.endswith("\n".join(models))
    command = f"w2s export quickstart STEP --store {store.objects.url} {' '.join(fields)} --to FOLDER "
    assert command in verbose, "it can be copied"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (
            "quickstart --store S --set a.b=1 c=2 pairs pairs --n 1",
            "quickstart --store S pairs pairs --set a.b=1 c=2 --n 1",
        ),
        ("--store S --set a=1 mine.py:mine --watch", "--store S mine.py:mine --set a=1 --watch"),
        ("quickstart --with a=1 dpo --set b=2 orpo", "quickstart dpo orpo --with a=1 --set b=2"),
        ("quickstart pairs --set a=1 --store S", "quickstart pairs --set a=1 --store S"),
        ("quickstart --set beta pairs", "quickstart --set beta pairs"),  # the first one lacks its value
        ("quickstart --set a=1 dpo.beta", "quickstart --set a=1 dpo.beta"),
    ],
)
def test_a_step_may_follow_the_fields(given: str, read: str) -> None:
    assert words_before_fields(given.split()) == read.split()
