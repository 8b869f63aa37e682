"""A run on 64 and 512 GPUs on paper: the real scheduler, with engines and trainings that only sleep.

    python -m tests.benchmarks.scale

The GSM8K experiment of the 70B size on 8 and 64 nodes of 8 GPUs: all there from the start, or started by an autoscaler
that boots a node in 5 minutes and ends it after 10 idle ones. Jobs take the seconds of ray_jobs/cost by its rates, and
the clock runs 600 times as fast. `Cluster` plays Ray's part, which is to place what was admitted: an engine or the
workers of a node on one node with their label, never more than its GPUs, each as soon as it fits.

Each line compares the hours with those of `w2s plan`. How full an engine's seats are is in
tests/benchmarks/occupancy.py.
"""

import math
import os
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from tempfile import TemporaryDirectory
from unittest.mock import patch

from ray_jobs.cost.measured import Measured
from ray_jobs.cost.rates import load_rates
from ray_jobs.cost.seconds import load_seconds, sampling_seconds, training_seconds
from ray_jobs.cost.shape import Shape
from ray_jobs.cost.work import all_work
from ray_jobs.driver import forecast as plan
from ray_jobs.driver import scheduler
from ray_jobs.driver.admission import Request, request_of
from ray_jobs.driver.grouping import only_scored
from ray_jobs.resources.occupancy import engines_for
from ray_jobs.resources.presets import load_resources
from ray_jobs.resources.requests import GPUS_PER_NODE, NODE_LABEL
from ray_jobs.runtime.context import Context
from ray_jobs.runtime.local_ray import NODE_GROUP, Node
from ray_jobs.runtime.progress import Progress
from w2s.experiments.catalog import load
from w2s.graph.build import build_steps
from w2s.graph.recipes import FineTune, Prefer, Sample
from w2s.graph.step import Step
from w2s.recipe import Model
from w2s.store.lease.leases import Leases
from w2s.store.store import Store

BOOT, IDLE, TABLE = 300.0, 600.0, 5.0
"""Seconds until a node has started, until an idle one ends, and of a job without GPUs."""
WEAK = Shape(32, 4096, 11008, 32, 32, 128, 32000, tied=False)
STRONG = Shape(80, 8192, 28672, 64, 8, 128, 32000, tied=False)
"""Llama-2 of 7 and of 70 billion parameters."""


@dataclass(eq=False)
class Machine:
    """A node that is up."""

    label: str
    born: float = 0.0
    free: float = GPUS_PER_NODE
    idle_since: float = 0.0


@dataclass
class Cluster:
    """Nodes with labels, the engines and workers on them, and an autoscaler where `grows`."""

    most: dict[str, int]
    grows: bool
    speed: float
    machines: list[Machine] = field(default_factory=list[Machine])
    booting: Counter[str] = field(default_factory=Counter[str])
    booted: int = 0
    ended: float = 0.0
    """GPU-hours of the nodes that have ended."""

    def __post_init__(self) -> None:
        self.changed = threading.Condition()
        self.began = time.monotonic()
        if not self.grows:
            self.machines = [Machine(label) for label, count in self.most.items() for _ in range(count)]

    def now(self) -> float:
        """Seconds of the simulated clock."""
        return (time.monotonic() - self.began) * self.speed

    def sleep(self, seconds: float) -> None:
        """Sleep by the simulated clock."""
        time.sleep(seconds / self.speed)

    def nodes(self) -> list[Node]:
        """As `local_ray.nodes`: the head and all machines, after those that were idle for long have ended."""
        with self.changed:
            self._end_idle()
            labels = {NODE_GROUP: "simulated"} if self.grows else {}
            up = [Node(1e6, GPUS_PER_NODE, labels | {NODE_LABEL: machine.label}) for machine in self.machines]
            return [Node(8, 0, labels), *up]

    def take(self, request: Request, wait: bool) -> list[tuple[Machine, float]]:
        """Hold all units of a request at once; empty where it does not fit now and `wait` is false."""
        label = dict(request.labels)[NODE_LABEL]
        with self.changed:
            while True:
                self._end_idle()
                free = {machine: machine.free for machine in self.machines if machine.label == label}
                taken = list[Machine]()
                for machine in free:
                    while len(taken) < request.count and free[machine] >= request.gpus:
                        free[machine] -= request.gpus
                        taken.append(machine)
                if len(taken) == request.count:
                    for machine in taken:
                        machine.free -= request.gpus
                        assert machine.free >= 0, "more GPUs than the node has"
                    return [(machine, request.gpus) for machine in taken]
                if not wait:
                    return []
                if self.grows:
                    self._ask(label, math.ceil((request.count - len(taken)) * request.gpus / GPUS_PER_NODE))
                self.changed.wait()

    def give(self, taken: Sequence[tuple[Machine, float]]) -> None:
        """Give back what `take` returned."""
        with self.changed:
            for machine, gpus in taken:
                machine.free += gpus
                machine.idle_since = self.now()
            self.changed.notify_all()

    def _ask(self, label: str, count: int) -> None:
        up = sum(machine.label == label for machine in self.machines)
        for _ in range(min(count - self.booting[label], self.most[label] - up - self.booting[label])):
            self.booting[label] += 1
            threading.Thread(target=self._boot, args=(label,), daemon=True).start()

    @property
    def gpu_hours(self) -> float:
        """GPU-hours of all nodes, from their start to their end or to now."""
        with self.changed:
            self._end_idle()
            return self.ended + sum(self.now() - machine.born for machine in self.machines) * GPUS_PER_NODE / 3600

    def _end_idle(self) -> None:
        if not self.grows:
            return
        for machine in self.machines.copy():
            end = machine.idle_since + IDLE
            if machine.free == GPUS_PER_NODE and end < self.now():
                self.ended += (end - machine.born) * GPUS_PER_NODE / 3600
                self.machines.remove(machine)

    def _boot(self, label: str) -> None:
        self.sleep(BOOT)
        with self.changed:
            self.booting[label] -= 1
            self.booted += 1
            self.machines.append(Machine(label, born=self.now(), idle_since=self.now()))
            self.changed.notify_all()


@dataclass(frozen=True)
class Outcome:
    """What one run took."""

    hours: float
    planned: float
    """Hours by the plan on as many nodes, all there from the start."""
    gpu_hours: float
    """Of nodes that were up."""
    booted: int
    groups: tuple[tuple[str, ...], ...]
    driver_seconds: float
    """Processor time of the scheduler and of the simulated jobs."""


def simulate(nodes: int, grows: bool, speed: float, preset: str = "cluster-70b") -> Outcome:
    """Run the experiment on so many nodes, half of each label."""
    given = load_resources(f"{preset},max_engines={nodes}")  # two strong engines a node, on half of the nodes
    experiment, rates = load("gsm8k-llama2-7b"), load_rates(given, [])
    steps = list(build_steps(experiment))
    works = all_work(steps, {"train_1": 7000, "train_2": 7000, "test": 1319}, rates)
    cluster = Cluster({"sampling": nodes // 2, "training": nodes // 2}, grows, speed)
    groups, done = list[tuple[str, ...]](), set[str]()
    alive = defaultdict[str, list[tuple[Machine, float, float]]](list)
    """Engines by base: machine, GPUs, and when each has started."""
    busy = defaultdict[str, threading.Lock](threading.Lock)

    def job(steps: Sequence[Step], context: Context, *_: object) -> None:
        """As `scheduler.run_steps`."""
        recipe, names, resources = steps[0].recipe, tuple(step.name for step in steps), given.of(steps[0].role)
        assert all(table.step.name in done for step in steps for _, table in step.inputs), "a step ran too early"
        groups.append(names)
        if not isinstance(recipe, Sample | FineTune | Prefer):
            cluster.sleep(TABLE)
        else:
            shape = STRONG if recipe.model == experiment.strong else WEAK
            start = load_seconds(shape, resources, rates, isinstance(recipe, Sample))
            if isinstance(recipe, Sample):
                with busy[str(recipe.model)]:
                    _sampling(steps, shape, start, alive[str(recipe.model)])
            else:
                taken = cluster.take(request_of(resources, steps[0].kind), wait=True)
                cluster.sleep(0 if context.joins else start)  # what joins goes on in the place of those that it joins
                for step in steps:
                    cluster.sleep(training_seconds(works[step.name], shape, resources, rates))
                    done.add(step.name)
                    context.on_commit(step)
                cluster.give(taken)
        done.update(names)

    def release(_: object, base: str) -> None:
        cluster.give([(machine, gpus) for machine, gpus, _ in alive.pop(base, [])])

    def _sampling(
        steps: Sequence[Step], shape: Shape, start: float, engines: list[tuple[Machine, float, float]]
    ) -> None:
        """Engines as a pool of Ray Data starts them: as many as fit, more when there is room and work."""
        resources = given.of(steps[0].role)
        unit = Request(1, 0, resources.gpus_per_engine, request_of(resources, "sample").labels)
        sequences = sum(works[step.name].rows * step.recipe.sampling.n for step in steps)  # pyright: ignore
        most, left = engines_for(sequences, resources), 0.0
        for step in steps:  # engine-seconds
            alone = engines_for(works[step.name].rows * step.recipe.sampling.n, resources)  # pyright: ignore
            left += alone * sampling_seconds(works[step.name], shape, resources, rates)
        if not engines:
            engines.append((*cluster.take(unit, wait=True)[0], cluster.now() + start))
        before = cluster.now()
        while left > 0:
            while len(engines) < most and (more := cluster.take(unit, wait=False)):
                engines.append((*more[0], cluster.now() + start))
            if grows and len(engines) < most:  # the pool's waiting actors are what an autoscaler sees
                with cluster.changed:
                    gpus = (most - len(engines)) * resources.gpus_per_engine
                    cluster._ask("sampling", math.ceil(gpus / GPUS_PER_NODE))
            cluster.sleep(5)
            after = cluster.now()
            ready = sum(max(0.0, after - max(before, begins)) for _, _, begins in engines)
            left, before = left - ready, after

    with TemporaryDirectory() as folder, _simulated(cluster, job, release), open(os.devnull, "w") as log:
        context = Context(Store.at(folder, run="scale"), given, Progress(log))
        processor = time.process_time()
        with Leases(context.store.objects, context.store.run, partial(print, file=log)) as leases:
            scheduler.Scheduler(steps, only_scored(steps), context).run(leases)
        seconds, hours, gpu_hours = time.process_time() - processor, cluster.now() / 3600, cluster.gpu_hours
    assert done == {step.name for step in steps}
    assert all(machine.free == GPUS_PER_NODE for machine in cluster.machines), "GPUs are left behind"
    assert isinstance(experiment.weak, Model)
    shapes = {experiment.strong.name: STRONG, experiment.weak.name: WEAK}
    there = Cluster(cluster.most, False, speed).nodes()
    with patch.object(plan, "preset_nodes", lambda _: there):
        planned = plan.forecast(steps, only_scored(steps), works, shapes, given, rates, Measured())
    return Outcome(hours, planned.seconds / 3600, gpu_hours, cluster.booted, tuple(groups), seconds)


@contextmanager
def _simulated(cluster: Cluster, job: object, release: object) -> Iterator[None]:
    """The scheduler on the simulated cluster; it looks as often by the simulated clock as by the real one."""
    ray = {"start": lambda: None, "is_own": lambda: False, "shortage": lambda *_: "", "nodes": cluster.nodes}
    seconds = scheduler.RECHECK_SECONDS / cluster.speed
    with (
        patch.multiple(scheduler.local_ray, **ray),
        patch.multiple(scheduler, run_steps=job, RECHECK_SECONDS=seconds),
        patch.multiple(scheduler.Pools, release=release),
    ):
        yield


def main() -> None:
    """Print a line for each cluster."""
    for nodes in (8, 64):
        for grows in (False, True):
            outcome = simulate(nodes, grows, speed=600)
            print(
                f"{nodes:>2} nodes, {'autoscaled' if grows else 'all there'}: {outcome.hours:.2f} hours, planned "
                f"{outcome.planned:.2f}, {outcome.gpu_hours:.0f} GPU-hours up, {outcome.booted} nodes started, "
                f"{len(outcome.groups)} groups, driver {outcome.driver_seconds:.1f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
