"""Killed trainings of a group resume on other workers with another ZeRO stage, to the same losses and adapters.

A worker group takes half a minute to start, so the tests share five runs: one that trains SFT and DPO without a loss,
and four legs. Each leg but the last ends with a killed worker; the last loses a worker and goes on by itself.
"""

import io
import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ray_jobs.models.folders import base_folder
from ray_jobs.resources.presets import load_resources
from ray_jobs.resources.resources import Resources
from ray_jobs.runtime import local_ray
from ray_jobs.runtime.context import Context
from ray_jobs.runtime.progress import Progress
from ray_jobs.training import worker
from ray_jobs.training.checkpoint import names
from ray_jobs.training.group.groups import Groups
from ray_jobs.training.job import train
from ray_jobs.training.values import TrainingJob
from tests.ray.training.steps import assert_same, dpo_step, full_step, logged, sft_step, twin, weights
from w2s.graph.recipes import FineTune
from w2s.graph.step import Step, step
from w2s.store.store import Store

pytestmark = pytest.mark.ray
LOCAL = load_resources("local,micro_batch=2,save_minutes=0,max_failures=0,cpus_per_worker=0.5")


@dataclass(frozen=True)
class Leg:
    """One run of workers: their number, their ZeRO stage, and the step and optimizer step at which one is killed."""

    workers: int
    zero_stage: int
    killed: str = ""
    killed_at: int = 0
    save_minutes: float = 0
    max_failures: int = 0

    def resources(self) -> Resources:
        return LOCAL.changed(
            workers=self.workers,
            zero_stage=self.zero_stage,
            save_minutes=self.save_minutes,
            max_failures=self.max_failures,
        )


@pytest.fixture(scope="module", autouse=True)
def ray() -> Iterator[None]:
    local_ray.start()
    import ray

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers need not find the tests
    yield
    local_ray.stop()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store.at(str(tmp_path_factory.mktemp("store")))


@dataclass(frozen=True)
class Straight:
    """The trainings without a loss, the workers and loads that they took, and the run's log."""

    sft: Step
    dpo: Step
    full: Step
    starts: list[str]
    log: str


@pytest.fixture(scope="module")
def straight(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Straight:
    """SFT, DPO and SFT of all weights by one worker group without a loss, after a step that it refuses."""
    sft, dpo = sft_step(store), dpo_step(store)
    full = full_step(sft)
    recipe = sft.recipe
    assert isinstance(recipe, FineTune)
    too_short = recipe.model_copy(update={"sft": recipe.sft.model_copy(update={"max_tokens": 8})})
    refused = step("short", too_short, **dict(sft.inputs))
    starts, output = tmp_path_factory.mktemp("starts"), io.StringIO()

    def loop(reporter: Any) -> None:
        from ray_jobs.training import base, worker

        (starts / f"worker-{os.getpid()}").touch()
        load = base.load_base

        def counted(*arguments: Any) -> Any:
            (starts / f"load-{os.getpid()}-{time.time_ns()}").touch()
            return load(*arguments)

        base.load_base = counted
        worker.train_loop(reporter)

    with pytest.raises(ValueError, match="max_tokens=8"):
        run_with(loop, [refused, sft, dpo, full], store, Leg(2, 0, max_failures=3).resources(), output)
    return Straight(sft, dpo, full, sorted(path.name for path in starts.iterdir()), output.getvalue())


Loop = Callable[[Any], None]


def loop_killed_at(leg: Leg, lost: Path) -> Loop:
    """The train loop; its last rank kills itself after an optimizer step, before that step is saved.

    In step "preempted" nodes are announced as lost from optimizer step 3 on, and the last rank kills itself once at 6.
    """

    def loop(reporter: Any) -> None:
        import ray.train

        from ray_jobs.training import callbacks, worker

        context = ray.train.get_context()
        is_last = context.get_world_rank() == context.get_world_size() - 1
        original, train_step = callbacks.SaveInterval.on_step_end, worker.train_step
        at = [""]

        def on_step_end(self: Any, args: Any, state: Any, control: Any, **named: Any) -> None:
            preempted = at[0] == "preempted"
            if is_last and leg.killed_at and (at[0], state.global_step) == (leg.killed, leg.killed_at):
                os.kill(os.getpid(), signal.SIGKILL)
            if is_last and preempted and state.global_step == 6 and not lost.exists():
                lost.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            announced = preempted and state.global_step >= 3 and not lost.exists()
            callbacks.preemption_notice = lambda: "a notice" if announced else None
            original(self, args, state, control, **named)

        def named_step(job: TrainingJob, *rest: Any) -> None:
            at[0] = job.step.name
            train_step(job, *rest)

        callbacks.SaveInterval.on_step_end = on_step_end
        callbacks.PREEMPTION_SECONDS = 0.0
        worker.train_step = named_step
        worker.train_loop(reporter)

    return loop


LEGS = (
    Leg(2, 3, "sft_legs", 4),
    Leg(1, 0, "full_legs", 7),  # resumes SFT at 3, commits it, and loses SFT of all weights
    Leg(2, 3, "dpo_legs", 4),  # resumes that at 6, commits it, and loses DPO
    Leg(1, 0, save_minutes=1000, max_failures=1),  # resumes DPO at 3, then a third step loses a worker
)
"""Each leg has another number of workers and another ZeRO stage than the leg before."""


@dataclass(frozen=True)
class Legs:
    """The trainings of LEGS."""

    sft: Step
    dpo: Step
    full: Step
    preempted: Step


@pytest.fixture(scope="module")
def legs(store: Store, straight: Straight, tmp_path_factory: pytest.TempPathFactory) -> Legs:
    """The same trainings leg by leg; steps that a leg has committed are not in the next."""
    sft, dpo, full = straight.sft, straight.dpo, straight.full
    made = Legs(twin(sft, "sft_legs"), twin(dpo, "dpo_legs"), twin(full, "full_legs"), twin(sft, "preempted"))
    groups = [made.sft], [made.sft, made.full], [made.full, made.dpo], [made.dpo, made.preempted]
    lost = tmp_path_factory.mktemp("lost") / "lost"
    for leg, group in zip(LEGS, groups, strict=True):
        loop = loop_killed_at(leg, lost)
        if leg.killed:
            with pytest.raises(Exception, match="worker"):
                run_with(loop, group, store, leg.resources())
            (killed,) = [step for step in group if step.name == leg.killed]
            assert int(names(store, killed)[0][:8]) == leg.killed_at - 1
        else:
            run_with(loop, group, store, leg.resources())
        assert (store.manifest(made.sft) is not None) == (leg != LEGS[0]), "committed while the next one trains"
    assert lost.exists()
    return made


def test_a_group_loads_its_base_once_and_a_refused_step_neither_restarts_nor_stops_it(straight: Straight) -> None:
    workers = [name for name in straight.starts if name.startswith("worker-")]
    loads = [name for name in straight.starts if name.startswith("load-")]
    assert len(workers) == len(loads) == 2, straight.starts
    assert {name.split("-")[1] for name in loads} == {name.split("-")[1] for name in workers}
    assert "short" in straight.log and "failed, without the others of its group" in straight.log


def test_sft_on_two_workers_and_one(store: Store, straight: Straight, legs: Legs) -> None:
    assert_same(legs.sft, straight.sft, store)


def test_all_weights_on_one_worker_and_two(store: Store, straight: Straight, legs: Legs) -> None:
    """The whole model is there, every weight of it was trained, and with it are the base's configuration and
    tokenizer."""
    from safetensors.torch import load_file

    assert_same(legs.full, straight.full, store)
    recipe = straight.full.recipe
    assert isinstance(recipe, FineTune)
    folder = base_folder(recipe.model)
    base, found = load_file(folder / "model.safetensors"), weights(legs.full, store)
    assert found.keys() == base.keys() and all(bool((found[name] != base[name].float()).any()) for name in base)
    files = {
        Path(file.path).name: store.read_file(legs.full.directory, file) for file in store.files(legs.full["model"])
    }
    assert files.keys() == {path.name for path in folder.iterdir()}
    assert files["tokenizer.json"] == (folder / "tokenizer.json").read_bytes()
    config, own = json.loads(files["config.json"]), json.loads((folder / "config.json").read_bytes())
    assert config == own | {"dtype": "float32"}
    manifest = store.manifest(legs.full)
    assert manifest is not None and manifest.counts["adapted_layers"] == 0
    assert manifest.counts["trained_weights"] == sum(tensor.numel() for tensor in base.values())


def test_dpo_on_two_workers_and_one_keeps_its_reference(store: Store, straight: Straight, legs: Legs) -> None:
    assert_same(legs.dpo, straight.dpo, store)
    assert math.isclose(logged(legs.dpo, store)[1], math.log(2), abs_tol=1e-4)


def test_a_preemption_notice_saves_at_once_and_the_lost_worker_repeats_no_other_step(
    store: Store, straight: Straight, legs: Legs
) -> None:
    manifest, before = store.manifest(legs.preempted), store.manifest(legs.dpo)
    assert manifest is not None and before is not None
    assert manifest.counts["resumed_at_step"] == 3 and manifest.counts["saves"] == 1, "saved once, at the notice's step"
    assert before.counts["resumed_at_step"] == 3 and before.counts["saves"] == 0, "the group before the loss ended it"
    assert_same(legs.preempted, straight.sft, store)


def run_with(
    loop: Loop, steps: Sequence[Step], store: Store, resources: Resources, output: io.StringIO | None = None
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "train_loop", loop)
        train(steps, Context(store, resources, Progress(output)), Groups())


def test_workers_of_our_own_ray_run_at_nice_0() -> None:
    """Ray's default is 15, at which any other process of the machine slows engines and trainings."""
    import ray

    assert ray.get(ray.remote(lambda: os.nice(0)).remote()) == 0
