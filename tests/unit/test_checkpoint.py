"""A training's checkpoint: whole or not there, and never taken damaged."""

from pathlib import Path

import pytest
import torch

from ray_jobs.checkpoint import KEPT, Checkpoint, load, names, newest, save
from w2s.experiments.quickstart import quickstart
from w2s.recipe import WorldProblems
from w2s.step import Step, step
from w2s.step_recipes import FineTune
from w2s.store import Store

STEP: Step = step("made", FineTune(model=quickstart().strong, sft=quickstart().sft), problems=step("problems", WorldProblems())["train_1"])


def state(number: int) -> Checkpoint:
    torch.manual_seed(number)
    return Checkpoint({"weight.a": torch.randn(3, 4), "exp_avg.a": torch.randn(3, 4)}, {"step": number, "scheduler": {"_last_lr": [0.1]}, "x": "ä"})


def files(store: Store) -> list[Path]:
    return sorted(Path(store.path(STEP.directory, "training")).iterdir())


def test_what_is_saved_is_loaded_and_old_ones_go(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    assert newest(store, STEP) is None
    for number in (5, 20, 100):
        save(store, STEP, state(number))
    assert len(files(store)) == KEPT and [name[:8] for name in names(store, STEP)] == ["00000100", "00000020"]
    name = newest(store, STEP)
    assert name is not None
    found, expected = load(store, STEP, name), state(100)
    assert found.step == 100 and found.notes == expected.notes
    assert found.tensors.keys() == expected.tensors.keys()
    assert all(torch.equal(found.tensors[key], value) for key, value in expected.tensors.items())


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "another's", "header"])
def test_a_damaged_one_is_passed_over(damage: str, tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    save(store, STEP, state(1))
    save(store, STEP, state(2))
    path = files(store)[-1]
    data = bytearray(path.read_bytes())
    if damage == "cut":
        data = data[:-1]
    elif damage == "flipped":
        data[-3] ^= 1
    elif damage == "empty":
        data = bytearray()
    elif damage == "another's":
        data = bytearray(files(store)[0].read_bytes())
    else:
        data[2] ^= 255
    path.write_bytes(data)
    with pytest.raises(ValueError, match="damaged"):
        load(store, STEP, path.name)
    assert newest(store, STEP) == files(store)[0].name
    files(store)[0].write_bytes(b"")
    assert newest(store, STEP) is None


def test_a_half_written_one_is_no_checkpoint(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    save(store, STEP, state(1))
    (whole,) = files(store)
    (whole.parent / f"00000009-{'0' * 64}.safetensors.1234.tmp").write_bytes(whole.read_bytes()[:50])  # as Store.write leaves it
    assert names(store, STEP) == [whole.name]
