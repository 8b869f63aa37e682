"""The driver's side of training: steps of one base share a Ray Train run, and each model goes into its attempt.

Workers write checkpoints and models to the store themselves (ray_jobs/training/checkpoint.py, model.py); Ray Train
starts them and restarts lost ones.
"""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

from ray_jobs.runtime.context import Context
from ray_jobs.runtime.errors import reason
from ray_jobs.training.group.groups import Groups, Training
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


def train(steps: Sequence[Step], context: Context, groups: Groups) -> None:
    """Train steps of one base one after another in one group of workers, and finish each as soon as it has ended.

    A step that fails leaves the others of its group alone. Once they have ended, its error is raised: ValueError for
    what the user must change, ray.train.TrainingFailedError if workers were lost more often than `max_failures` times
    while they trained the step. Of several errors the first is raised and the others are in the log.
    """
    trainings: list[Training] = []
    errors: list[Exception] = []

    def fail(step: Step, error: Exception) -> None:
        errors.append(error)
        if len(steps) > 1:
            context.progress.log(f"{step.name:<24} failed, without the others of its group: {reason(error):.300}")

    for step in steps:
        attempt = context.attempt(step)
        try:
            job = training_job(step, attempt, context)
        except ValueError as error:
            fail(step, error)
        else:
            end, failed = partial(finish, job, attempt=attempt, context=context), partial(fail, step)
            trainings.append(Training(job, attempt, context.chains.get(step.name, 0), end, failed))
    for training in trainings if context.joins else trainings[1:]:
        context.progress.phase(training.job.step.name, WAITING)
    if trainings:
        groups.train(trainings, context)
    if errors:
        raise errors[0]


def training_job(step: Step, attempt: Attempt, context: Context) -> TrainingJob:
    """What the workers need for a step, whose rows are tokenized here.

    Raises ValueError if there is nothing to train on.
    """
    store, recipe = context.store, step.recipe
    assert isinstance(recipe, FineTune | Prefer)
    context.progress.phase(step.name, TOKENIZING)
    rows = write_rows(step, store)
    total = steps_in_all(rows.counts.examples, recipe.optimizer)
    return TrainingJob(step, store, context.resources, rows, total, store.inputs_digest(step), attempt.name)


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
    if job.resources.quantize_base:
        attempt.counts["base_bits"] = 4
    rounded = ", beside a base in 4 bits" if job.resources.quantize_base else ""
    context.finish(attempt, summary(job.rows.counts, result) + rounded)
    objects = job.store.objects
    objects.remove_tree(objects.path(layout.training(job.step.directory)))


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
