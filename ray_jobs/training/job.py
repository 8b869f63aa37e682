"""Training: one step as one Ray Train run, its adapter into the store."""

import math
import tempfile
import threading
from collections.abc import Sequence
from typing import Any

from ray_jobs.resources.deepspeed import scaling_config
from ray_jobs.runtime.context import Context
from ray_jobs.runtime.progress import Progress
from w2s.graph.recipes import FineTune, Prefer
from w2s.graph.step import Step
from w2s.records import Completion, PreferencePair, Problem, Reference, SFTExample
from w2s.store.manifest import File
from w2s.store.store import Store

POLL_SECONDS = 0.5
PREEMPTIONS = 100
"""Times a training goes on elsewhere after its nodes were taken away with notice, before the step fails; other losses: `max_failures`."""


def train(steps: Sequence[Step], context: Context) -> None:
    """Run training steps to their manifests, one after another.

    Raises ValueError for what the user must change, ray.train.TrainingFailedError for workers that were lost more often than
    `max_failures`.
    """
    for step in steps:
        _train(step, context)


def _train(step: Step, context: Context) -> None:
    import ray
    from ray.train import FailureConfig, RunConfig
    from ray.train.torch import TorchConfig, TorchTrainer
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    from ray_jobs.training.worker import train_loop

    store, resources, progress = context.store, context.resources, context.progress
    attempt = context.attempt(step)
    if isinstance(step.recipe, FineTune):
        rows, counts = sft_examples(step, store)
    else:
        assert isinstance(step.recipe, Prefer)
        rows, counts = preference_pairs(step, store)
    optimizer = step.recipe.sft if isinstance(step.recipe, FineTune) else step.recipe.preference
    progress.started(step.name, math.ceil(math.ceil(len(rows) / optimizer.batch_size) * optimizer.epochs), "steps")
    # Here, as Ray Train's controller: on another node it would be lost with that node, and every worker after it would fail to report.
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    reporter: Any = ray.remote(num_cpus=0, scheduling_strategy=here)(Reporter)  # pyright: ignore[reportCallIssue, reportArgumentType]
    reporter = reporter.remote()
    # Ray Train must have a folder on the driver's node, where its controller runs; checkpoints go to the store (ray_jobs/training/checkpoint.py).
    scratch = tempfile.TemporaryDirectory(prefix="w2s-ray-train-")
    trainer = TorchTrainer(
        train_loop,
        train_loop_config={
            "step": step,
            "store": store,
            "resources": resources,
            "rows": rows,
            "inputs": store.inputs_digest(step),
            "attempt": attempt.name,
            "reporter": reporter,
        },
        scaling_config=scaling_config(resources),
        torch_config=TorchConfig(backend="nccl" if resources.gpus_per_worker else "gloo"),
        run_config=RunConfig(
            name=step.name,
            storage_path=scratch.name,
            failure_config=FailureConfig(max_failures=resources.max_failures, max_preemption_failures=PREEMPTIONS),
        ),
    )
    with scratch, Follower(reporter, step.name, progress):
        trainer.fit()
    result: dict[str, Any] = ray.get(reporter.result.remote())
    if result["refused"]:
        raise ValueError(result["refused"])
    for file in result["files"]:
        attempt.include("model", file)
    attempt.write_document("losses", [{"step": at, "loss": loss} for at, loss in result["losses"]])
    attempt.counts.update(counts | result["counts"])
    numbers = result["counts"]
    too_long = f", {numbers['too_long']:.0f} left out as too long" if numbers["too_long"] else ""
    losses = f"loss {numbers['first_loss']:.4f} -> {numbers['last_loss']:.4f}"
    context.finish(attempt, f"{numbers['examples']:.0f} examples, {numbers['steps']:.0f} steps, {losses}{too_long}")
    store.remove_tree(store.path(step.directory, "training"))


def sft_examples(step: Step, store: Store) -> tuple[list[SFTExample], dict[str, float]]:
    """What a FineTune step learns from, by its inputs: examples, problems with references, or problems with all completions.

    Completions that were cut or failed are left out and counted: closing them with an end token would teach stopping anywhere.

    Raises ValueError where nothing is left.
    """
    assert isinstance(step.recipe, FineTune)
    counts: dict[str, float] = {}
    if step.input("examples"):
        rows = store.inputs(step, "examples", SFTExample)
    else:
        questions = {p.problem_id: p.question for p in store.inputs(step, "problems", Problem)}
        if step.input("references"):
            gold = store.inputs(step, "references", Reference)
            rows = [SFTExample(r.problem_id, questions[r.problem_id], r.solution, "reference") for r in gold]
        else:
            all_rows = store.inputs(step, "completions", Completion)
            whole = [c for c in all_rows if c.finish_reason == "stop" and c.text.strip()]
            counts["cut_failed_or_empty"] = len(all_rows) - len(whole)
            rows = [SFTExample(c.problem_id, questions[c.problem_id], c.text, "weak") for c in whole]
    if not rows:
        raise ValueError(f"{step.name} has nothing to train on: its input has no usable row")
    return sorted(rows, key=lambda row: (row.problem_id, row.source)), counts


def preference_pairs(step: Step, store: Store) -> tuple[list[PreferencePair], dict[str, float]]:
    """What a Prefer step learns from.

    Raises ValueError where there is no pair.
    """
    rows = store.inputs(step, "pairs", PreferencePair)
    if not rows:
        raise ValueError(f"{step.name} has nothing to train on: there is no preference pair")
    return rows, {}


class Reporter:
    """Actor between the workers and the driver: how far the training is, and at the end what rank 0 wrote."""

    def __init__(self) -> None:
        self._events: list[tuple[int, float | None]] = []
        self._saves: list[int] = []
        self._result: dict[str, Any] = {}

    def advanced(self, done: int, loss: float | None) -> None:
        """Optimizer steps done, and the latest loss."""
        self._events.append((done, loss))

    def saved(self, done: int) -> None:
        """A checkpoint of so many steps is in the store."""
        self._saves.append(done)

    def events(self) -> list[tuple[int, float | None]]:
        """What was reported since the last call."""
        events, self._events = self._events, []
        return events

    def refuse(self, reason: str) -> None:
        """What the user must change; every rank may say it."""
        self._result = {"refused": reason}

    def finished(self, files: Sequence[File], counts: dict[str, float], losses: Sequence[tuple[int, float]]) -> None:
        """Rank 0 has written the adapter's files into the attempt's folder."""
        self._result = {
            "refused": "",
            "files": list(files),
            "counts": counts | {"saves": len(self._saves)},
            "losses": list(losses),
        }

    def result(self) -> dict[str, Any]:
        """What `refuse` or `finished` was told."""
        assert self._result, "the workers ended without a result"
        return self._result


class Follower:
    """Shows a training's progress while the driver waits for it."""

    def __init__(self, reporter: Any, name: str, progress: Progress) -> None:
        self._reporter, self._name, self._progress = reporter, name, progress
        self._stop, self._done = threading.Event(), 0
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        import ray
        from ray.exceptions import RayError

        while not self._stop.wait(POLL_SECONDS):
            try:
                events = ray.get(self._reporter.events.remote())
            except RayError:  # the training ends with an error of its own; this thread only shows progress
                return
            for done, loss in events:
                self._progress.advanced(
                    self._name, done - self._done, note=f"loss {loss:.4f}" if loss is not None else ""
                )
                self._done = done
