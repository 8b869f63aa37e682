"""The driver's side of training: steps of one base share a Ray Train run, and each model goes into its attempt.

Workers write checkpoints and models to the store themselves (ray_jobs/training/checkpoint.py, model.py); Ray Train
starts them and restarts lost ones.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from ray_jobs.resources.deepspeed import scaling_config, torch_config
from ray_jobs.runtime import local_ray
from ray_jobs.runtime.context import Context
from ray_jobs.runtime.devices import DeviceClock
from ray_jobs.runtime.errors import reason
from ray_jobs.training.progress import Follower, Reporter
from ray_jobs.training.rows.counts import RowCounts
from ray_jobs.training.rows.files import write_rows
from ray_jobs.training.values import Refusal, StepState, TrainingJob, TrainingResult
from w2s.graph.recipes import FineTune, Prefer
from w2s.graph.step import Step
from w2s.method.batches import steps_in_all
from w2s.store import layout
from w2s.store.attempt import Attempt

TOKENIZING, WAITING = "tokenizing its rows", "waiting for the trainings before it"
"""Phases of a step before its workers begin it."""
PREEMPTIONS = 100
"""Announced losses of nodes after which a group of trainings fails; `max_failures` limits other losses of workers."""


def train(steps: Sequence[Step], context: Context) -> None:
    """Train steps of one base one after another in one worker group, and finish each as soon as it has ended.

    A step that fails leaves the others of its group alone. Once they have ended, its error is raised: ValueError for
    what the user must change, ray.train.TrainingFailedError if workers were lost more often than `max_failures` times
    while they trained the step. Of several errors the first is raised and the others are in the log.
    """
    from ray.train import TrainingFailedError

    reporter = start_reporter(steps)
    attempts = {step.name: context.attempt(step) for step in steps}
    jobs: list[TrainingJob] = []
    errors: list[Exception] = []

    def fail(step: Step, error: Exception) -> None:
        errors.append(error)
        if len(steps) > 1:
            context.progress.log(f"{step.name:<24} failed, without the others of its group: {reason(error):.300}")

    resources = context.resources
    clock = DeviceClock.of(resources, "finetune")

    def end(job: TrainingJob, state: StepState) -> None:
        try:
            clock.take(attempts[job.step.name], resources.workers, state.since)
            finish(job, state, attempts[job.step.name], context)
        except Exception as error:  # raised below, when the other steps have ended
            fail(job.step, error)

    for step in steps:
        try:
            jobs.append(training_job(step, attempts[step.name], context, reporter))
        except ValueError as error:
            fail(step, error)
    for job in jobs[1:]:
        context.progress.phase(job.step.name, WAITING)
    with Follower(reporter, jobs, context.progress, end) as follower:
        while waiting := follower.poll():
            before = follower.begun()
            try:
                run_workers(waiting)
                assert not follower.poll(), "the workers ended without a result"
            except TrainingFailedError as error:
                left = follower.poll()
                # Ray Train counts the losses of a whole run. A step that met fewer, because earlier steps of its run
                # met the others, is begun again.
                if left and (follower.begun() == before or follower.begun(left[0]) > context.resources.max_failures):
                    follower.drop(left[0])
                    fail(left[0].step, error)
    if errors:
        raise errors[0]


def training_job(step: Step, attempt: Attempt, context: Context, reporter: Any) -> TrainingJob:
    """What the workers need for a step, whose rows are tokenized here.

    Raises ValueError if there is nothing to train on.
    """
    store, recipe = context.store, step.recipe
    assert isinstance(recipe, FineTune | Prefer)
    context.progress.phase(step.name, TOKENIZING)
    rows = write_rows(step, store)
    total = steps_in_all(rows.counts.examples, recipe.optimizer)
    return TrainingJob(step, store, context.resources, rows, total, store.inputs_digest(step), attempt.name, reporter)


def finish(job: TrainingJob, state: StepState, attempt: Attempt, context: Context) -> None:
    """Commit a step that has ended, and remove its checkpoints and token rows.

    Raises ValueError if a rank refused it.
    """
    if isinstance(state.outcome, Refusal):
        raise ValueError(state.outcome.reason)
    assert state.outcome is not None
    result: TrainingResult = state.outcome
    for file in result.files:
        attempt.include("model", file)
    attempt.write_document("losses", [asdict(loss) for loss in result.losses])
    recipe = job.step.recipe
    assert isinstance(recipe, FineTune | Prefer)
    numbers = job.rows.numbers(recipe.optimizer.batch_size)
    attempt.counts.update(numbers | result.counts() | {"saves": state.saves})
    context.finish(attempt, summary(job.rows.counts, result))
    objects = job.store.objects
    objects.remove_tree(objects.path(layout.training(job.step.directory)))


def start_reporter(steps: Sequence[Step]) -> Any:
    """The group's `Reporter`, on the driver's node like Ray Train's controller: a run must not lose one of them."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor: Any = ray.remote(Reporter).options(num_cpus=0, scheduling_strategy=here)
    return actor.remote([step.name for step in steps])


def run_workers(jobs: Sequence[TrainingJob]) -> None:
    """Run the train loop on all workers to its end, restarting lost ones.

    The jobs are bound to the loop instead of being its `train_loop_config`, because Ray Train 2.60 keeps that as text
    in its state actor and sends it at every state change.
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

    resources = jobs[0].resources
    # Ray Train needs a folder on the driver's node for its own state.
    with tempfile.TemporaryDirectory(prefix="w2s-ray-train-") as scratch:
        failures = FailureConfig(max_failures=resources.max_failures, max_preemption_failures=PREEMPTIONS)
        Workers(
            partial(train_loop, jobs),
            scaling_config=scaling_config(resources),
            torch_config=torch_config(resources),
            run_config=RunConfig(name=jobs[0].step.name, storage_path=scratch, failure_config=failures),
        ).fit()


def summary(rows: RowCounts, result: TrainingResult) -> str:
    """One line for the log."""
    left_out = f", {rows.too_long} left out as too long" if rows.too_long else ""
    left_out += f", {rows.with_stop_string} left out with a stop string" if rows.with_stop_string else ""
    left_out += f", {rows.only_thought} left out as nothing but a thought" if rows.only_thought else ""
    what = f"{result.adapted_layers} layers adapted{f', its {result.experts} experts not' if result.experts else ''}"
    if not result.adapted_layers:
        what = f"all {result.trained_weights / 1e6:.1f} million weights trained"
    losses = f"loss {result.losses[0].loss:.4f} -> {result.losses[-1].loss:.4f}"
    return f"{rows.examples} examples, {result.steps} steps, {what}, {losses}{left_out}"
