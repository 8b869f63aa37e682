"""One function a tracker: it sends a record by the tracker's own client and returns the place.

Address, project and login are the client's own variables. A record that is sent again adds only what is new.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ray_jobs.tracking.record import Record
from w2s.errors import first_line

PROJECT = "w2s"
METRICS_A_REQUEST, VALUES_A_REQUEST = 1000, 100
"""MLflow's limits of a request: metrics, and parameters or tags."""


def tensorboard(run: Record) -> str:
    """Event files in `TENSORBOARD_LOGGING_DIR`, else ./tensorboard, one folder a record."""
    writers: Any = import_module("torch.utils.tensorboard")
    folder = Path(os.environ.get("TENSORBOARD_LOGGING_DIR", "tensorboard")) / f"{run.name}-{run.key}"
    with writers.SummaryWriter(str(folder), purge_step=0) as writer:  # else a curve that is sent twice is shown twice
        for name, points in run.curves.items():
            for step, value in points:
                writer.add_scalar(name, value, step)
        for name, value in run.figures.items():
            writer.add_scalar(name, value, 0)
        writer.add_text("settings", _markdown(["field", "value"], list(run.settings.items())))
        writer.add_text("links", _markdown(["what", "place"], list(run.links.items())))
        if run.models:
            writer.add_text("models", _markdown(run.header, run.models))
    return str(folder.absolute())


def mlflow(run: Record) -> str:
    """A run on `MLFLOW_TRACKING_URI`, else MLflow's own default, in the experiment `MLFLOW_EXPERIMENT_NAME` or w2s."""
    library: Any = import_module("mlflow")
    entities: Any = import_module("mlflow.entities")
    client: Any = library.MlflowClient()
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
    found = client.get_experiment_by_name(name)
    experiment = found.experiment_id if found else client.create_experiment(name)
    known = client.search_runs([experiment], f"tags.w2s_key = '{run.key}'", max_results=1)
    tags = {"w2s_key": run.key}
    run_id: str = (known[0] if known else client.create_run(experiment, run_name=run.name, tags=tags)).info.run_id
    now = int(time.time() * 1000)
    metrics = [
        entities.Metric(name, value, now, step)
        for name, points in [*run.curves.items(), *((name, [(0, value)]) for name, value in run.figures.items())]
        for step, value in _new(points, client.get_metric_history(run_id, name) if known else [])
    ]
    for some in _parts(metrics, METRICS_A_REQUEST):
        client.log_batch(run_id, metrics=some)
    for some in _parts(list(run.settings.items()), VALUES_A_REQUEST):
        client.log_batch(run_id, params=[entities.Param(*one) for one in some])
    for key, value in run.links.items():
        client.set_tag(run_id, key, value)
    if run.models:
        client.log_dict(run_id, {"columns": list(run.header), "data": [list(row) for row in run.models]}, "models.json")
        client.log_text(run_id, run.page.decode(), "report.html")
    client.set_terminated(run_id)
    return f"{library.get_tracking_uri()} run {run_id}"


def _parts(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (values[start : start + size] for start in range(0, len(values), size))


def _new(points: Sequence[tuple[int, float]], logged: Sequence[Any]) -> Iterator[tuple[int, float]]:
    there = {(metric.step, metric.value) for metric in logged}
    return (point for point in points if point not in there)


def wandb(run: Record) -> str:
    """A run of the project `WANDB_PROJECT`, or w2s; `WANDB_MODE=offline` writes it below `WANDB_DIR`."""
    library: Any = import_module("wandb")
    quiet = library.Settings(console="off", disable_git=True, disable_code=True, x_disable_stats=True, silent=True)
    project = os.environ.get("WANDB_PROJECT", PROJECT)
    with library.init(
        project=project, id=run.key, name=run.name, resume="allow", config=dict(run.settings), settings=quiet
    ) as there:
        for name, points in run.curves.items():
            axis = f"step of {name}"
            there.define_metric(name, step_metric=axis)
            last = there.summary.get(axis) or 0 if there.resumed else 0
            for step, value in points:
                if step > last:
                    there.log({axis: step, name: value})
        there.summary.update(dict(run.figures))
        there.summary.update({"links": dict(run.links)})
        if run.models:
            there.log({"models": library.Table(columns=list(run.header), data=[list(row) for row in run.models])})
        return str(there.url or Path(there.dir).parent)


TRACKERS: Mapping[str, Callable[[Record], str]] = {"wandb": wandb, "mlflow": mlflow, "tensorboard": tensorboard}


def check_tracker(name: str) -> None:
    """Raise ValueError for an unknown tracker, or if its client is not installed."""
    if name not in TRACKERS:
        raise ValueError(f"--track {name}: must be {', '.join(TRACKERS)}")
    if find_spec(name) is None:
        raise ValueError(f"--track {name}: its client is not installed: pip install 'w2s[{name}]'")


def send(names: Sequence[str], run: Record) -> Iterator[str]:
    """Send a record to each tracker, one after another. Yields a line with its place.

    Raises ValueError where a tracker does not take it.
    """
    for name in dict.fromkeys(names):
        try:
            place = TRACKERS[name](run)
        except Exception as error:  # each client raises types of its own
            raise ValueError(
                f"--track {name}: it does not take the run ({first_line(error)}); nothing in the store is lost: check "
                "the client's variables and login, and give the same command again"
            ) from error
        yield f"tracked in {name}: {place}"


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)
