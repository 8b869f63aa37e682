"""A training that is killed and goes on, on other workers, with another ZeRO stage: the same losses and the same adapter at the end."""

import math
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ray_jobs.resources.presets import load_resources
from ray_jobs.resources.resources import Resources
from ray_jobs.runtime import local_ray
from ray_jobs.runtime.context import Context
from ray_jobs.runtime.progress import Progress
from ray_jobs.training import worker as train_worker
from ray_jobs.training.checkpoint import names
from ray_jobs.training.job import train
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import Agree, FineTune, Pair, Prefer
from w2s.graph.step import Step, step
from w2s.recipe import WorldProblems
from w2s.records import PreferencePair, SFTExample
from w2s.store.store import Store

pytestmark = pytest.mark.ray
EXPERIMENT = quickstart()
ROWS, STEPS = 37, 10  # 37 rows in batches of 8: the last batch of each epoch is filled up
TOLERANCE = 1e-4
"""Of losses, and of the adapter relative to how far it has moved: sums over workers are in another order."""
LOCAL = load_resources("local,micro_batch=2,save_minutes=0,max_failures=0,cpus_per_worker=0.5")


@dataclass(frozen=True)
class Leg:
    """Workers and ZeRO stage of one part of a training, and the optimizer step at which a worker of it is killed."""

    workers: int
    zero_stage: int
    killed_at: int | None = None

    def resources(self) -> Resources:
        return replace(LOCAL, workers=self.workers, zero_stage=self.zero_stage)


@pytest.fixture(scope="module", autouse=True)
def ray() -> Iterator[None]:
    local_ray.start()
    import ray

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers need not find the tests
    yield
    local_ray.stop()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(str(tmp_path_factory.mktemp("store")))


@pytest.fixture(scope="module")
def sft_step(store: Store) -> Step:
    problems = step("problems", WorldProblems())
    made = step(
        "consistent", Agree(agreement=EXPERIMENT.agreement, answers=EXPERIMENT.answers), problems=problems["train_2"]
    )
    attempt = store.attempt(made)
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
    attempt = store.attempt(made)
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


def loop_killed_at(number: int | None) -> Callable[[dict[str, Any]], None]:
    """The training loop, whose last rank ends with SIGKILL after an optimizer step, before that step is saved."""

    def loop(config: dict[str, Any]) -> None:
        import ray.train

        from ray_jobs.training import worker as train_worker

        context = ray.train.get_context()
        original = train_worker.Report.on_step_end

        def on_step_end(self: Any, args: Any, state: Any, control: Any, **named: Any) -> None:
            if state.global_step == number and context.get_world_rank() == context.get_world_size() - 1:
                os.kill(os.getpid(), signal.SIGKILL)
            original(self, args, state, control, **named)

        train_worker.Report.on_step_end = on_step_end
        train_worker._write_adapter = checked(train_worker._write_adapter)
        train_worker.train_loop(config)

    return loop


def checked(write: Callable[..., list[str]]) -> Callable[..., list[str]]:
    """`_write_adapter`, after a look at DPO's reference: it must be M_plus as its file has it, at the end too."""

    def check_and_write(trainer: Any, step: Step, store: Store, *rest: Any) -> list[str]:
        from deepspeed import zero
        from safetensors.torch import load_file

        from ray_jobs.models.folders import adapter_folder

        table = step.input("adapter")
        if table is not None:
            weights = load_file(adapter_folder(store, table) / "adapter_model.safetensors")
            model = trainer.accelerator.unwrap_model(trainer.model)
            frozen = {name: parameter for name, parameter in model.named_parameters() if ".ref." in name}
            assert len(frozen) == len(weights)
            with zero.GatheredParameters(
                list(frozen.values()), enabled=any(hasattr(p, "ds_id") for p in frozen.values())
            ):
                for name, parameter in frozen.items():
                    assert (parameter.cpu() == weights[name.replace(".ref.", ".")]).all(), f"{name} is not M_plus's"
        return write(trainer, step, store, *rest)

    return check_and_write


def run(one: Step, store: Store, *legs: Leg) -> None:
    """Train a step leg by leg; all but the last are killed."""
    original = train_worker.train_loop
    try:
        for leg in legs:
            train_worker.train_loop = loop_killed_at(leg.killed_at) if leg.killed_at else loop_killed_at(None)
            if leg.killed_at:
                with pytest.raises(Exception, match="worker"):
                    train([one], Context(store, leg.resources(), Progress()))
                assert int(names(store, one)[0][:8]) == leg.killed_at - 1
            else:
                train([one], Context(store, leg.resources(), Progress()))
    finally:
        train_worker.train_loop = original


def twin(one: Step, name: str) -> Step:
    """The same work under a fingerprint of its own."""
    recipe = one.recipe
    assert isinstance(recipe, FineTune | Prefer)
    marked = recipe.model_copy(update={"model": recipe.model.model_copy(update={"revision": name})})
    return step(name, marked, **dict(one.inputs))


def adapter(one: Step, store: Store) -> dict[str, Any]:
    from safetensors.torch import load

    (file,) = [file for file in store.files(one["model"]) if file.path.endswith(".safetensors")]
    return load(store.read_file(one.directory, file))


def same(one: Step, other: Step, store: Store) -> None:
    losses, expected = (
        {entry["step"]: entry["loss"] for entry in store.document(which["losses"])} for which in (one, other)
    )
    assert losses.keys() == expected.keys() == set(range(1, STEPS + 1))
    worst = max(abs(losses[at] - expected[at]) for at in expected)
    found, wanted = adapter(one, store), adapter(other, store)
    assert found.keys() == wanted.keys()
    distance = math.sqrt(sum(float((found[key] - wanted[key]).square().sum()) for key in wanted))
    length = math.sqrt(sum(float(value.square().sum()) for value in wanted.values()))
    print(
        f"{one.name}: losses {expected[1]:.4f} -> {expected[STEPS]:.4f} differ by {worst:.1e}, adapters by {distance / length:.1e} of their length"
    )
    assert worst < TOLERANCE and distance < TOLERANCE * length
    manifest = store.manifest(one)
    assert manifest is not None and not Path(store.path(one.directory, "training")).exists()


LEGS = Leg(2, 2, 4), Leg(1, 0, 7), Leg(2, 3)
"""Another number of workers and another ZeRO stage at each start."""


def test_sft_on_two_one_and_two_workers(store: Store, straight_sft: Step) -> None:
    one = twin(straight_sft, "sft_legs")
    run(one, store, *LEGS)
    same(one, straight_sft, store)


def test_dpo_on_two_one_and_two_workers_keeps_its_reference(store: Store, straight_dpo: Step) -> None:
    one = twin(straight_dpo, "dpo_legs")
    run(one, store, *LEGS)
    same(one, straight_dpo, store)
    first = store.document(one["losses"])[0]["loss"]
    assert math.isclose(first, math.log(2), abs_tol=1e-4)


def run_with(loop: Callable[[dict[str, Any]], None], one: Step, store: Store, resources: Resources) -> None:
    original = train_worker.train_loop
    train_worker.train_loop = loop
    try:
        train([one], Context(store, resources, Progress()))
    finally:
        train_worker.train_loop = original


def test_a_notice_of_preemption_saves_at_once_and_the_lost_worker_is_replaced(
    store: Store, straight_sft: Step, tmp_path: Path
) -> None:
    one = twin(straight_sft, "preempted")
    lost = tmp_path / "lost"

    def loop(config: dict[str, Any]) -> None:
        import ray.train

        from ray_jobs.training import worker as train_worker

        context = ray.train.get_context()
        original = train_worker.Report.on_step_end

        def on_step_end(self: Any, args: Any, state: Any, control: Any, **named: Any) -> None:
            if state.global_step == 6 and context.get_world_rank() == 1 and not lost.exists():
                lost.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            train_worker.preemption_notice = lambda: (
                "a notice" if state.global_step >= 3 and not lost.exists() else None
            )
            original(self, args, state, control, **named)

        train_worker.Report.on_step_end = on_step_end
        train_worker.PREEMPTION_SECONDS = 0.0
        train_worker.train_loop(config)

    run_with(loop, one, store, replace(LOCAL, save_minutes=1000, max_failures=1))
    manifest = store.manifest(one)
    assert manifest is not None and lost.exists()
    assert manifest.counts["resumed_at_step"] == 3 and manifest.counts["saves"] == 1, (
        "saved once, at the step at which the notice came"
    )
    same(one, straight_sft, store)


def test_what_the_user_must_change_is_not_tried_again(store: Store, straight_sft: Step, tmp_path: Path) -> None:
    recipe = straight_sft.recipe
    assert isinstance(recipe, FineTune)
    one = step(
        "short",
        recipe.model_copy(update={"sft": recipe.sft.model_copy(update={"max_tokens": 8})}),
        **dict(straight_sft.inputs),
    )

    def loop(config: dict[str, Any]) -> None:
        from ray_jobs.training import worker as train_worker

        (tmp_path / f"start-{os.getpid()}").touch()
        train_worker.train_loop(config)

    with pytest.raises(ValueError, match="max_tokens=8"):
        run_with(loop, one, store, replace(LOCAL, max_failures=3))
    assert len(list(tmp_path.glob("start-*"))) == LOCAL.workers
