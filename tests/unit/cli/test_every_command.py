"""Five wrong inputs or more for each command: one clear line and exit code 2, before anything is written or started.

A misspelt name of a command, experiment, step, table, model, field, column, preset or tracker gets the nearest one.
"""

import os
import shlex
from pathlib import Path

import pytest

from ray_jobs.cli.main import main, parser
from tests.unit.cli.small_run import small_run

NEW = "--store new"
S = "--store store"
CREDENTIALS = "--store s3://key:hush@bucket/x"
EVAL = "--data data.jsonl --with problems.test.answer=answer"
WRONG: dict[str, list[tuple[str, str]]] = {
    "run": [
        ("", "the following arguments are required: EXPERIMENT, --store"),
        (f"quickstrat {NEW}", "no experiment 'quickstrat' (did you mean quickstart?)"),
        (f"quickstart {NEW} --set dpo.bta=1", "has no field 'bta' (did you mean beta?)"),
        (f"quickstart {NEW} --set dpo.beta=x", "--set dpo.beta=x: beta: Input should be a valid number"),
        (f"quickstart {NEW} --only dpoo", "--only dpoo: no such step (did you mean dpo?); the steps are problems"),
        (f"quickstart {NEW} --resources one-gp", "no resources 'one-gp' (did you mean one-gpu?): choose local"),
        ("quickstart --store ''", "the store '' names no folder: give one, or a URL such as s3://bucket/prefix"),
        (f"other.py:g {NEW}", "has no function 'g'; its functions are: other.py:f"),
        (f"broken.py:f {NEW}", "broken.py:1 (def f(:): raised SyntaxError"),
        (f"other.py:f {NEW}", "f returned a int, it must return a w2s.recipe.Experiment"),
        (f"quickstart {NEW} --track mlfow", "must be wandb, mlflow, tensorboard (did you mean mlflow?)"),
        ("quickstart --store file", "cannot be written"),
        (f"quickstart {CREDENTIALS}", "carries credentials"),
    ],
    "plan": [
        (f"quickstrat {NEW}", "did you mean quickstart?"),
        (f"quickstart {NEW} --only dpoo", "--only dpoo: no such step (did you mean dpo?); the steps are problems"),
        ("quickstart --store damaged", "manifest.json is not a manifest"),
        (f"quickstart {NEW} --resources ''", "there are no resources ''"),
        (f"quickstart {NEW} --rates dollars=2", "rates are those of --resources PRESET: give it too"),
        (f"quickstart {NEW} --resources local --rates dolars=2", "did you mean dollars?"),
        (f"quickstart {NEW} --resources x", "there are no resources 'x'"),
        (f"quickstart {CREDENTIALS}", "carries credentials"),
    ],
    "list": [(word, f"unrecognized arguments: {word}") for word in ("extra", "--all", "--store x", "quickstart", "-x")],
    "sweep": [
        (f"quickstart {NEW}", "required: --variations"),
        (f"quickstart {NEW} --variations absent", "--variations absent: cannot be read"),
        (f"quickstart {NEW} --variations misspelt.txt", "variation a: --set dpo.bta=1: Preference has no field 'bta'"),
        (f"quickstart {NEW} --variations misspelt.txt --seeds x", "argument --seeds: invalid int value: 'x'"),
        (f"quickstart {NEW} --variations right.txt --baseline papr", "no such variation (did you mean paper?)"),
        (f"quickstart {NEW} --variations right.txt --baseline ''", "--baseline : no such variation"),
        (f"quickstart {NEW} --variations binary", "--variations binary: cannot be read: 'utf-8' codec"),
        (f"quickstrat {NEW} --variations misspelt.txt", "did you mean quickstart?"),
    ],
    "preflight": [
        ("", "required: EXPERIMENT, --store"),
        ("quickstart --store", "argument --store: expected one argument"),
        ("quickstart --store file", "cannot be read"),
        (f"quickstart {NEW} --resources x", "there are no resources 'x'"),
        (f"quickstrat {NEW}", "did you mean quickstart?"),
        (f"quickstart {NEW} --set dpo.bta=1", "did you mean beta?"),
        (f"quickstart {NEW} extra", "unrecognized arguments: extra"),
    ],
    "submit": [
        ("quickstrat --store s3://bucket/x", "did you mean quickstart?"),
        ("quickstart --store s3://bucket/x --attempts 0", "--attempts 0: it must be at least 1"),
        ("quickstart --store s3://bucket/x --resources x", "there are no resources 'x'"),
        ("quickstart --store s3://bucket/x --only dpoo", "--only dpoo: no such step (did you mean dpo?)"),
        ("quickstart --store s3://bucket/x --track tensorbord", "(did you mean tensorboard?)"),
        ("quickstart --store s3://bucket/x --config absent.yaml", "--config absent.yaml: there is no such file"),
        (f"quickstart {CREDENTIALS}", "carries credentials"),
    ],
    "cluster": [
        ("", "required: ACTION"),
        ("up", "required: --config"),
        ("chek --config file", "no 'chek' (did you mean check?): choose check, up, down"),
        ("up --config binary", "--config binary is no YAML: 'utf-8' codec"),
        ("check --config absent.yaml", "there is no such file; docker/hosts.yaml and cluster.yaml are examples"),
        ("down --config file", "it needs a section `provider`"),
    ],
    "status": [
        ("", "required: --store"),
        ("--store absent", "absent has no steps: --store must be what `w2s run` was given"),
        ("--store empty", "empty has no steps"),
        (f"{S} --set dpo.beta=1", "--set changes an experiment: give EXPERIMENT too"),
        (f"quickstrat {S}", "did you mean quickstart?"),
        (f"quickstart {S} --set dpo.bta=1", "did you mean beta?"),
    ],
    "show": [
        ("quickstart --store absent", "has no steps"),
        (f"quickstart {S} dpoo", "no step 'dpoo' (did you mean dpo?)"),
        (f"quickstart {S} orpo", "orpo is not finished"),
        (f"quickstart {S} pairs pear", "writes no table 'pear' (did you mean pairs?): its tables are consensus, pairs"),
        (f"quickstart {S} --n 0", "--n 0: must be at least 1"),
        (f"quickstart {S} pairs pairs --where x", "--where x: must be FIELD=VALUE"),
        (f"quickstart {S} pairs pairs --where x=1", "no field 'x'"),
        (f"quickstart {S} --problem nobody", "no split has the problem 'nobody'; an id of train_2 is"),
    ],
    "report": [
        ("", "required: EXPERIMENT, --store, --to"),
        (f"quickstart {S}", "required: --to"),
        (f"quickstart {S} --to page.pdf", "must end with .html or .json"),
        (f"quickstrat {S} --to page.html", "did you mean quickstart?"),
        ("quickstart --store empty --to page.html", "has no steps"),
        ("quickstart --store damaged --to page.html", "is not a manifest"),
        (f"quickstart {S} --set dpo.bta=1 --to page.html", "did you mean beta?"),
    ],
    "compare": [
        ("", "required: STORE:EXPERIMENT"),
        ("store:quickstart", "store:quickstart alone: give two runs or more"),
        ("store:quickstart store:quickstart", "is given twice"),
        ("absent:quickstart store:quickstart", "absent has no steps"),
        ("store:quickstart store:gsm8k-small", "its scores are not finished: `w2s run` it to its end first"),
        ("store:quickstrat store:quickstart", "did you mean quickstart?"),
        ("store store:quickstart", "store: must be STORE:EXPERIMENT"),
    ],
    "reproduce": [
        ("--set dpo.beta=1", "give --store too"),
        ("--store ''", "the store '' names no folder"),
        ("--store absent", "has no steps"),
        (f"{S} --set dpo.bta=1", "did you mean beta?"),
        (CREDENTIALS, "carries credentials"),
        ("extra", "unrecognized arguments: extra"),
    ],
    "export": [
        (f"quickstart {S} dpo", "required: --to"),
        (f"quickstart {S} dpoo --to x", "no step 'dpoo' (did you mean dpo?)"),
        (f"quickstart {S} orpo --to x", "orpo is not finished"),
        (f"quickstart {S} pairs --to x --merge", "pairs has no adapter"),
        (f"quickstart {S} dpo --to store", "it is there already: give a new or an empty folder"),
        (f"quickstart {S} sampled --to x", "steps to export: weak_sft, consistent_1"),
        (f"quickstart {S} weak_floor --to x --push-to-hub a/b", "the base of weak_sft is on no hub"),
        (f"quickstart {S} pairs --to x --push-to-hub a/b/c", "--push-to-hub a/b/c: must be OWNER/NAME"),
    ],
    "eval": [
        (f"quickstart {S}", "required: --data"),
        (f"quickstrat {S} {EVAL}", "did you mean quickstart?"),
        (f"quickstart {S} --data absent.jsonl", "--data absent.jsonl: there is no file absent.jsonl"),
        (f"quickstart {S} --data data.jsonl", "has no gold"),
        (f"quickstart orpo {S} {EVAL}", "orpo: step orpo is not finished"),
        (f"quickstart weak_flor {S} {EVAL}", "no model 'weak_flor' (did you mean weak_floor?): the models are"),
        (f"quickstart {S} {EVAL} --json absent/figures.json", "must be a file in a folder that is there"),
        (f"quickstart {S} {EVAL} --samples -1", "--samples -1: must be 0 or more"),
        (f"quickstart --adapter x {S} {EVAL}", "--adapter x: is for a MODEL"),
        (f"./absent {S} {EVAL}", "there is no folder"),
    ],
    "chat": [
        (f"quickstart orpo {S}", "orpo: step orpo is not finished"),
        ("quickstart dpo --store absent", "has no steps"),
        (f"quickstart audit {S}", "step audit trains no model"),
        (f"quickstart hybrid_ft {S}", "no model 'hybrid_ft' (did you mean hybrid_ft_1?)"),
        (f"quickstart dpo {S} --url x", "--url x: must begin with http:// or https://"),
        (f"quickstart dpo {S} --url ''", "--url : must begin with http:// or https://"),
        (f"quickstart dpo {S} --served x", "--served x: needs --url"),
    ],
    "verify": [
        ("", "required: --store"),
        ("--store absent", "has no steps"),
        ("--store file", "cannot be read"),
        (CREDENTIALS, "carries credentials"),
        (f"{S} extra", "unrecognized arguments: extra"),
    ],
    "gc": [
        ("", "required: --store"),
        ("--store empty", "has no steps"),
        (f"{S} --keep quickstrat", "did you mean quickstart?"),
        (f"{S} --keep quickstart,dpo.bta=1", "--keep dpo.bta=1: Preference has no field 'bta'"),
        (f"{S} --keep quickstart,problems.seed=99", "none of its steps is in"),
    ],
    "answers": [
        ("", "two answers are needed: w2s answers A B"),
        ("1", "two answers are needed"),
        ("1 2 --kind XX", "unknown answer kind 'XX': the kinds are"),
        ("1 2 --kind nv", "unknown answer kind 'nv' (did you mean NV?)"),
        ("1 2 3 4", "unrecognized arguments: 3 4"),
        ("--file absent", "absent"),
    ],
    "fields": [
        ("dpoo", "no part 'dpoo' (did you mean dpo?)"),
        ("dpo.beta", "dpo.beta is a field and has no parts: --set dpo.beta=VALUE"),
        ("dpo.", "no part 'dpo.'"),
        ("a b", "unrecognized arguments: b"),
        ("--all", "unrecognized arguments: --all"),
    ],
    "init": [
        ("", "required: FILE.py"),
        ("mine", "end with .py, like mine.py"),
        ("my-own.py", "must be a Python name"),
        ("class.py", "must be a Python name"),
        ("other.py", "is there already: choose another name"),
        ("/no/such/mine.py", "cannot be written"),
    ],
    "env": [(word, f"unrecognized arguments: {word}") for word in ("x", "--all", "--store x", "quickstart", "-v")],
    "completion": [
        ("", "required: SHELL"),
        ("powershell", "SHELL powershell: must be bash, zsh, fish"),
        ("BASH", "SHELL BASH: must be bash, zsh, fish (did you mean bash?)"),
        ("bash zsh", "unrecognized arguments: zsh"),
        ("--shell bash", "unrecognized arguments: --shell"),
    ],
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wrong")
    small_run(folder / "store", without=("orpo", "test_orpo", "scores", "report"))
    (folder / "empty").mkdir()
    (folder / "file").write_text("no section")
    (folder / "broken.py").write_text("def f(:")
    (folder / "other.py").write_text("def f():\n    return 1\n")
    (folder / "misspelt.txt").write_text("a dpo.bta=1\n")
    (folder / "right.txt").write_text("paper\n")
    (folder / "binary").write_bytes(b"\xff\xfe\x00")
    (problems,) = (folder / "store" / "steps").glob("worldproblems-*")
    (damaged := folder / "damaged" / "steps" / problems.name).mkdir(parents=True)
    (damaged / "manifest.json").write_text("{")
    (folder / "data.jsonl").write_text('{"question": "1 + 1?", "answer": "2"}\n')
    return folder


def test_every_command_has_five() -> None:
    (commands,) = (action.choices for action in parser()._actions if isinstance(action.choices, dict))
    assert set(WRONG) == set(commands)
    assert all(len(rows) >= 5 for rows in WRONG.values())


def test_a_misspelt_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["rnu", "quickstart"])
    assert ended.value.code == 2
    assert "argument COMMAND: no 'rnu' (did you mean run?): choose run, plan, list" in capsys.readouterr().err


def test_a_ray_that_does_not_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(**_: object) -> None:
        raise Exception("The current node timed out during startup.")

    monkeypatch.setattr(os, "environ", {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"})
    monkeypatch.setattr("ray.init", slow)
    assert main(["preflight", "quickstart", "--store", str(tmp_path)]) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("w2s: TimeoutError: Ray did not start on this machine: Exception: The current node")


def files(place: Path) -> list[Path]:
    """All that is in a folder; Python keeps an imported experiment compiled beside it."""
    return sorted(path for path in place.rglob("*") if "__pycache__" not in path.parts)


@pytest.mark.parametrize(
    ("command", "words", "said"), [(command, *row) for command, rows in WRONG.items() for row in rows]
)
def test_wrong_input(
    command: str,
    words: str,
    said: str,
    place: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(place / "none"))
    before = files(place)
    try:
        code = main([command, *shlex.split(words)])
    except SystemExit as ended:  # argparse
        code = ended.code
    error = capsys.readouterr().err
    last = error.splitlines()[-1]
    assert code == 2 and said in last and last.startswith("w2s"), error
    usage = [line for line in error.splitlines()[:-1] if not line.startswith(("usage: w2s", " "))]
    assert not usage, "only argparse's usage comes before the error"
    assert "hush" not in error and files(place) == before, "something was written"
    assert not os.environ.get("RAY_ADDRESS"), "no Ray was started"
