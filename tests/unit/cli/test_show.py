"""`w2s show`: rows with conditions, the story of one problem, clear errors, and no control character on a terminal."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ray_jobs.cli.main import main
from tests.conftest import ROOT
from tests.unit.cli.small_run import HOSTILE, IDS, small_run


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(small_run(tmp_path_factory.mktemp("show"), without=("orpo",)).objects.url)


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["show", "quickstart", *arguments]) == 0
    out = capsys.readouterr().out
    assert all(char.isprintable() for char in out.replace("\n", "")), "a control character reaches the terminal"
    return out


def test_steps_tables_and_rows(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, "--store", store)
    assert "selection 4" in out and [line.split()[1] for line in out.splitlines() if line.startswith("orpo ")] == ["-"]
    out = shown(capsys, "--store", store, "consistent_1")
    assert "reads weak: weak_completions completions" in out and "kept" in out and "merges 0" in out
    out = shown(capsys, "consistent_1", "selection", "--store", store, "--where", "outcome=differ")
    assert f"problem_id: {IDS[1]}\noutcome: differ\n" in out and "1 of 1 rows" in out
    rows = [json.loads(line) for line in shown(capsys, "--store", store, "problems", "train_2", "--json").splitlines()]
    assert [row["problem_id"] for row in rows] == IDS and HOSTILE in rows[0]["question"], "JSON keeps the text"
    assert "2 of 4 rows of problems train_2" in shown(capsys, "--store", store, "problems", "train_2", "--n", "2")
    assert json.loads(shown(capsys, "--store", store, "dpo", "losses")) == [{"step": 1, "loss": 0.5}]
    assert shown(capsys, "--store", store, "dpo", "model").strip().endswith("adapter_config.json")


@pytest.mark.parametrize(
    ("problem_id", "said"),
    [
        (IDS[0], ["outcome", "kept", "both answers are readable and equal", "so it is", "merged", "5.0 counts as 5"]),
        (IDS[1], ["differ", "paired", "chosen 6 over 5, confidence 0.80", "6 over 5", "(not trained yet)"]),
        (IDS[2], ["demonstration", "demonstrations chose it", "written by weak_sft"]),
        (IDS[3], ["icl_unreadable:no_marker", "no answer (no_marker)", "5 x 3, 6 x 1, unreadable:no_marker x 1"]),
        ("test-1", ["gold answer 6", "weak_floor", "wrong", "dpo", "right"]),
        ("train_1-0", ["who learned from it", "weak_sft"]),
    ],
)
def test_the_story_of_a_problem(
    store: str, problem_id: str, said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = shown(capsys, "--store", store, "--problem", problem_id)
    assert [text for text in said if text not in out] == []


def test_the_story_as_json(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    story = json.loads(shown(capsys, "--store", store, "--problem", IDS[1], "--json"))
    assert story["gold_answer"] == "5" and [pair["chosen_answer"] for pair in story["pairs"]] == ["6"]
    assert {written["step"]: len(written["completions"]) for written in story["written"]} == {
        "weak_completions": 1, "icl_completions": 1, "sampled": 5
    }  # fmt: skip
    trained = {lesson["step"]: lesson["is_trained"] for lesson in story["lessons"]}
    assert trained == {"dpo": True, "orpo": False, "full_weak_ft": True, "full_icl_ft": True, "ceiling": True}
    assert "test_dpo" not in story["unfinished"] and "orpo" in story["unfinished"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["consistent_9"], "did you mean consistent_1?"),
        (["consistent_1", "selectoin"], "its tables are weak, icl, hybrid, selection"),
        (["consistent_1", "selection", "--where", "outcom=kept"], "did you mean outcome?"),
        (["consistent_1", "selection", "--where", "kept"], "must be FIELD=VALUE"),
        (["consistent_1", "selection", "--n", "0"], "must be at least 1"),
        (["consistent_1", "summary", "--where", "a=b"], "chooses rows, and consistent_1 summary has none"),
        (["--where", "outcome=kept"], "give STEP and TABLE"),
        (["orpo", "losses"], "orpo is not finished"),
        (["--problem", "train_2-0"], "an id of train_2 is 'train_2-00000'"),
        (["--problem", "train_2-99999"], "left out of train_2 because test-0 of test asks the same"),
        (["dpo", "--problem", IDS[0]], "leave out dpo"),
        (["--set", "problems.seed=99"], "has no step of quickstart with this --set"),
    ],
)
def test_wrong_input(store: str, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "quickstart", "--store", store, *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_an_empty_store_is_no_empty_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "quickstart", "--store", str(tmp_path)]) == 2
    assert "has no steps" in capsys.readouterr().err


@pytest.mark.slow
def test_a_reader_that_has_enough_is_no_error(store: str) -> None:
    """As in `w2s show ... | head -1`, whose reader has gone before the output ends."""
    command = [sys.executable, "-m", "ray_jobs.cli", "show", "quickstart", "--store", store]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait(60) == 141
