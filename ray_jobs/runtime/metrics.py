"""Metrics of the running steps for Prometheus, on the port on which Ray exports its own.

Ray adds `ray_` to each name, and node, session and version to the labels. Nothing is exported before Ray starts, and
steps that run in the driver without Ray have no counts of their own. docker/grafana.json shows these metrics.
"""

import math
from typing import Any

from ray_jobs.runtime import local_ray
from ray_jobs.runtime.step_progress import StepProgress

NAMES = {
    "w2s_tokens": "Completion tokens that this run has sampled; a counter, exported as w2s_tokens_total.",
    "w2s_tokens_per_second": "Completion tokens per second since the step's first block began.",
    "w2s_done": "Problems, optimizer steps or shards of the step that are done, with those of earlier attempts.",
    "w2s_all": "Problems, optimizer steps or shards of the step.",
    "w2s_failed": "Problems of the step that failed.",
    "w2s_restarts": "Restarts of engines, or of the group of training workers.",
    "w2s_loss": "The training's last logged loss.",
    "w2s_steps_done": "Steps of the experiment that are finished.",
    "w2s_steps": "Steps of the experiment.",
}
"""What each metric says."""
COUNTERS = ("w2s_tokens",)


class Metrics:
    """The metrics of one run. Its methods are called under the lock of `Progress`."""

    def __init__(self) -> None:
        self.experiment = ""
        self._made: dict[str, Any] = {}
        self._tokens: dict[str, int] = {}

    def step(self, step: StepProgress) -> None:
        """Export what a step has counted."""
        if local_ray.started() is None:
            return
        tags = {"experiment": self.experiment, "step": step.name}
        before = self._tokens.get(step.name, 0)
        if more := step.tokens - (before if before <= step.tokens else 0):  # a step that begins again counts from 0
            self._metric("w2s_tokens").inc(more, tags)
        self._tokens[step.name] = step.tokens
        self._set("w2s_tokens_per_second", step.tokens_per_second(), tags)
        self._set("w2s_done", step.done, tags | {"unit": step.unit})
        self._set("w2s_all", step.total, tags | {"unit": step.unit})
        self._set("w2s_failed", step.failed, tags)
        self._set("w2s_restarts", step.restarts, tags)
        self._set("w2s_loss", step.loss, tags)

    def run(self, done: int, total: int) -> None:
        """Export how many steps of the experiment are finished."""
        if local_ray.started() is not None:
            self._set("w2s_steps_done", done, {"experiment": self.experiment})
            self._set("w2s_steps", total, {"experiment": self.experiment})

    def _set(self, name: str, value: float | None, tags: dict[str, str]) -> None:
        if value is not None and math.isfinite(value):
            self._metric(name).set(value, tags)

    def _metric(self, name: str) -> Any:
        """The metric, made at its first value, because Ray must have started."""
        if name not in self._made:
            from ray.util.metrics import Counter, Gauge

            kind = Counter if name in COUNTERS else Gauge
            whose = ("experiment",) if name.startswith("w2s_steps") else ("experiment", "step")
            keys = (*whose, "unit") if name in ("w2s_done", "w2s_all") else whose
            self._made[name] = kind(name, description=NAMES[name], tag_keys=keys)
        return self._made[name]
