"""What a run would cost: its missing steps in the scheduler's own order, on nodes that hold the preset once.

Nothing starts. The order is that of ray_jobs/driver/grouping.py and admission.py, the seconds are those of
ray_jobs/cost/seconds.py.
"""

import heapq
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, count
from typing import get_args

from ray_jobs.cost.measured import Measured, work_name
from ray_jobs.cost.memory import Memory, engine_memory, training_memory
from ray_jobs.cost.rates import Rates
from ray_jobs.cost.seconds import gpus, load_seconds, measured_seconds, sampling_seconds, training_seconds
from ray_jobs.cost.shape import Shape
from ray_jobs.cost.work import Work
from ray_jobs.driver.admission import Request, loads_are_long, request_of
from ray_jobs.driver.grouping import ready_groups, trained_with
from ray_jobs.driver.live_engines import LiveEngines
from ray_jobs.models.adapters import adapter_shapes
from ray_jobs.resources.requests import GPUS_PER_NODE, node_labels
from ray_jobs.resources.resources import Resources
from ray_jobs.resources.vllm import rounded_context
from ray_jobs.runtime.local_ray import Node
from ray_jobs.sampling.pool.size import base_of
from w2s.graph.recipes import FineTune, ForeignAdapter, Prefer, Sample
from w2s.graph.step import Role, Step
from w2s.graph.trained import is_whole

MANY_CPUS = 1e6
"""CPUs are never what a GPU preset lacks."""


@dataclass(frozen=True)
class Spell:
    """One group of steps on its GPUs, from the start of its engines or workers to their end."""

    steps: tuple[str, ...]
    gpus: int
    starts: float
    """Seconds of the group in which engines or workers start and load weights."""
    each: tuple[float, ...]
    """Seconds of work of each step."""
    begin: float
    """Seconds after the start of the run."""
    together: bool
    """Whether its steps are committed together, as an engine's are; trainings are committed one after another."""

    @property
    def ends(self) -> tuple[float, ...]:
        """Seconds after the start of the run at which each step is committed."""
        if self.together:
            return (self.end,) * len(self.each)
        return tuple(self.begin + self.starts + seconds for seconds in accumulate(self.each))

    @property
    def works(self) -> float:
        """Seconds of the group in which the work is done: added as `ends` adds them, so that the last end is `end`.

        From Python 3.12 on, `sum` makes up for rounding and may differ in the last digit.
        """
        return [*accumulate(self.each, initial=0.0)][-1]

    @property
    def end(self) -> float:
        """Seconds after the start of the run."""
        return self.begin + self.starts + self.works

    @property
    def gpu_hours(self) -> float:
        """GPU-hours that the group holds."""
        return self.gpus * (self.starts + self.works) / 3600


@dataclass(frozen=True)
class Forecast:
    """The spells of a run in their order, and the GPUs of its nodes."""

    spells: tuple[Spell, ...]
    gpus: int

    @property
    def seconds(self) -> float:
        """Wall time of the run."""
        return max((spell.end for spell in self.spells), default=0.0)

    @property
    def gpu_hours(self) -> float:
        """GPU-hours that steps hold."""
        return sum(spell.gpu_hours for spell in self.spells)

    @property
    def working(self) -> float:
        """GPU-hours of these that do the work: without starts and loads."""
        return sum(spell.gpus * spell.works for spell in self.spells) / 3600

    @property
    def idle(self) -> float:
        """Share of the nodes' GPU-hours in which no step holds them, if all nodes stay for the whole run."""
        return max(0.0, 1 - self.gpu_hours / (self.gpus * self.seconds / 3600)) if self.seconds else 0.0


def forecast(
    missing: Sequence[Step],
    scored: Collection[str],
    works: Mapping[str, Work],
    shapes: Mapping[str, Shape],
    resources: Resources,
    rates: Rates,
    measured: Measured,
) -> Forecast:
    """Run the missing steps on paper. `shapes` are by the model's name; steps without work take no time."""
    run = _OnPaper(missing, scored, works, resources)
    live, busy = LiveEngines(), dict[str, float]()
    ends: list[tuple[float, int, str]] = []
    spells: list[Spell] = []
    now, numbers = 0.0, count()
    while len(run.done) < len(missing):
        live.drop_useless(run)
        for start in live.starts(run):
            base, number = base_of(start.group[0]), next(numbers)
            begin = max(now, busy.get(base, now))  # engines work off what joins them in order; workers, on paper, too
            if start.joins and (host := trained_with(start.group, run.groups())):
                number = next(number for number, group in run.running.items() if group is host)
                begin = max(end for end, other, _ in ends if other == number)
            spell = _spell(start.group, works, shapes, resources, rates, measured, begin, start.joins)
            busy |= {base: spell.end} if base else {}
            if spell.gpus:
                spells.append(spell)
            run.started |= {step.name for step in start.group}
            run.running[number] = [*run.running.get(number, []), *start.group]
            for end, name in zip(spell.ends, spell.steps, strict=True):
                heapq.heappush(ends, (end, number, name))
        now, number, name = heapq.heappop(ends)
        if all(number != other for _, other, _ in ends):
            del run.running[number]
        finished = next(step.directory or name for step in missing if step.name == name)
        equal = {step.name for step in missing if (step.directory or step.name) == finished}
        run.started |= equal
        run.done |= equal
    return Forecast(tuple(spells), sum(round(node.gpus) for node in run.nodes()))


@dataclass
class _OnPaper:
    """The state of a run on paper, as the scheduler has it of a real one (`Run` in live_engines.py)."""

    missing: Sequence[Step]
    scored: Collection[str]
    works: Mapping[str, Work]
    resources: Resources
    started: set[str] = field(default_factory=set[str])
    done: set[str] = field(default_factory=set[str])
    running: dict[int, list[Step]] = field(default_factory=dict[int, list[Step]])

    def ready(self, alive: Collection[str]) -> list[list[Step]]:
        long = loads_are_long(self.resources)
        return ready_groups(self.missing, self.started, self.done, self.scored, long, alive)

    def groups(self) -> list[list[Step]]:
        return [*self.running.values()]

    def waiting(self) -> list[Step]:
        return [step for step in self.missing if step.name not in self.started]

    def request(self, group: Sequence[Step]) -> Request:
        return _request(group, self.works, self.resources)

    def nodes(self, group: Sequence[Step] = ()) -> list[Node]:
        return preset_nodes(self.resources)


def preset_nodes(resources: Resources) -> list[Node]:
    """The fewest nodes that hold all engines of a base and one training, beside each other where labels differ."""
    sampling, training = node_labels(resources, "sample"), node_labels(resources, "finetune")
    sizes = [resources.of(role) for role in get_args(Role)]
    engines = max(size.max_engines * size.gpus_per_engine for size in sizes)
    workers = max(size.workers * size.gpus_per_worker for size in sizes)
    if sampling == training:
        return _nodes(max(engines, workers), sampling)
    return _nodes(engines, sampling) + _nodes(workers, training)


def _nodes(gpus: int, labels: dict[str, str]) -> list[Node]:
    count = math.ceil(gpus / GPUS_PER_NODE)
    return [Node(MANY_CPUS, gpus if count == 1 else GPUS_PER_NODE, labels) for _ in range(count)]


def _request(group: Sequence[Step], works: Mapping[str, Work], resources: Resources) -> Request:
    """The group's request, for sampling with all engines that it will have."""
    resources = resources.of(group[0].role)
    request = request_of(resources, group[0].kind)
    if not isinstance(group[0].recipe, Sample) or not resources.gpus_per_engine:
        return request
    engines = max(gpus(works[step.name], resources) for step in group) // resources.gpus_per_engine
    return replace(request, count=engines)


def _spell(
    group: Sequence[Step],
    works: Mapping[str, Work],
    shapes: Mapping[str, Shape],
    resources: Resources,
    rates: Rates,
    measured: Measured,
    begin: float,
    joins: bool,
) -> Spell:
    """The spell of a group; one that `joins` live engines loads nothing. Measured starts are means of all steps, those
    that joined included."""
    names = tuple(step.name for step in group)
    recipe = group[0].recipe
    if not isinstance(recipe, Sample | FineTune | Prefer):
        return Spell(names, 0, 0.0, (0.0,) * len(names), begin, together=True)
    resources = resources.of(group[0].role)
    shape, sampling = shapes[recipe.model.name], isinstance(recipe, Sample)
    held = max(gpus(works[name], resources) for name in names)
    counted = sampling_seconds if sampling else training_seconds
    speeds = [measured.speed(step, on_gpu=True) for step in group]
    each = tuple(
        measured_seconds(works[name], resources, speed) if speed else counted(works[name], shape, resources, rates)
        for name, speed in zip(names, speeds, strict=True)
    )
    starts = 0.0 if joins else load_seconds(shape, resources, rates, sampling)
    if all(speeds):
        starts = sum(speed.start_seconds for speed in speeds if speed)
    return Spell(names, held, starts, each, begin, together=sampling)


def memories(
    missing: Sequence[Step], shapes: Mapping[str, Shape], resources: Resources, prompt: int
) -> dict[str, Memory]:
    """Memory of one GPU for each kind of work of the missing steps, by a text that names it.

    `prompt` are the tokens of the longest prompt that is counted with.
    """
    found: dict[str, Memory] = {}
    for step in missing:
        recipe = step.recipe
        if not isinstance(recipe, Sample | FineTune | Prefer):
            continue
        name, shape, sizes = recipe.model.name, shapes[recipe.model.name], resources.of(step.role)
        if isinstance(recipe, Sample):
            if sizes.gpus_per_engine:
                same = [s for s in missing if isinstance(s.recipe, Sample) and s.recipe.model.name == name]
                most = max(s.recipe.sampling.max_tokens for s in missing if isinstance(s.recipe, Sample))
                adapters = max(_adapter(s, shape) for s in same)
                found[f"engine of {name}"] = engine_memory(shape, sizes, rounded_context(prompt + most), adapters)
        elif sizes.gpus_per_worker:
            found[work_name(step)] = worker_memory(step, shape, sizes)
    return found


def worker_memory(step: Step, shape: Shape, resources: Resources, tokens: int = 0) -> Memory:
    """Memory of one worker of a training whose rows have so many `tokens`, or the most that its recipe allows."""
    assert isinstance(step.recipe, FineTune | Prefer)
    adapter = None if is_whole(step["model"]) else _adapter(step, shape)
    method = step.recipe.preference.loss.upper() if isinstance(step.recipe, Prefer) else "SFT"
    return training_memory(shape, resources, adapter, tokens or step.recipe.optimizer.max_tokens, method)


def _adapter(step: Step, shape: Shape) -> int:
    """Parameters of the adapter that a step trains or samples with; 0 for a base alone."""
    if isinstance(step.recipe, FineTune):
        assert step.recipe.sft.lora is not None
        return shape.adapter(step.recipe.sft.lora.rank, step.recipe.sft.lora.targets)
    if isinstance(step.recipe, ForeignAdapter):
        return sum(math.prod(sizes) for sizes in adapter_shapes(step.recipe.name).values())
    adapter = step.input("adapter")
    return _adapter(adapter.step, shape) if adapter else 0
