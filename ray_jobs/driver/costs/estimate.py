"""The text of a plan with resources: memory of each GPU, and each step's tokens, hours and money."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from ray_jobs import cost, models
from ray_jobs.cost.measured import Measured, Speed, work_name
from ray_jobs.cost.memory import GIB, Memory, kv_tokens
from ray_jobs.cost.rates import Rates
from ray_jobs.cost.seconds import devices, measured_seconds
from ray_jobs.cost.shape import Shape
from ray_jobs.cost.work import Work, all_work, shown, split_rows
from ray_jobs.driver.forecast import Forecast, Spell, forecast, memories
from ray_jobs.driver.grouping import only_scored
from ray_jobs.models.configs import text_config
from ray_jobs.models.folders import base_folder, fetched
from ray_jobs.resources.resources import Resources
from ray_jobs.runtime.versions import code_hash, versions
from w2s.data.location import fact_file, recall, remember
from w2s.graph.recipes import FineTune, Prefer, Sample
from w2s.graph.step import Role, Step
from w2s.recipe import Model


def estimate(
    steps: Sequence[Step], missing: Sequence[Step], resources: Resources, rates: Rates, measured: Measured
) -> Iterator[str]:
    """Lines about the rates, the memory, the steps and the whole run.

    Raises ValueError where a model's configuration cannot be fetched or counted.
    """
    splits = split_rows(steps[0].recipe, rates, measured.rows)
    works = all_work(missing, splits, rates)
    yield (
        "assumed: "
        + ", ".join(f"{rows:,} rows of {split}" for split, rows in splits.items())
        + (
            f", {rates.question_tokens:g} tokens a question, {rates.answer_tokens:g} an answer, {rates.kept:.0%} kept, "
            f"{rates.pairs:g} pairs a problem (--rates)"
        )
    )
    if learned := [name for name, value in measured.lengths.items() if getattr(rates, name) == value]:
        yield f"measured: {' and '.join(learned)}, the means of this store's samples"
    on_gpus = bool(resources.gpus_per_engine and resources.gpus_per_worker)
    speeds = {name: measured.speed(work.step, on_gpus) for name, work in works.items()}
    yield from _rates(works, speeds, on_gpus)
    if not on_gpus:
        yield from _on_cpu(works, speeds, resources)
        return
    roles: dict[Model, Role] = {
        step.recipe.model: step.role for step in missing if isinstance(step.recipe, Sample | FineTune | Prefer)
    }
    shapes = {model.name: shape_of(model) for model in roles}
    sizes = {model.name: resources.of(role) for model, role in roles.items()}
    prompt = (1 + shown(steps)) * (rates.question_tokens + rates.answer_tokens)
    for name, memory in memories(missing, shapes, resources, round(prompt)).items():
        model = name.partition(" of ")[2]
        yield from _memory(name, memory, shapes[model], sizes[model])
    costs = forecast(missing, only_scored(steps), works, shapes, resources, rates, measured)
    for spell in costs.spells:
        yield from _spell(spell, works, rates)
    yield from _total(costs, rates)


def _rates(works: Mapping[str, Work], speeds: Mapping[str, Speed | None], on_gpus: bool) -> Iterator[str]:
    """Which rates earlier steps of the store have measured, and which are the table's."""
    told = {work_name(work.step): speeds[name] for name, work in works.items()}
    for name, speed in told.items():
        if speed:
            steps = f"{speed.steps} steps of this store, the newest" if speed.steps > 1 else "a step of this store"
            yield (
                f"measured: {name}, {speed.tokens_per_second:,.0f} tokens/s on a {speed.device}, "
                f"{speed.start_seconds:.0f} s of start a step ({steps} of {speed.last})"
            )
    if missing := [name for name, speed in told.items() if not speed]:
        table = ", so by the table of rates" if on_gpus else ""
        yield f"not measured in this store{table}: {', '.join(missing)}"


def _on_cpu(works: Mapping[str, Work], speeds: Mapping[str, Speed | None], resources: Resources) -> Iterator[str]:
    """Tokens of each step, and seconds where the same base was measured: the table has no rates of processors."""
    total = 0.0
    for name, work in works.items():
        if speed := speeds[name]:
            sizes = resources.of(work.step.role)
            cores, seconds = devices(work, sizes), speed.start_seconds + measured_seconds(work, sizes, speed)
            total += cores * seconds
            yield f"{_tokens(work)}; {seconds:,.0f} s on {cores} {'cores' if cores > 1 else 'core'}"
        else:
            yield _tokens(work)
    if total:
        yield f"in all {total / 3600:.2f} core-hours, of the steps that have seconds"
    if not all(speeds.values()):
        yield "these resources have no GPUs, so there are no hours and no money to count before a run has measured them"


def shape_of(model: Model) -> Shape:
    """The shape of a model from its configuration; a node remembers that of each revision, because transformers, which
    reads it, takes seconds to import.

    Raises ValueError where it cannot be fetched or counted.
    """
    if model.revision is None:
        return _read_shape(model)
    facts = {"name": model.name, "revision": model.revision, "versions": versions(), "code": code_hash(cost, models)}
    file = fact_file("shape", facts)
    if known := recall(file):
        return Shape(**known)
    shape = _read_shape(model)
    remember(file, json.dumps(asdict(shape)))
    return shape


def _read_shape(model: Model) -> Shape:
    config = fetched(
        f"the configuration of {model.name}",
        ", or give a folder with its config.json",
        lambda: text_config(base_folder(model, weights=False)),
    )
    return Shape.of(config, model.name)


def _memory(name: str, memory: Memory, shape: Shape, resources: Resources) -> Iterator[str]:
    parts = ", ".join(f"{part} {size / GIB:.1f}" for part, size in memory.parts.items() if size >= 0.05 * GIB)
    verdict = f"fits, {memory.spare / GIB:.1f} GiB to spare" if memory.spare >= 0 else ""
    yield (
        f"{name}, {_sizes(name, resources)}, GiB a GPU: "
        f"{parts}; {sum(memory.parts.values()) / GIB:.1f} of {memory.limit / GIB:.1f}: "
        f"{verdict or f'DOES NOT FIT, {-memory.spare / GIB:.1f} GiB too much'}"
    )
    if name.startswith("engine") and memory.spare >= 0:
        tokens = kv_tokens(shape, resources, memory)
        yield (
            f"  its KV cache holds {tokens:,} tokens: {resources.max_num_seqs} sequences of "
            f"{tokens // resources.max_num_seqs:,}"
        )


def _sizes(name: str, resources: Resources) -> str:
    """The fields that decide the memory of each GPU."""
    if name.startswith("engine"):
        return f"gpus_per_engine={resources.gpus_per_engine} max_engines={resources.max_engines}"
    quantized = " quantize_base=true" if resources.quantize_base else ""
    return f"workers={resources.workers} zero_stage={resources.zero_stage}{quantized}"


def _tokens(work: Work) -> str:
    if work.trained_tokens:
        return f"{work.step.name:<24} {work.rows:>7,} rows, {_count(work.trained_tokens)} tokens to train"
    return (
        f"{work.step.name:<24} {work.rows:>7,} rows, {_count(work.prompt_tokens)} tokens to read, "
        f"{_count(work.sampled_tokens)} to generate"
    )


def _count(tokens: float) -> str:
    return f"{tokens / 1e6:.2f} M" if tokens >= 1e5 else f"{tokens:,.0f}"


def _spell(spell: Spell, works: dict[str, Work], rates: Rates) -> Iterator[str]:
    for name in spell.steps[:-1]:
        yield f"{_tokens(works[name])}, with the next"
    yield (
        f"{_tokens(works[spell.steps[-1]])}; {spell.gpus} GPUs, start {spell.starts / 60:.0f} min, "
        f"work {spell.works / 60:.0f} min, {spell.gpu_hours:.1f} GPU-hours, ${spell.gpu_hours * rates.dollars:,.0f}"
    )


def _total(costs: Forecast, rates: Rates) -> Iterator[str]:
    hours = costs.seconds / 3600
    yield (
        f"in all {hours:.1f} hours; steps hold {costs.gpu_hours:.0f} GPU-hours, {costs.working:.0f} of them working, "
        f"${costs.gpu_hours * rates.dollars:,.0f}"
    )
    yield (
        f"if all {costs.gpus} GPUs stay for the whole run: {costs.gpus * hours:.0f} GPU-hours, "
        f"${costs.gpus * hours * rates.dollars:,.0f}, {costs.idle:.0%} of them idle"
    )
