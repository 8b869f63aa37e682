"""Metrics for Prometheus: what is exported of a step, when nothing is, and Grafana's dashboard of them."""

import json
import re
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from ray_jobs.runtime import local_ray
from ray_jobs.runtime.metrics import COUNTERS, NAMES
from ray_jobs.runtime.progress import Progress
from tests.conftest import ROOT


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], float]:
    """Values by (metric, step) that a Ray which has started was given."""
    values: dict[tuple[str, str], float] = {}

    class Metric:
        def __init__(self, name: str, description: str, tag_keys: tuple[str, ...]) -> None:
            assert description == NAMES[name] and tag_keys
            self.name, self.keys = name, tag_keys

        def set(self, value: float, tags: dict[str, str]) -> None:
            assert set(tags) == set(self.keys), "Ray refuses other tags"
            values[self.name, tags.get("step", "")] = value

        def inc(self, value: float, tags: dict[str, str]) -> None:
            assert value > 0, "Ray refuses a counter that falls"
            self.set(values.get((self.name, tags["step"]), 0) + value, tags)

    fake: Any = SimpleNamespace(is_initialized=lambda: True)
    monkeypatch.setitem(sys.modules, "ray", fake)
    monkeypatch.setitem(sys.modules, "ray.util.metrics", SimpleNamespace(Counter=Metric, Gauge=Metric))  # type: ignore[arg-type]
    return values


def work(progress: Progress) -> None:
    progress.plan("mine", ["sampled", "dpo"], 5)
    progress.started("sampled", 10, "problems", done=2)
    progress.advanced("sampled", 4, tokens=120, failed=1)
    progress.advanced("sampled", 4, tokens=30, restarts=2)
    progress.finished("sampled", "")
    progress.started("dpo", 3, "steps")
    progress.advanced("dpo", 1, loss=0.69)
    progress.advanced("dpo", 1, loss=float("nan"))


def test_steps_are_exported(exported: dict[tuple[str, str], float]) -> None:
    progress = Progress()
    work(progress)
    rate = exported.pop(("w2s_tokens_per_second", "sampled"))
    assert rate > 0 and exported == {
        ("w2s_tokens", "sampled"): 150,
        ("w2s_done", "sampled"): 10,
        ("w2s_all", "sampled"): 10,
        ("w2s_failed", "sampled"): 1,
        ("w2s_restarts", "sampled"): 2,
        ("w2s_steps_done", ""): 4,
        ("w2s_steps", ""): 5,
        ("w2s_done", "dpo"): 2,
        ("w2s_all", "dpo"): 3,
        ("w2s_failed", "dpo"): 0,
        ("w2s_restarts", "dpo"): 0,
        ("w2s_loss", "dpo"): 0.69,
    }
    progress.started("sampled", 10, "problems")  # as after a lost lease
    progress.advanced("sampled", 1, tokens=7)
    assert exported["w2s_tokens", "sampled"] == 157


@pytest.mark.parametrize("ray", [None, SimpleNamespace(is_initialized=lambda: False)])
def test_without_ray_nothing_is_exported(ray: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setitem(sys.modules, "ray.util.metrics", None)  # type: ignore[arg-type]  # importing it raises
    work(Progress())
    assert local_ray.addresses() == {}


def test_the_dashboard_shows_metrics_that_are_there() -> None:
    dashboard = json.loads((ROOT / "docker/grafana.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    shown = {name for query in queries for name in re.findall(r"ray_(w2s_\w+)", query)}
    assert shown == {f"{name}_total" if name in COUNTERS else name for name in NAMES}
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
