"""A killed training resumes on other workers with another ZeRO stage, to the same losses and the same adapter."""

import math
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ray_jobs.resources.presets import load_resources
from ray_jobs.resources.resources import Resources
from ray_jobs.runtime import local_ray
from ray_jobs.runtime.context import Context
from ray_jobs.runtime.progress import Progress
from ray_jobs.training import worker
from ray_jobs.training.checkpoint import names
from ray_jobs.training.job import train
from ray_jobs.training.values import TrainingJob
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import Agree, FineTune, Pair, Prefer
from w2s.graph.step import Step, step
from w2s.recipe import WorldProblems
from w2s.records import PreferencePair, SFTExample
from w2s.store.attempt import Attempt
from w2s.store.manifest import File
from w2s.store.store import Store

pytestmark = pytest.mark.ray
EXPERIMENT = quickstart()
ROWS, STEPS = 37, 10  # 37 rows in batches of 8: the last batch of each epoch repeats 3 rows
TOLERANCE = 1e-4
"""Largest difference of losses, and of adapters relative to their length: workers add in another order."""
LOCAL = load_resources("local,micro_batch=2,save_minutes=0,max_failures=0,cpus_per_worker=0.5")


@dataclass(frozen=True)
class Leg:
    """One part of a training: its workers, its ZeRO stage and the optimizer step at which a worker is killed."""

    workers: int
    zero_stage: int
    killed_at: int | None = None

    def resources(self) -> Resources:
        return LOCAL.changed(workers=self.workers, zero_stage=self.zero_stage)


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


@pytest.fixture(scope="module")
def sft_step(store: Store) -> Step:
    problems = step("problems", WorldProblems())
    made = step(
        "consistent", Agree(agreement=EXPERIMENT.agreement, answers=EXPERIMENT.answers), problems=problems["train_2"]
    )
    attempt = Attempt(store, made)
    rows = [
        SFTExample(
            f"p{i:02d}", f"Leo has {i} pens. Leo buys {i % 7}. How many?", f" {i} + {i % 7}.\n#### {i + i % 7}", "weak"
        )
        for i in range(ROWS)
    ]
    attempt.write_records("hybrid", rows, SFTExample)
    attempt.commit({})
    lora = EXPERIMENT.sft.lora.model_copy(update={"dropout": 0.1})
    sft = EXPERIMENT.sft.model_copy(
        update={"batch_size": 8, "epochs": 2.0, "learning_rate": 2e-3, "lora": lora, "warmup_ratio": 0.2}
    )
    return step("trained", FineTune(model=EXPERIMENT.strong, sft=sft), examples=made["hybrid"])


@pytest.fixture(scope="module")
def straight_sft(store: Store, sft_step: Step) -> Step:
    run(sft_step, store, Leg(2, 0))
    return sft_step


@pytest.fixture(scope="module")
def dpo_step(store: Store, straight_sft: Step) -> Step:
    made = step("pairs", Pair(pairs=EXPERIMENT.pairs, answers=EXPERIMENT.answers), completions=straight_sft["model"])
    attempt = Attempt(store, made)
    rows = [
        PreferencePair(
            f"p{i:02d}",
            f"Leo has {i} pens. Leo buys {i % 7}. How many?",
            f" {i}.\n#### {i}",
            f" {i}.\n#### 9{i}",
            "weak",
            f"{i}",
            "9",
            1.0,
        )
        for i in range(ROWS)
    ]
    attempt.write_records("pairs", rows, PreferencePair)
    attempt.commit({})
    assert EXPERIMENT.dpo is not None
    dpo = EXPERIMENT.dpo.model_copy(update={"batch_size": 8, "epochs": 2.0, "learning_rate": 1e-3})
    return step(
        "preferred", Prefer(model=EXPERIMENT.strong, preference=dpo), pairs=made["pairs"], adapter=straight_sft["model"]
    )


@pytest.fixture(scope="module")
def straight_dpo(store: Store, dpo_step: Step) -> Step:
    run(dpo_step, store, Leg(2, 0))
    return dpo_step


Loop = Callable[[TrainingJob], None]


def loop_killed_at(number: int | None) -> Loop:
    """The train loop; its last rank kills itself after an optimizer step, before that step is saved."""

    def loop(job: TrainingJob) -> None:
        import ray.train

        from ray_jobs.training import worker
        from ray_jobs.training.callbacks import SaveInterval

        context = ray.train.get_context()
        original = SaveInterval.on_step_end

        def on_step_end(self: Any, args: Any, state: Any, control: Any, **named: Any) -> None:
            if state.global_step == number and context.get_world_rank() == context.get_world_size() - 1:
                os.kill(os.getpid(), signal.SIGKILL)
            original(self, args, state, control, **named)

        SaveInterval.on_step_end = on_step_end
        worker.write_adapter = checked(worker.write_adapter)
        worker.train_loop(job)

    return loop


def checked(write: Callable[..., tuple[File, ...]]) -> Callable[..., tuple[File, ...]]:
    """`write_adapter`, which first checks that DPO's reference still equals M_plus's file after the training."""

    def check_and_write(trainer: Any, job: TrainingJob, *rest: Any) -> tuple[File, ...]:
        from deepspeed import zero
        from safetensors.torch import load_file

        from ray_jobs.models.folders import adapter_folder

        table = job.step.input("adapter")
        if table is not None:
            weights = load_file(adapter_folder(job.store, table) / "adapter_model.safetensors")
            model = trainer.accelerator.unwrap_model(trainer.model)
            frozen = {name: parameter for name, parameter in model.named_parameters() if ".ref." in name}
            assert len(frozen) == len(weights)
            sharded = any(hasattr(parameter, "ds_id") for parameter in frozen.values())
            with zero.GatheredParameters(list(frozen.values()), enabled=sharded):
                for name, parameter in frozen.items():
                    assert (parameter.cpu() == weights[name.replace(".ref.", ".")]).all(), f"{name} is not M_plus's"
        return write(trainer, job, *rest)

    return check_and_write


def run(step: Step, store: Store, *legs: Leg) -> None:
    """Train a step leg by leg; a worker of each but the last is killed."""
    for leg in legs:
        loop = loop_killed_at(leg.killed_at)
        if leg.killed_at:
            with pytest.raises(Exception, match="worker"):
                run_with(loop, step, store, leg.resources())
            assert int(names(store, step)[0][:8]) == leg.killed_at - 1
        else:
            run_with(loop, step, store, leg.resources())


def twin(original: Step, name: str) -> Step:
    """The same training under another fingerprint."""
    recipe = original.recipe
    assert isinstance(recipe, FineTune | Prefer)
    marked = recipe.model_copy(update={"model": recipe.model.model_copy(update={"revision": name})})
    return step(name, marked, **dict(original.inputs))


def adapter(step: Step, store: Store) -> dict[str, Any]:
    from safetensors.torch import load

    (file,) = [file for file in store.files(step["model"]) if file.path.endswith(".safetensors")]
    return load(store.read_file(step.directory, file))


def logged(step: Step, store: Store) -> dict[int, float]:
    return {entry["step"]: entry["loss"] for entry in store.document(step["losses"])}


def assert_same(resumed: Step, straight: Step, store: Store) -> None:
    losses, expected = logged(resumed, store), logged(straight, store)
    assert losses.keys() == expected.keys() == set(range(1, STEPS + 1))
    worst = max(abs(losses[at] - expected[at]) for at in expected)
    weights, expected_weights = adapter(resumed, store), adapter(straight, store)
    assert weights.keys() == expected_weights.keys()
    squares = [(weights[key] - value).square().sum() for key, value in expected_weights.items()]
    distance = math.sqrt(sum(float(square) for square in squares))
    length = math.sqrt(sum(float(value.square().sum()) for value in expected_weights.values()))
    print(f"{resumed.name}: losses {expected[1]:.4f} -> {expected[STEPS]:.4f} differ by {worst:.1e}")
    print(f"{resumed.name}: adapters differ by {distance / length:.1e} of their length")
    assert worst < TOLERANCE and distance < TOLERANCE * length
    manifest = store.manifest(resumed)
    assert manifest is not None and not Path(store.objects.path(resumed.directory, "training")).exists()


LEGS = Leg(2, 3, 4), Leg(1, 0, 7), Leg(2, 3)
"""Each leg has another number of workers and another ZeRO stage than the leg before."""


def test_sft_on_two_one_and_two_workers(store: Store, straight_sft: Step) -> None:
    resumed = twin(straight_sft, "sft_legs")
    run(resumed, store, *LEGS)
    assert_same(resumed, straight_sft, store)


def test_dpo_on_two_one_and_two_workers_keeps_its_reference(store: Store, straight_dpo: Step) -> None:
    resumed = twin(straight_dpo, "dpo_legs")
    run(resumed, store, *LEGS)
    assert_same(resumed, straight_dpo, store)
    assert math.isclose(logged(resumed, store)[1], math.log(2), abs_tol=1e-4)


def run_with(loop: Loop, step: Step, store: Store, resources: Resources) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "train_loop", loop)
        train([step], Context(store, resources, Progress()))


def test_a_preemption_notice_saves_at_once_and_the_lost_worker_is_replaced(
    store: Store, straight_sft: Step, tmp_path: Path
) -> None:
    preempted = twin(straight_sft, "preempted")
    lost = tmp_path / "lost"

    def loop(job: TrainingJob) -> None:
        import ray.train

        from ray_jobs.training import callbacks, worker

        context = ray.train.get_context()
        original = callbacks.SaveInterval.on_step_end

        def on_step_end(self: Any, args: Any, state: Any, control: Any, **named: Any) -> None:
            if state.global_step == 6 and context.get_world_rank() == 1 and not lost.exists():
                lost.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            announced = state.global_step >= 3 and not lost.exists()
            callbacks.preemption_notice = lambda: "a notice" if announced else None
            original(self, args, state, control, **named)

        callbacks.SaveInterval.on_step_end = on_step_end
        callbacks.PREEMPTION_SECONDS = 0.0
        worker.train_loop(job)

    run_with(loop, preempted, store, LOCAL.changed(save_minutes=1000, max_failures=1))
    manifest = store.manifest(preempted)
    assert manifest is not None and lost.exists()
    assert manifest.counts["resumed_at_step"] == 3 and manifest.counts["saves"] == 1, "saved once, at the notice's step"
    assert_same(preempted, straight_sft, store)


def test_a_user_error_is_not_retried(store: Store, straight_sft: Step, tmp_path: Path) -> None:
    recipe = straight_sft.recipe
    assert isinstance(recipe, FineTune)
    too_short = recipe.model_copy(update={"sft": recipe.sft.model_copy(update={"max_tokens": 8})})
    refused = step("short", too_short, **dict(straight_sft.inputs))

    def loop(job: TrainingJob) -> None:
        from ray_jobs.training import worker

        (tmp_path / f"start-{os.getpid()}").touch()
        worker.train_loop(job)

    with pytest.raises(ValueError, match="max_tokens=8"):
        run_with(loop, refused, store, LOCAL.changed(max_failures=3))
    assert len(list(tmp_path.glob("start-*"))) == LOCAL.workers
