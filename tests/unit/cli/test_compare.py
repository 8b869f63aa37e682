"""`w2s compare`: settings that differ, paired differences, and seeds pooled."""

from pathlib import Path

import pytest

from ray_jobs.cli.main import main
from tests.unit.cli.small_run import small_run
from w2s.experiments.quickstart import quickstart
from w2s.report.compare import Run, differences, different_settings, flat, models, pooled, seeds_alone

QUESTIONS = {f"p{number}": f"{number}?" for number in range(10)}


def run(name: str, right: int, questions: dict[str, str] = QUESTIONS, **settings: str) -> Run:
    credit = {problem: float(number < right) for number, problem in enumerate(questions)}
    return Run(name, {"sft.epochs": "2", "sft.seed": "0", "name": name} | settings, questions, {"dpo": credit})


def test_settings_by_dotted_name() -> None:
    assert flat({"dpo": {"beta": 0.1, "lora": {"rank": 8}}, "stop": ["a", "b"], "orpo": None}) == {
        "dpo.beta": "0.1", "dpo.lora.rank": "8", "stop": "['a', 'b']", "orpo": "None"
    }  # fmt: skip
    assert different_settings([run("a", 1), run("b", 1, **{"sft.epochs": "3"})]) == {"sft.epochs": ["2", "3"]}
    assert different_settings([run("a", 1), run("b", 1, more="1")]) == {"more": ["-", "1"]}


def test_differences_are_paired_on_the_same_questions_alone() -> None:
    (row,) = differences([run("a", 5), run("b", 7)])
    assert row[0] == "dpo" and [one.value for one in row[1]] == [0.5, 0.7]
    assert row[2][0] is not None and row[2][0].value == pytest.approx(0.2)
    others = {problem: f"another {question}" for problem, question in QUESTIONS.items()}
    ((_, _, unpaired),) = differences([run("a", 5), run("b", 7, others)])
    assert unpaired == [None], "equal ids of other questions are no pairs"


def test_seeds_are_pooled_with_the_spread_between_them() -> None:
    runs = [run("a", 5), run("b", 7, **{"sft.seed": "1"}), run("c", 9, **{"sft.seed": "2"})]
    assert seeds_alone(runs) and not seeds_alone([*runs, run("d", 5, **{"sft.epochs": "3"})])
    assert not seeds_alone([run("a", 5), run("b", 5)]), "nothing differs"
    (one,) = pooled(runs)
    assert (one.runs, one.lowest, one.highest) == (3, 0.5, 0.9) and one.deviation == pytest.approx(0.2)
    assert one.estimate.value == pytest.approx(0.7) and one.estimate.denominator == 10
    others = {f"q{number}": "?" for number in range(10)}
    (one,) = pooled([run("a", 5), run("b", 7, others, **{"sft.seed": "1"})])
    assert one.estimate.value == pytest.approx(0.6) and one.estimate.denominator == 20
    assert models([run("a", 1), Run("b", {}, {}, {})]) == []


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    one, other = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("other")
    small_run(one)
    seeded = quickstart().sft.model_copy(update={"seed": 7})
    small_run(other, sft=seeded)
    small_run(other, without=("scores", "report"), iterations=2)
    return one, other


def test_the_command(stores: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    one, other = stores
    assert main(["compare", f"{one}:quickstart", f"{other}:quickstart,sft.seed=7"]) == 0
    out = capsys.readouterr().out
    assert f"A  {one}:quickstart\n" in out and "sft.seed  42  7" in out.replace("42 ", "42  ").replace("   ", "  ")
    line = next(line for line in out.splitlines() if line.startswith("weak_floor"))
    assert line.split()[1:5] == ["50.0", "%", "50.0", "%"] and "+0.0 (-84.2 .. +84.2)" in line
    assert "all seeds" in out and "between seeds" in out, "and the same step in another store is another's work"


def test_the_same_answers_with_other_credits_are_not_the_same() -> None:
    ours, theirs, regraded = (
        Run(name, {}, {}, {"dpo": {"p0": credit}}, {"dpo": place})
        for name, credit, place in (("a", 1.0, "x"), ("b", 1.0, "y"), ("c", 0.0, "x"))
    )
    assert ours.has_same("dpo", ours) and not ours.has_same("dpo", theirs) and not ours.has_same("dpo", regraded)
    assert not run("a", 5).has_same("dpo", run("b", 5)), "nothing is known of their places"


def test_one_step_of_one_store_has_no_interval(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dpo = quickstart().dpo
    assert dpo is not None
    small_run(tmp_path)
    small_run(tmp_path, dpo=dpo.model_copy(update={"beta": 0.3}))
    assert main(["compare", f"{tmp_path}:quickstart", f"{tmp_path}:quickstart,dpo.beta=0.3"]) == 0
    told = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.endswith((")", "answers"))}
    assert "(" in told.pop("dpo") and len(told) > 5
    assert all(line.endswith("same answers") for line in told.values())


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        (["ONE:quickstart"], "give two runs or more"),
        (["ONE:quickstart", "ONE:quickstart"], "is given twice"),
        (["ONE:quickstart", "quickstart"], "must be STORE:EXPERIMENT"),
        (["ONE:quickstart", "OTHER:quickstrat"], "quickstart"),
        (["ONE:quickstart", "OTHER:quickstart,sft.sed=7"], "did you mean seed?"),
        (["ONE:quickstart", "OTHER:quickstart,problems.seed=99"], "has no step of quickstart with this --set"),
        (["ONE:quickstart", "OTHER:quickstart,iterations=2"], "its scores are not finished"),
        (["ONE:quickstart", "OTHER/empty:quickstart"], "has no steps"),
        (["ONE:quickstart", "s3://:quickstart"], "names no bucket"),
    ],
)
def test_wrong_input(stores: tuple[Path, Path], runs: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = stores
    assert main(["compare", *(run.replace("ONE", str(one)).replace("OTHER", str(other)) for run in runs)]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "store", "experiment"),
    [
        ("store:quickstart", "store", "quickstart"),
        ("s3://bucket/runs:gsm8k-small", "s3://bucket/runs", "gsm8k-small"),
        ("s3://bucket/runs:mine.py:mine", "s3://bucket/runs", "mine.py:mine"),
        ("/tmp/a:b/store:dir/mine.py:mine", "/tmp/a:b/store", "dir/mine.py:mine"),
    ],
)
def test_names_of_runs(text: str, store: str, experiment: str) -> None:
    from ray_jobs.cli.reading.compare import _RUN

    found = _RUN.fullmatch(text)
    assert found is not None and found.groups() == (store, experiment)
