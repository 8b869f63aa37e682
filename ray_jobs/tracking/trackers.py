"""One class a tracker: a session with the tracker's own client, which takes curves while a run goes on, and a record.

Address, project and login are the client's own variables (`VARIABLES`). What is sent again adds only what is new.
"""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from ray_jobs.tracking.record import Record

PROJECT = "w2s"
METRICS_A_REQUEST, VALUES_A_REQUEST = 1000, 100
"""MLflow's limits of a request: metrics, and parameters or tags."""
Curves = Mapping[str, Sequence[tuple[int, float]]]
"""(place on the curve's axis, value) by the curve's name."""


class Tracker(Protocol):
    """A session of one run."""

    def curves(self, curves: Curves) -> None:
        """Send those of these points that are new."""
        ...

    def finish(self, run: Record) -> str:
        """Send the record and end the session; returns the place."""
        ...

    def close(self) -> None:
        """End the session without a record."""
        ...


class TensorBoard:
    """Event files in `TENSORBOARD_LOGGING_DIR`, else ./tensorboard, one folder a record."""

    def __init__(self, name: str, key: str) -> None:
        writers: Any = import_module("torch.utils.tensorboard")
        self._folder = Path(os.environ.get("TENSORBOARD_LOGGING_DIR", "tensorboard")) / f"{name}-{key}"
        # Purged, because a curve that another session has written would be shown twice.
        self._writer = writers.SummaryWriter(str(self._folder), purge_step=0)
        self._sent: defaultdict[str, set[tuple[int, float]]] = defaultdict(set)

    def curves(self, curves: Curves) -> None:
        """Write the points that this session has not written."""
        for name, points in curves.items():
            for step, value in _new(points, self._sent[name]):
                self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def finish(self, run: Record) -> str:
        """Write the record."""
        self.curves(run.curves)
        for name, value in run.figures.items():
            self._writer.add_scalar(name, value, 0)
        self._writer.add_text("settings", _markdown(["field", "value"], list(run.settings.items())))
        self._writer.add_text("links", _markdown(["what", "place"], list(run.links.items())))
        if run.models:
            self._writer.add_text("models", _markdown(run.header, run.models))
        self.close()
        return str(self._folder.absolute())

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


class MLflow:
    """A run on `MLFLOW_TRACKING_URI`, else MLflow's own default, in the experiment `MLFLOW_EXPERIMENT_NAME` or w2s."""

    def __init__(self, name: str, key: str) -> None:
        self._library: Any = import_module("mlflow")
        self._entities: Any = import_module("mlflow.entities")
        self._client: Any = self._library.MlflowClient()
        wanted = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        found = self._client.get_experiment_by_name(wanted)
        experiment = found.experiment_id if found else self._client.create_experiment(wanted)
        known = self._client.search_runs([experiment], f"tags.w2s_key = '{key}'", max_results=1)
        run = known[0] if known else self._client.create_run(experiment, run_name=name, tags={"w2s_key": key})
        self._run: str = run.info.run_id
        self._sent: dict[str, set[tuple[int, float]]] = {}

    def curves(self, curves: Curves) -> None:
        """Log the points that the run does not have."""
        now = int(time.time() * 1000)
        for name in curves.keys() - self._sent.keys():
            history = self._client.get_metric_history(self._run, name)
            self._sent[name] = {(metric.step, metric.value) for metric in history}
        metrics = [
            self._entities.Metric(name, value, now, step)
            for name, points in curves.items()
            for step, value in _new(points, self._sent[name])
        ]
        for some in _parts(metrics, METRICS_A_REQUEST):
            self._client.log_batch(self._run, metrics=some)

    def finish(self, run: Record) -> str:
        """Log the record."""
        self.curves({**run.curves, **{name: [(0, value)] for name, value in run.figures.items()}})
        for some in _parts(list(run.settings.items()), VALUES_A_REQUEST):
            self._client.log_batch(self._run, params=[self._entities.Param(*one) for one in some])
        for key, value in run.links.items():
            self._client.set_tag(self._run, key, value)
        if run.models:
            table = {"columns": list(run.header), "data": [list(row) for row in run.models]}
            self._client.log_dict(self._run, table, "models.json")
            self._client.log_text(self._run, run.page.decode(), "report.html")
        self.close()
        return f"{self._library.get_tracking_uri()} run {self._run}"

    def close(self) -> None:
        """Mark the run as finished; another session may add to it."""
        self._client.set_terminated(self._run)


class WandB:
    """A run of the project `WANDB_PROJECT`, or w2s; `WANDB_MODE=offline` writes it below `WANDB_DIR`."""

    def __init__(self, name: str, key: str) -> None:
        self._library: Any = import_module("wandb")
        if os.environ.get("WANDB_MODE", "online") == "online" and not self._library.api.api_key:  # else it asks
            raise ValueError("nobody is logged in: `wandb login`, or WANDB_MODE=offline")
        quiet = self._library.Settings(
            console="off", disable_git=True, disable_code=True, x_disable_stats=True, silent=True
        )
        project = os.environ.get("WANDB_PROJECT", PROJECT)
        self._run: Any = self._library.init(project=project, id=key, name=name, resume="allow", settings=quiet)
        self._last: dict[str, float] = {}

    def curves(self, curves: Curves) -> None:
        """Log the points beyond the last one of each curve, because W&B takes them in order only."""
        for name, points in curves.items():
            axis = f"step of {name}"
            if name not in self._last:
                self._run.define_metric(name, step_metric=axis)
                self._last[name] = self._run.summary.get(axis) or 0 if self._run.resumed else 0
            for step, value in points:
                if step > self._last[name]:
                    self._run.log({axis: step, name: value})
                    self._last[name] = step

    def finish(self, run: Record) -> str:
        """Log the record."""
        self._run.config.update(dict(run.settings), allow_val_change=True)
        self.curves(run.curves)
        self._run.summary.update(dict(run.figures))
        self._run.summary.update({"links": dict(run.links)})
        if run.models:
            rows = [list(row) for row in run.models]
            self._run.log({"models": self._library.Table(columns=list(run.header), data=rows)})
        place = str(Path(self._run.dir).parent if self._run.offline else self._run.url)
        self.close()
        return place

    def close(self) -> None:
        """Upload what is left."""
        self._run.finish()


TRACKERS: Mapping[str, Callable[[str, str], Tracker]] = {"wandb": WandB, "mlflow": MLflow, "tensorboard": TensorBoard}
VARIABLES: Mapping[str, Sequence[str]] = {
    "wandb": ("WANDB_PROJECT", "WANDB_ENTITY", "WANDB_BASE_URL", "WANDB_MODE", "WANDB_DIR"),
    "mlflow": ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"),
    "tensorboard": ("TENSORBOARD_LOGGING_DIR",),
}
"""The clients' variables that say where to and hold no secret; a submitted job gets those that are set."""
PLACES: Mapping[str, str] = {"mlflow": "MLFLOW_TRACKING_URI", "tensorboard": "TENSORBOARD_LOGGING_DIR"}
"""The variable without which a client writes into the working directory."""


def _new(points: Sequence[tuple[int, float]], sent: set[tuple[int, float]]) -> Iterator[tuple[int, float]]:
    """The points that are not in `sent`, which then has them."""
    for point in points:
        if point not in sent:
            sent.add(point)
            yield point


def _parts(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (values[start : start + size] for start in range(0, len(values), size))


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)
