"""The driver's side of training: each step is one Ray Train run, and its adapter goes into the step's attempt.

Workers write checkpoints and the adapter to the store themselves (ray_jobs/training/checkpoint.py, adapter.py); Ray
Train starts them and restarts lost ones.
"""

import math
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from ray_jobs.resources.deepspeed import scaling_config
from ray_jobs.resources.resources import Resources
from ray_jobs.runtime.context import Context
from ray_jobs.training.progress import Follower, Reporter
from ray_jobs.training.values import Refusal, TrainingJob, TrainingResult
from w2s.graph.recipes import FineTune, Prefer
from w2s.graph.step import Step
from w2s.method.examples import examples_from_completions, examples_from_references, in_order
from w2s.records import Completion, PreferencePair, Problem, Reference, SFTExample
from w2s.store import layout
from w2s.store.store import Store

PREEMPTIONS = 100
"""Announced losses of nodes after which a training step fails; `max_failures` limits other losses of workers."""


def train(steps: Sequence[Step], context: Context) -> None:
    """Train steps one after another and finish each.

    Raises ValueError for what the user must change, ray.train.TrainingFailedError if workers are lost more often than
    `max_failures` times.
    """
    for step in steps:
        train_step(step, context)


def train_step(step: Step, context: Context) -> None:
    """Train one step and finish it; raises as `train`."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    store, attempt = context.store, context.attempt(step)
    assert isinstance(step.recipe, FineTune | Prefer)
    fine_tune = isinstance(step.recipe, FineTune)
    rows, counts = sft_examples(step, store) if fine_tune else (preference_pairs(step, store), {})
    optimizer = step.recipe.sft if isinstance(step.recipe, FineTune) else step.recipe.preference
    total = math.ceil(math.ceil(len(rows) / optimizer.batch_size) * optimizer.epochs)
    context.progress.started(step.name, total, "steps")
    # On the driver's node, like Ray Train's controller: with another node it could be lost, and no later worker could
    # report.
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    reporter: Any = ray.remote(Reporter).options(num_cpus=0, scheduling_strategy=here).remote()
    job = TrainingJob(step, store, context.resources, rows, store.inputs_digest(step), attempt.name, reporter)
    with Follower(reporter, step.name, context.progress):
        run_workers(job)
    result: TrainingResult | Refusal = ray.get(reporter.outcome.remote())
    if isinstance(result, Refusal):
        raise ValueError(result.reason)
    for file in result.files:
        attempt.include("model", file)
    attempt.write_document("losses", [asdict(loss) for loss in result.losses])
    attempt.counts.update(counts | result.counts())
    attempt.counts["saves"] = ray.get(reporter.saves.remote())
    context.finish(attempt, summary(result))
    store.objects.remove_tree(store.objects.path(layout.training(step.directory)))


def run_workers(job: TrainingJob) -> None:
    """Run the train loop on all workers to its end, restarting lost ones.

    The job is bound to the loop instead of being its `train_loop_config`, because Ray Train 2.60 keeps that as text in
    its state actor and sends it at every state change.
    """
    from ray.train import FailureConfig, RunConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    from ray_jobs.training.worker import train_loop

    resources: Resources = job.resources
    # Ray Train needs a folder on the driver's node for its own state.
    with tempfile.TemporaryDirectory(prefix="w2s-ray-train-") as scratch:
        failures = FailureConfig(max_failures=resources.max_failures, max_preemption_failures=PREEMPTIONS)
        TorchTrainer(
            partial(train_loop, job),
            scaling_config=scaling_config(resources),
            torch_config=TorchConfig(backend="nccl" if resources.gpus_per_worker else "gloo"),
            run_config=RunConfig(name=job.step.name, storage_path=scratch, failure_config=failures),
        ).fit()


def summary(result: TrainingResult) -> str:
    """One line for the log."""
    rows = result.rows
    left_out = f", {rows.too_long} left out as too long" if rows.too_long else ""
    left_out += f", {rows.with_stop_string} left out with a stop string" if rows.with_stop_string else ""
    losses = f"loss {result.losses[0].loss:.4f} -> {result.losses[-1].loss:.4f}"
    return f"{rows.examples} examples, {result.steps} steps, {result.adapted_layers} layers adapted, {losses}{left_out}"


def sft_examples(step: Step, store: Store) -> tuple[list[SFTExample], dict[str, float]]:
    """The examples of a FineTune step and counts for its manifest.

    Its inputs are examples, or problems with references, or problems with completions.

    Raises ValueError if no example is left.
    """
    counts: dict[str, float] = {}
    if step.input("examples"):
        examples = in_order(store.inputs(step, "examples", SFTExample))
    elif step.input("references"):
        problems = store.inputs(step, "problems", Problem)
        examples = examples_from_references(problems, store.inputs(step, "references", Reference))
    else:
        problems = store.inputs(step, "problems", Problem)
        assert isinstance(step.recipe, FineTune) and step.recipe.answers is not None
        completions = store.inputs(step, "completions", Completion)
        examples, left_out = examples_from_completions(problems, completions, step.recipe.answers)
        counts |= {f"left_out_{reason}": count for reason, count in left_out.items()}
    if not examples:
        raise ValueError(f"{step.name} has nothing to train on: no row of its inputs is usable")
    return examples, counts


def preference_pairs(step: Step, store: Store) -> list[PreferencePair]:
    """The pairs of a Prefer step.

    Raises ValueError if there is no pair.
    """
    rows = store.inputs(step, "pairs", PreferencePair)
    if not rows:
        raise ValueError(f"{step.name} has nothing to train on: its table of preference pairs is empty")
    return rows
