"""Estimates of each missing step before a run: its tokens, and its seconds where these can be estimated.

The estimate goes into the step's manifest, and the report sets it against what the step took.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ray_jobs.cost.measured import Measured, measured
from ray_jobs.cost.rates import Rates, load_rates
from ray_jobs.cost.seconds import devices, measured_seconds
from ray_jobs.cost.shape import Shape
from ray_jobs.cost.work import Work, all_work, split_rows
from ray_jobs.driver.costs.estimate import shape_of
from ray_jobs.driver.forecast import forecast
from ray_jobs.driver.grouping import only_scored
from ray_jobs.resources.resources import Resources
from w2s.graph.recipes import FineTune, Prefer, Sample
from w2s.graph.step import Step
from w2s.store.store import Store


def expected(
    steps: Sequence[Step], missing: Sequence[Step], store: Store, resources: Resources
) -> dict[str, dict[str, float]]:
    """By the step's name: `sampled_tokens` or `trained_tokens`, and `seconds` and `device_seconds` as in `w2s plan`.

    On GPUs also `run_began`, which is now in Unix seconds, and `done_after`, the seconds from then to the step's end,
    because other steps run before it and beside it.
    There are no seconds without GPUs for a base that no finished step of the store has sampled from or trained, and on
    GPUs for a model that the plan cannot count.
    """
    known = measured(store, steps)
    rates = load_rates(resources, [], known.lengths)
    works = all_work(missing, split_rows(steps[0].recipe, rates, known.rows), rates)
    seconds = {name: _on_cpu(work, resources, known) for name, work in works.items()}
    if resources.gpus_per_engine and resources.gpus_per_worker:
        seconds = _on_gpus(steps, missing, works, resources, rates, known)
    return {name: _tokens(work) | (seconds.get(name) or {}) for name, work in works.items()}


def _tokens(work: Work) -> dict[str, float]:
    if work.sampled_tokens:
        return {"sampled_tokens": round(work.sampled_tokens)}
    return {"trained_tokens": round(work.trained_tokens)}


def _on_cpu(work: Work, resources: Resources, known: Measured) -> dict[str, float] | None:
    speed = known.speed(work.step, on_gpu=False)
    if speed is None:
        return None
    resources = resources.of(work.step.role)
    seconds = speed.start_seconds + measured_seconds(work, resources, speed)
    return _held(seconds, devices(work, resources))


def _on_gpus(
    steps: Sequence[Step],
    missing: Sequence[Step],
    works: Mapping[str, Work],
    resources: Resources,
    rates: Rates,
    known: Measured,
) -> dict[str, dict[str, float] | None]:
    """A group's start counts for its first step, as in manifests."""
    began = time.time()
    models = {recipe.model.name: recipe.model for recipe in (work.step.recipe for work in works.values())
              if isinstance(recipe, Sample | FineTune | Prefer)}  # fmt: skip
    try:
        shapes: dict[str, Shape] = {name: shape_of(model) for name, model in models.items()}
    except ValueError:  # `w2s plan` says why
        return {}
    found: dict[str, Any] = {}
    for spell in forecast(missing, only_scored(steps), works, shapes, resources, rates, known).spells:
        for number, (name, seconds, end) in enumerate(zip(spell.steps, spell.each, spell.ends, strict=True)):
            held = _held(seconds + (0 if number else spell.starts), spell.gpus)
            found[name] = held | {"run_began": round(began, 1), "done_after": round(end, 1)}
    return found


def _held(seconds: float, on: int) -> dict[str, float]:
    return {"seconds": round(seconds, 1), "device_seconds": round(on * seconds, 1)}
