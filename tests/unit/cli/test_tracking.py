"""`w2s run --track`: what TensorBoard's files, MLFlow's SQLite store and W&B's offline files have in the end.

Clients that are not installed skip their tests: `pip install 'w2s[wandb,mlflow,tensorboard]'`.
"""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ray_jobs.cli.main import main
from ray_jobs.tracking import trackers
from tests.conftest import ROOT, fresh
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
    monkeypatch.setattr(trackers, "TRACKERS", {})
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
    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    assert main(["run", "quickstart", "--store", str(tmp_path / "new"), "--track", name]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and not (tmp_path / "new").exists()


def test_a_tracker_that_fails_loses_nothing(store: Store, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    def refused(run: Any) -> str:
        raise ConnectionError("refused")

    monkeypatch.setattr(trackers, "TRACKERS", {"mlflow": refused})
    monkeypatch.setattr(trackers, "find_spec", lambda name: True)
    assert main(["run", "quickstart", "--store", store.objects.url, "--track", "mlflow"]) == 2
    error = capsys.readouterr().err
    assert "--track mlflow: it does not take the run (ConnectionError: refused); nothing in the store is lost" in error


def test_every_tracker_is_an_extra() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for name in trackers.TRACKERS:
        assert any(requirement.startswith(name) for requirement in extras[name])
