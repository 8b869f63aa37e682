"""`w2s status` and `w2s plan`: who runs what since when, from the store alone."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ray_jobs.cli.main import main
from ray_jobs.cli.reading import status
from tests.unit.cli.small_run import small_run, steps_of
from w2s.records import Completion
from w2s.store import layout
from w2s.store.lease.heartbeat import Heartbeat
from w2s.store.lease.lease import create_lease
from w2s.store.lease.run_record import RunRecord, RunState, StepState, from_json, to_json
from w2s.store.store import Store
from w2s.store.tables import parquet_bytes

UNFINISHED = ("sampled", "dpo", "orpo", "scores", "audit", "report", "test_dpo", "test_orpo", "pairs")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A run that samples, on this machine, in this process."""
    made = small_run(tmp_path, without=UNFINISHED)
    sampled = next(step for step in steps_of(made) if step.name == "sampled")
    assert create_lease(made.objects, sampled.directory, 1, "r1")
    row = StepState("sampled", sampled.directory, "", time.time() - 70, 3, 4, "problems", 812.4, 0.25, 4000.0, 2, 1, 5)
    state = RunState("quickstart", 19, 28, (row,), ("pairs", "dpo"))
    Heartbeat(made.objects, "r1", print, lambda: state).write(7)
    return made


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main([*arguments]) == 0
    out = capsys.readouterr().out
    assert all(char.isprintable() for char in out.replace("\n", ""))
    return out


def test_a_live_run(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, "status", "--store", store.objects.url)
    assert "run r1 on" in out and "quickstart: 19 of 28 steps done, 1 running" in out and "next: pairs, dpo" in out
    line = next(line for line in out.splitlines() if line.startswith("  sampled"))
    assert " ".join(line.split()) == "sampled - 3 of 4 problems 812 0.2500 1 h 6 min 2 1 5 1 min 10 s"
    assert ": 21 finished, 1 unfinished" in out


def test_the_steps_of_an_experiment(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    sampled = next(step for step in steps_of(store) if step.name == "sampled")
    objects = store.objects
    objects.write(objects.path(layout.plan(sampled.directory)), json.dumps({"problems_per_block": 3}).encode())
    objects.write(objects.path(sampled.directory, layout.block(0)), parquet_bytes([], Completion))
    out = printed(capsys, "status", "--store", objects.url, "quickstart")
    line = next(line for line in out.splitlines() if line.startswith("sampled"))
    assert line.split()[1:4] == ["running", "running", "since"] and "by run r1 on" in line
    assert line.endswith("; 1 of 2 blocks are in the store") and "21 of 30 steps are done" in out
    assert [text.split()[1] for text in out.splitlines() if text.startswith("pairs ")] == ["missing"]


def test_the_plan_says_who_runs_a_step(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    line = next(
        line for line in printed(capsys, "plan", "quickstart", "--store", store.objects.url).splitlines()
        if " sampled " in line
    )  # fmt: skip
    assert line.startswith("run ") and "running since 20" in line and "by run r1 on" in line


def test_a_run_that_ended_without_a_word(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Its process is gone from this machine, or its heartbeat has stopped elsewhere."""
    path = Path(store.objects.path(layout.heartbeat("r1")))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    record = from_json(path.read_bytes())
    assert record is not None
    boot, namespace, _, start = record.process.split(" ")
    path.write_bytes(to_json(RunRecord("r1", 9, "here", f"{boot} {namespace} {ended.pid} {start}", "t", record.state)))
    assert "STOPPED: its process has ended" in printed(capsys, "status", "--store", store.objects.url)
    path.write_bytes(to_json(RunRecord("r1", 9, "elsewhere", "", "t", record.state)))
    os.utime(path, (time.time() - 500,) * 2)
    out = printed(capsys, "status", "--store", store.objects.url)
    assert "STOPPED: no heartbeat for 500 s" in out and "held since" in out
    assert "held since" in printed(capsys, "plan", "quickstart", "--store", store.objects.url)
    assert main(["status", "--store", store.objects.url, "--watch"]) == 0, "nothing goes on, so nothing is watched"


@pytest.mark.parametrize(
    "content", [b"{}", b"", b"[1]", b'{"run": "r1", "beat": 3}', b'{"run": "r1", "beat": {}}', b"\xff"]
)
def test_heartbeats_of_other_versions(store: Store, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    Path(store.objects.path(layout.heartbeat("r1"))).write_bytes(content)
    assert "it says no more" in printed(capsys, "status", "--store", store.objects.url)


def test_names_cannot_steer_the_terminal(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    state = RunState("\x1b[2Jevil\n", 0, 1, (), ("\x1b]0;x\x07",))
    Heartbeat(store.objects, "r1", print, lambda: state).write(8)
    assert "\\x1b[2Jevil\\n" in printed(capsys, "status", "--store", store.objects.url)


def test_watch_looks_again_until_no_run_goes_on(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(seconds: float) -> None:
        Path(store.objects.path(layout.heartbeat("r1"))).unlink()

    monkeypatch.setattr(status.time, "sleep", ends)
    out = printed(capsys, "status", "--store", store.objects.url, "--watch")
    assert out.count("of 28 steps done") == 1 and out.count("no run goes on") == 1


def test_status_writes_nothing(store: Store) -> None:
    def files() -> dict[str, float]:
        return {str(path): path.stat().st_mtime for path in Path(store.objects.url).rglob("*")}

    before = files()
    assert main(["status", "--store", store.objects.url, "quickstart"]) == 0
    assert files() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--store", "EMPTY"], "has no steps"),
        (["--store", "s3://"], "names no bucket"),
        (["--store", "STORE", "quickstrat"], "quickstart"),
        (["--store", "STORE", "--set", "dpo.beta=0.3"], "give EXPERIMENT too"),
        (["--store", "STORE", "quickstart", "--set", "dpo.bet=0.3"], "did you mean beta?"),
        (["--store", "STORE", "quickstart", "--set", "problems.seed=99"], "has no step of quickstart with this --set"),
        (["--store", "STORE", "nothing.py:experiment"], "there is no file"),
    ],
)
def test_wrong_input(
    store: Store, arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places: dict[str, Any] = {"STORE": store.objects.url, "EMPTY": str(tmp_path / "empty")}
    assert main(["status", *(str(places.get(word, word)) for word in arguments)]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_a_run_that_has_just_begun_is_shown_with_its_experiment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its store has no step yet, and a second terminal may look already."""
    store = Store.at(str(tmp_path))
    Heartbeat(store.objects, "r1", print, lambda: RunState("", 0, 0, (), ())).write(7)
    out = printed(capsys, "status", "quickstart", "--store", store.objects.url)
    assert "run r1 on" in out and "preparing" in out and "0 of 30 steps are done" in out
