"""`w2s reproduce`: the paper's rows are rows of our reports, and a store's figures stand beside them."""

from pathlib import Path

import pytest

from ray_jobs.cli.main import main
from tests.unit.cli.small_run import commit, small_run
from w2s.experiments.catalog import load
from w2s.experiments.paper import TABLES
from w2s.graph.build import build_steps
from w2s.graph.step import Step
from w2s.store.revisions import identified_steps, identify
from w2s.store.store import Store


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_row_is_a_model_of_its_experiments(table) -> None:
    for column, name in enumerate(table.experiments):
        models = {step.report_name for step in build_steps(load(name))}
        assert {result.model for result in table.results if result.figures[column] is not None} <= models
    assert all(len(result.figures) == len(table.experiments) for result in table.results)


def test_pgr_in_the_paper_is_what_its_accuracies_say() -> None:
    table = TABLES[0]
    rows = {result.model: result.figures for result in table.results if not result.is_pgr}
    for result in table.results:
        if result.is_pgr:
            for column, stated in enumerate(result.figures):
                floor, ceiling = rows["weak_floor"][column], rows["ceiling"][column]
                assert floor and ceiling and stated
                assert 100 * (rows[result.model][column] - floor) / (ceiling - floor) == pytest.approx(stated, abs=0.1)


def test_the_paper_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce"]) == 0
    shown = capsys.readouterr().out
    lines = {line.split()[0]: line.split()[1:] for line in shown.splitlines() if line}
    assert lines["weak_ft_2"] == ["57.47", "45.03", "66.72"] and "here" not in shown
    assert "PGR of orpo" in shown and "101.8" in shown and "OlympicArena" in shown


def finished_report(store: Store, name: str) -> None:
    """The last step of a shipped experiment, with two models."""
    steps = identified_steps(identify(load(name), store, network=False), store)
    pgr = {"value": 0.5, "low": 0.4, "high": 0.6}
    rows = [
        {"model": "weak_floor", "accuracy": 0.3, "low": 0.25, "high": 0.35, "pgr": None},
        {"model": "hybrid_ft_2", "accuracy": 0.5, "low": 0.45, "high": 0.55, "pgr": pgr},
    ]
    report: Step = steps[-1]
    commit(store, report, {"report": {"models": rows}})  # pyright: ignore[reportArgumentType]


def test_a_store_s_run_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = small_run(tmp_path)
    finished_report(store, "gsm8k-gemma-2b")
    assert main(["reproduce", "--store", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    (row,) = (line for line in shown.splitlines() if line.startswith("hybrid_ft_2 "))
    assert "56.03" in row and "50.00 (45.0 .. 55.0)" in row
    (pgr,) = (line for line in shown.splitlines() if line.startswith("PGR of hybrid_ft_2"))
    assert "50.00 (40.0 .. 60.0)" in pgr and "66.0" in pgr
    assert "gsm8k-llama2-7b: not in this store" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "dpo.beta=1"], "--set dpo.beta=1: is of the runs of a store: give --store too"),
        (["--store", "/no/such/store"], "/no/such/store"),
        (["--store", "EMPTY"], "has no steps: --store must be what"),
        (["--store", "RUN", "--set", "dpo.bta=1"], "did you mean beta?"),
        (["--store", "s3://key:secret@bucket/x"], "credentials"),
    ],
)
def test_wrong_input(arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    if "RUN" in arguments:
        small_run(tmp_path / "run")
    places = {"EMPTY": str(tmp_path / "empty"), "RUN": str(tmp_path / "run")}
    assert main(["reproduce", *(places.get(word, word) for word in arguments)]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and "secret" not in error
