"""The public Python names, and the notebook of docs/, executed cell by cell on a small store."""

import json
import re
from pathlib import Path

import pytest

import w2s
from tests.conftest import ROOT, fresh
from tests.unit.cli.small_run import IDS, small_run
from w2s.records import Selection


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    small_run(tmp_path / "store")
    monkeypatch.chdir(tmp_path)
    cells = json.loads((ROOT / "docs/api.ipynb").read_text())["cells"]
    codes = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert len(codes) >= 4 and all(not cell.get("outputs") for cell in cells), "outputs would age"
    namespace: dict[str, object] = {}
    for number, code in enumerate(codes):
        exec(compile(code, f"cell {number}", "exec"), namespace)
    shown = capsys.readouterr().out
    assert "{'done'}" in shown and "'dpo', " in shown and "weak_floor       1 of 2" in shown
    assert "chosen:\nright\n#### 6\nrejected:\nwrong\n#### 5" in shown


def test_names(tmp_path: Path) -> None:
    small_run(tmp_path / "store")
    place = str(tmp_path / "store")
    assert {line.state for line in w2s.plan(w2s.load("quickstart"), w2s.Store.at(place))} == {"done"}
    assert [line.step.name for line in w2s.plan("quickstart", place, only=["weak_sft"])] == ["problems", "weak_sft"]
    run = w2s.read("quickstart", place)
    assert run.rows("consistent_1", "selection")[0] == Selection(IDS[0], "kept", "5", "5")
    assert run.report == run.document("report", "report")
    assert {"run", "plan", "read", "Store", "load"} <= set(dir(w2s))
    heavy = fresh("import sys, w2s; w2s.plan; w2s.run; print([n for n in ('ray', 'torch') if n in sys.modules])")
    assert heavy == "[]\n", "a plan starts no library"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda place: w2s.plan("quickstrat", place), "did you mean quickstart?"),
        (lambda place: w2s.plan("quickstart", place, only=["dpoo"]), "--only dpoo: no such step"),
        (lambda place: w2s.read("quickstart", place, ["dpo.bta=1"]), "did you mean beta?"),
        (lambda place: w2s.read("quickstart", place).rows("dpoo", "model"), "did you mean dpo?"),
        (lambda place: w2s.read("quickstart", place).rows("pairs", "summary"), "document('pairs', 'summary')"),
        (lambda place: w2s.read("quickstart", place).rows("pairs", "pears"), "writes no table 'pears'"),
        (lambda place: w2s.read("quickstart", place, ["dpo.beta=9"]).document("dpo", "losses"), "no finished 'losses'"),
        (lambda place: w2s.read("quickstart", "/no/such/store"), "/no/such/store"),
        (lambda place: w2s.run("quickstart", place, resources="one-gpuu"), "there are no resources 'one-gpuu'"),
    ],
)
def test_mistakes(call, said: str, tmp_path: Path) -> None:
    place = str(small_run(tmp_path / "store").objects.url)
    with pytest.raises(ValueError, match=re.escape(said)):
        call(place)


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="module 'w2s' has no attribute 'rum'"):
        _ = w2s.rum
