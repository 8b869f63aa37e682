"""`w2s run --track`: what TensorBoard's files, MLFlow's SQLite store and W&B's offline files have in the end.

Clients that are not installed skip their tests: `pip install 'w2s[wandb,mlflow,tensorboard]'`.
"""

import io
import json
import math
import re
import time
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from ray_jobs.cli.main import main
from ray_jobs.driver.submit import SECRET
from ray_jobs.runtime.progress import Progress
from ray_jobs.tracking import mirror, trackers
from tests.conftest import ROOT, fresh, wait_for
from tests.unit.cli.small_run import small_run, steps_of
from w2s.store.store import Store

CURVES = ["loss/ceiling", "loss/dpo", "loss/full_icl_ft", "loss/full_weak_ft", "loss/hybrid_ft_1"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return small_run(tmp_path_factory.mktemp("tracked"))


def track(store: Store, name: str) -> None:
    assert main(["run", "quickstart", "--store", store.objects.url, "--track", name]) == 0


def test_tensorboard_files(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path))
    track(store, "tensorboard")
    track(store, "tensorboard")
    (folder,) = tmp_path.iterdir()
    assert f"tracked in tensorboard: {folder}" in capsys.readouterr().out
    events = EventAccumulator(str(folder)).Reload()
    scalars = events.Tags()["scalars"]
    assert set(CURVES) <= set(scalars) and {"accuracy/dpo", "pgr/dpo", "seconds/dpo"} <= set(scalars)
    assert [(event.step, event.value) for event in events.Scalars("loss/dpo")] == [(1, 0.5)], "sent twice, shown once"
    assert [event.value for event in events.Scalars("accuracy/weak_floor")] == [0.5]
    texts = {tag: events.Tensors(tag)[-1].tensor_proto.string_val[0].decode() for tag in events.Tags()["tensors"]}
    assert "| dpo.beta | 0.1 |" in texts["settings/text_summary"]
    assert "| dpo | 2 of 2 |" in texts["models/text_summary"] and store.objects.url in texts["links/text_summary"]


def test_mlflow_s_own_store(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
    monkeypatch.chdir(tmp_path)
    address = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    track(store, "mlflow")
    track(store, "mlflow")
    client = mlflow.MlflowClient(address)
    (run,) = client.search_runs([client.get_experiment_by_name("w2s").experiment_id])
    assert run.info.run_name == "quickstart" and run.info.status == "FINISHED"
    assert run.data.params["dpo.beta"] == "0.1" and run.data.tags["store"] == store.objects.url
    assert run.data.metrics["accuracy/weak_floor"] == 0.5 and set(CURVES) <= set(run.data.metrics)
    history = client.get_metric_history(run.info.run_id, "loss/dpo")
    assert [(one.step, one.value) for one in history] == [(1, 0.5)], "sent twice, logged once"
    place = mlflow.artifacts.download_artifacts(
        run_id=run.info.run_id, artifact_path="models.json", tracking_uri=address
    )
    table = json.loads(Path(place).read_text())
    assert table["columns"][0] == "model" and ["dpo", "2 of 2"] in [row[:2] for row in table["data"]]


def test_wandb_offline(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    pytest.importorskip("wandb", reason="wandb is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    track(store, "wandb")
    (folder,) = (tmp_path / "wandb").glob("offline-run-*")
    assert f"tracked in wandb: {folder}" in capsys.readouterr().out
    key = steps_of(store)[-1].fingerprint[:16]
    data = (folder / f"run-{key}.wandb").read_bytes()
    for text in (b"dpo.beta", b"loss/dpo", b"accuracy/weak_floor", store.objects.url.encode()):
        assert text in data, text


def test_nothing_is_sent_unless_asked(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mirror, "TRACKERS", {})
    assert main(["run", "quickstart", "--store", store.objects.url]) == 0
    assert not list(tmp_path.iterdir())
    loaded = "import sys, ray_jobs.cli.main; print([n for n in ('wandb', 'mlflow', 'tensorboard') if n in sys.modules])"
    assert fresh(loaded).strip() == "[]"


def test_an_unfinished_run_is_tracked_as_far_as_it_is(tmp_path: Path) -> None:
    from ray_jobs.tracking.record import record
    from w2s.experiments.quickstart import quickstart

    store = small_run(tmp_path, without=("orpo", "test_orpo", "scores", "report"))
    found = record(quickstart(), steps_of(store), store)
    assert "loss/dpo" in found.curves and "loss/orpo" not in found.curves
    assert not found.models and not found.page and not any(name.startswith("accuracy/") for name in found.figures)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tensorbord", "--track tensorbord: must be wandb, mlflow, tensorboard"),
        ("wandb", "--track wandb: its client is not installed: pip install 'w2s[wandb]'"),
        ("mlflow", "pip install 'w2s[mlflow]'"),
        ("tensorboard", "pip install 'w2s[tensorboard]'"),
    ],
)
def test_what_is_refused_at_once(
    name: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "find_spec", lambda name: None)
    assert main(["run", "quickstart", "--store", str(tmp_path / "new"), "--track", name]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and not (tmp_path / "new").exists()


def test_a_tracker_that_fails_loses_nothing(store: Store, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    def refused(name: str, key: str) -> Any:
        raise ConnectionError("refused")

    monkeypatch.setattr(mirror, "TRACKERS", {"mlflow": refused})
    monkeypatch.setattr(mirror, "find_spec", lambda name: True)
    assert main(["run", "quickstart", "--store", store.objects.url, "--track", "mlflow"]) == 2
    error = capsys.readouterr().err
    assert "--track mlflow: it does not take the run (ConnectionError: refused); nothing in the store is lost" in error


def test_every_tracker_is_an_extra() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for name in trackers.TRACKERS:
        assert any(requirement.startswith(name) for requirement in extras[name])


class Recorder:
    """A tracker that keeps what it gets, and fails at a chosen call."""

    made: ClassVar[list["Recorder"]] = []

    def __init__(self, name: str, key: str) -> None:
        self.name, self.key, self.got = name, key, list[Any]()
        self.made.append(self)

    def curves(self, curves: Any) -> None:
        self.got.append({name: list(points) for name, points in curves.items()})

    def finish(self, run: Any) -> str:
        self.got.append(run)
        return "here"

    def close(self) -> None:
        self.got.append("closed")


class Broken(Recorder):
    def curves(self, curves: Any) -> None:
        raise ConnectionError("gone")


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Recorder]:
    monkeypatch.setattr(Recorder, "made", [])
    monkeypatch.setattr(mirror, "TRACKERS", {"a": Recorder, "b": Broken})
    monkeypatch.setattr(mirror, "SECONDS", 0.02)
    return Recorder.made


def test_curves_come_while_a_run_goes_on_and_the_record_in_the_same_session(recorded: list[Recorder]) -> None:
    points, made = {"loss/dpo": [(1, 0.5)]}, mirror.Mirror(["a", "a"])
    made.begin("quickstart", "key", lambda: points, print)
    wait_for(lambda: bool(recorded and recorded[0].got), 10, "the first points")
    points["loss/dpo"].append((2, 0.4))
    made.pause()
    assert recorded[0].got[-1] == {"loss/dpo": [(1, 0.5), (2, 0.4)]}, "the last points too"
    run: Any = SimpleNamespace(name="quickstart", key="key")
    assert [*made.finish(run)] == ["tracked in a: here"]
    made.close()
    (session,) = recorded
    assert (session.name, session.key, session.got[-1]) == ("quickstart", "key", run), "one session, closed once"


def test_a_tracker_that_fails_meanwhile_costs_its_curves_alone(recorded: list[Recorder]) -> None:
    said, made = list[str](), mirror.Mirror(["b", "a"])
    made.begin("quickstart", "key", lambda: {"loss/dpo": [(1, 0.5)]}, said.append)
    wait_for(lambda: sum(len(one.got) for one in recorded) > 2, 10, "points in the other")
    made.pause()
    assert said == ["--track b: no curves while this run goes on (ConnectionError: gone)"]
    assert [type(one) for one in recorded] == [Broken, Recorder]
    run: Any = SimpleNamespace(name="quickstart", key="key")
    assert [*made.finish(run)] == ["tracked in b: here", "tracked in a: here"]
    assert [type(one) for one in recorded] == [Broken, Recorder, Broken], "a new session for the record"


def test_a_run_that_ends_early_closes_its_sessions(recorded: list[Recorder]) -> None:
    made = mirror.Mirror(["a"])
    made.begin("quickstart", "key", dict, print)
    made.pause()
    made.close()
    assert recorded[0].got[-1] == "closed"
    mirror.Mirror(()).begin("quickstart", "key", dict, print)  # nobody is told
    assert len(recorded) == 1


def test_curves_of_a_run_are_losses_and_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    log, now = Progress(io.StringIO()), 1000.0
    monkeypatch.setattr(time, "time", lambda: now)
    log.started("sampled", 100, "problems")
    log.started("dpo", 9, "steps")
    for moment, done in [(1010.0, 5), (1011.0, 5), (1030.0, 20)]:
        now = moment
        log.advanced("sampled", done, tokens=1000, since=1000.0)
    for loss in (0.7, math.nan, None, 0.6):
        log.advanced("dpo", 1, loss=loss)
    assert log.curves() == {
        "tokens_per_second/sampled": [(5, 100.0), (30, 100.0)],
        "loss/dpo": [(1, 0.7), (4, 0.6)],
    }


PLACED = {"MLFLOW_TRACKING_URI": "http://m:5000", "TENSORBOARD_LOGGING_DIR": "/data/tb", "WANDB_PROJECT": "p"}


@pytest.mark.parametrize(
    ("names", "environment", "expected"),
    [
        ([], PLACED, []),
        (["wandb"], {}, []),
        (["wandb"], PLACED | {"WANDB_API_KEY": "s", "WANDB_MODE": "offline"}, ["WANDB_PROJECT", "WANDB_MODE"]),
        (["mlflow"], PLACED | {"MLFLOW_TRACKING_TOKEN": "s"}, ["MLFLOW_TRACKING_URI"]),
        (["mlflow", "tensorboard"], PLACED, ["MLFLOW_TRACKING_URI", "TENSORBOARD_LOGGING_DIR"]),
        (
            ["mlflow"],
            {},
            "--track mlflow: it would write to the job's own folder, which Ray removes at its end",
        ),
        (
            ["tensorboard"],
            {"TENSORBOARD_LOGGING_DIR": ""},
            "set TENSORBOARD_LOGGING_DIR to a URL, or to a folder that stays",
        ),
        (["wandd"], PLACED, "--track wandd: must be wandb, mlflow, tensorboard"),
    ],
)
def test_what_a_job_gets_of_the_trackers_variables(
    names: list[str], environment: dict[str, str], expected: list[str] | str
) -> None:
    if isinstance(expected, str):
        with pytest.raises(ValueError, match=re.escape(expected)):
            mirror.variables_of(names, environment)
        return
    assert mirror.variables_of(names, environment) == expected
    assert not any(SECRET.search(name) for of in trackers.VARIABLES.values() for name in of), "no secret is passed on"


def test_submit_passes_the_trackers_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    jobs: list[Any] = []

    def submitted(arguments: list[str], name: str, address: Any, **how: Any) -> int:
        jobs.append((arguments, how["names"]))
        return 0

    monkeypatch.setattr("ray_jobs.driver.submit.submit", submitted)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://m:5000")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hunter2")
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    here = ["submit", "quickstart", "--store", str(tmp_path / "new"), "--address", "http://127.0.0.1:8265", "--track"]
    assert main([*here, "mlflow"]) == 0  # installed or not here: the cluster's nodes need it
    ((arguments, names),) = jobs
    assert arguments[-2:] == ["--track", "mlflow"] and names == ["MLFLOW_TRACKING_URI"]
    assert main([*here, "tensorboard"]) == 2 and "set TENSORBOARD_LOGGING_DIR" in capsys.readouterr().err
    assert len(jobs) == 1 and "hunter2" not in str(jobs)
