"""The groups of training workers of a run: trainings join the workers that train on their base, or start others.

A base is then loaded once for trainings that become ready one after another, and no start of workers lies between them.
"""

import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ray_jobs.resources.deepspeed import scaling_config, torch_config
from ray_jobs.resources.resources import Resources
from ray_jobs.runtime import local_ray
from ray_jobs.runtime.context import Context
from ray_jobs.runtime.devices import DeviceClock
from ray_jobs.training.group.follower import Follower
from ray_jobs.training.group.reporter import Reporter
from ray_jobs.training.values import StepState, TrainingJob, Waiting
from w2s.graph.trained import base_name
from w2s.store.attempt import Attempt

PREEMPTIONS = 100
"""Announced losses of nodes after which a group of trainings fails; `max_failures` limits other losses of workers."""
LOST_OWNER = "whose owner is unknown"
"""Of the error with which Ray 2.60.0 can refuse to start Ray Train's controller, because it does not know an object
that was put just before (ray-project/ray#43773). No worker has started then, so it is asked once more."""


@dataclass
class Training:
    """A step that a group trains. Made by ray_jobs/training/job.py, which waits until it has ended."""

    job: TrainingJob
    attempt: Attempt
    chain: int
    """Steps that wait for this one, one after another; the longest chain trains first."""
    end: Callable[[StepState], None]
    """Commits the step; raises why it cannot."""
    failed: Callable[[Exception], None]
    """Is told why the step has failed."""
    ended: threading.Event = field(default_factory=threading.Event)

    def fail(self, error: Exception) -> None:
        """End with an error."""
        self.failed(error)
        self.ended.set()


class Group:
    """The workers of one base, until no step waits for them. Its methods may be called from several threads."""

    def __init__(self, context: Context) -> None:
        self._resources = context.resources
        self._reporter = start_reporter()
        self._clock = DeviceClock.of(context.resources, "finetune")
        self._follower = Follower(self._reporter, context.progress, self._end)
        self._trainings: dict[str, Training] = {}
        self._lock = threading.Lock()
        self._is_over = False

    def add(self, trainings: Sequence[Training]) -> bool:
        """Take trainings of the same base; False where the workers end already."""
        import ray

        waiting = {each.job.step.name: Waiting(ray.put(each.job), each.chain) for each in trainings}
        with self._lock:
            if self._is_over or not ray.get(self._reporter.add.remote(waiting)):
                return False
            self._trainings |= {each.job.step.name: each for each in trainings}
            self._follower.add([each.job for each in trainings])
        return True

    def run(self) -> None:
        """Start workers, and others after workers that are lost for good, until each step has ended."""
        try:
            with self._follower:
                while left := self._left():
                    self._run(left[0])
        except Exception as error:
            with self._lock:
                self._is_over = True
            for training in self._trainings.values():
                if not training.ended.is_set():
                    training.fail(error)

    def _run(self, job: TrainingJob) -> None:
        """Run workers to their end. Whoever loses them more than `max_failures` times fails, without the others."""
        import ray
        from ray.train import TrainingFailedError

        before = self._follower.begun()
        try:
            run_workers(self._reporter, self._resources, job.step.name)
            assert not self._left(), "the workers ended without a result"
        except TrainingFailedError as error:
            left = self._follower.poll()
            # Ray Train counts the losses of a whole run. A step that met fewer, because earlier steps of its run met
            # the others, is begun again.
            if left and (
                self._follower.begun() == before or self._follower.begun(left[0]) > self._resources.max_failures
            ):
                self._follower.drop(left[0])
                ray.get(self._reporter.drop.remote(left[0].step.name))
                self._trainings[left[0].step.name].fail(error)

    def _left(self) -> list[TrainingJob]:
        """The steps that have not ended; none is taken any more once there are none."""
        with self._lock:
            left = self._follower.poll()
            self._is_over = not left
        return left

    def _end(self, job: TrainingJob, state: StepState) -> None:
        training = self._trainings[job.step.name]
        try:
            self._clock.take(training.attempt, self._resources.workers, state.since)
            training.end(state)
        except Exception as error:
            training.fail(error)
        training.ended.set()


@dataclass
class Groups:
    """The groups of a run by base."""

    _groups: dict[str, list[Group]] = field(default_factory=lambda: defaultdict[str, list[Group]](list))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def train(self, trainings: Sequence[Training], context: Context) -> None:
        """Train steps of one base to their end: by workers of that base if `context.joins`, else by others."""
        group = None
        with self._lock:
            groups = self._groups[base_name(trainings[0].job.step)]
            if not (context.joins and any(group.add(trainings) for group in groups)):
                groups.append(group := Group(context))
                group.add(trainings)
        if group is not None:
            group.run()
            with self._lock:
                groups.remove(group)
        for training in trainings:
            training.ended.wait()


def start_reporter() -> Any:
    """The group's `Reporter`, on the driver's node like Ray Train's controller: a run must not lose one of them."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor: Any = ray.remote(Reporter).options(num_cpus=0, scheduling_strategy=here)
    return actor.remote()


def run_workers(reporter: Any, resources: Resources, name: str) -> None:
    """Run the train loop on all workers to its end, restarting lost ones; `name` is that of the run in Ray.

    The loop is bound to its reporter, which has the jobs, because Ray Train 2.60 keeps a `train_loop_config` as text in
    its state actor and sends it at every state change.
    """
    from ray.train import FailureConfig, RunConfig
    from ray.train.torch import TorchTrainer
    from ray.train.v2._internal.callbacks import DatasetsCallback
    from ray.train.v2._internal.callbacks.placement_group_callback import PlacementGroupCleanerCallback

    from ray_jobs.training.worker import train_loop

    # Ray Train 2.60 starts a process for datasets, of which a training has none here, and one that frees the workers'
    # place when the controller is lost; a local Ray ends with its run. Each imports for seconds.
    unneeded = (DatasetsCallback, PlacementGroupCleanerCallback) if local_ray.is_own() else (DatasetsCallback,)

    class Workers(TorchTrainer):
        """A TorchTrainer with fewer processes."""

        def _create_default_callbacks(self) -> list[Any]:
            return [callback for callback in super()._create_default_callbacks() if not isinstance(callback, unneeded)]

    # Ray Train needs a folder on the driver's node for its own state.
    with tempfile.TemporaryDirectory(prefix="w2s-ray-train-") as scratch:
        failures = FailureConfig(max_failures=resources.max_failures, max_preemption_failures=PREEMPTIONS)
        for again in (True, False):
            try:
                Workers(
                    partial(train_loop, reporter),
                    scaling_config=scaling_config(resources),
                    torch_config=torch_config(resources),
                    run_config=RunConfig(name=name, storage_path=scratch, failure_config=failures),
                ).fit()
                return
            except ValueError as error:
                if not again or LOST_OWNER not in str(error):
                    raise
