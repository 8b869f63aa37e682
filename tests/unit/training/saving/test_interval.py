"""Intervals between saves, on a simulated clock: never longer than `save_seconds`, and not much shorter."""

import random
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import TrainerControl, TrainerState

from ray_jobs.training import callbacks
from ray_jobs.training.callbacks import SaveInterval

ARGS: Any = SimpleNamespace(device="cpu")


@pytest.fixture(autouse=True)
def world_of_one(tmp_path: Path) -> Iterator[None]:
    """A process group, because ranks agree by a broadcast; tests of trainers leave an equal group in this process."""
    own = not torch.distributed.is_initialized()
    if own:
        torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/group", rank=0, world_size=1)
    assert torch.distributed.get_world_size() == 1
    yield
    if own:
        torch.distributed.destroy_process_group()


def saves(monkeypatch: pytest.MonkeyPatch, interval: float, steps: list[float], saving: float) -> list[float]:
    """Seconds after the start at which each save of a training ended; `steps` holds each step's seconds."""
    clock, ends = 1000.0, list[float]()
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: clock)
    monkeypatch.setattr(callbacks, "preemption_notice", lambda: None)
    callback, state = SaveInterval(interval), TrainerState(max_steps=len(steps))
    callback.on_train_begin(ARGS, state, TrainerControl())
    for seconds in steps:
        clock, control = clock + seconds, TrainerControl()
        state.global_step += 1
        callback.on_step_end(ARGS, state, control)
        if control.should_save:
            clock += saving
            callback.on_save(ARGS, state, control)
            ends.append(clock - 1000.0)
    return ends


@pytest.mark.parametrize("seed", range(20))
def test_the_store_never_lacks_more_than_an_interval(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    rng = random.Random(seed)
    interval = rng.uniform(1, 600)
    step, saving = rng.uniform(0.001, 0.2) * interval, rng.uniform(0, 0.2) * interval
    first = rng.uniform(1, 1.5) * step  # a process's first step is its slowest
    steps = [first] + [step] * int(20 * interval / step)
    ends = saves(monkeypatch, interval, steps, saving)
    print(f"seed {seed}: interval {interval:.1f} s, steps {step:.2f} s, saves {saving:.2f} s")
    apart = [b - a for a, b in zip([0.0, *ends], ends, strict=False)]
    # Before the first save, its length is guessed as a twentieth of the interval.
    assert apart[0] <= interval + max(0.0, saving - interval / 20) + 1e-6
    assert max(apart[1:]) <= interval + 1e-6, "a loss in this interval costs more than promised"
    assert min(apart[1:]) > interval - 2 * step - 1e-6, "saved more often than necessary"
    unsaved = sum(steps) + len(ends) * saving - ends[-1]
    assert unsaved <= interval + saving + step, "too much was trained after the last save"


@pytest.mark.parametrize("interval", [0.0, 0.5])
def test_an_interval_shorter_than_a_step_saves_after_each_but_the_last(
    monkeypatch: pytest.MonkeyPatch, interval: float
) -> None:
    assert saves(monkeypatch, interval, [1.0] * 5, 0.25) == [1.25, 2.5, 3.75, 5.0]
