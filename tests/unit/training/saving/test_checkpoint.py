"""Checkpoints of a training: a damaged one, or one of other inputs, is never resumed."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from ray_jobs.training.checkpoint import KEPT, Checkpoint, Notes, load, names, newest, save
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import FineTune
from w2s.graph.step import Step, step
from w2s.recipe import WorldProblems
from w2s.records import Problem
from w2s.store.attempt import Attempt
from w2s.store.store import Store

PROBLEMS = step("problems", WorldProblems())
STEP: Step = step("made", FineTune(model=quickstart().strong, sft=quickstart().sft), problems=PROBLEMS["train_1"])


def state(number: int) -> Checkpoint:
    torch.manual_seed(number)
    return Checkpoint(
        {"weight.a": torch.randn(3, 4), "exp_avg.a": torch.randn(3, 4)},
        Notes(
            step=number, optimizer_step=number, scheduler={"_last_lr": [0.1]}, trainer={"x": "ä"}, unlogged_loss=0.25
        ),
    )


def files(store: Store) -> list[Path]:
    return sorted(Path(store.objects.path(STEP.directory, "training")).iterdir())


def test_a_saved_checkpoint_loads_and_old_ones_are_removed(tmp_path: Path) -> None:
    store = Store.at(str(tmp_path))
    assert newest(store, STEP, "inputs") is None
    for number in (5, 20, 100):
        save(store, STEP, "inputs", state(number))
    assert len(files(store)) == KEPT and [name[:8] for name in names(store, STEP)] == ["00000100", "00000020"]
    name = newest(store, STEP, "inputs")
    assert name is not None
    loaded, expected = load(store, STEP, name), state(100)
    assert loaded.step == 100 and loaded.notes == replace(expected.notes, inputs="inputs")
    assert loaded.tensors.keys() == expected.tensors.keys()
    assert all(torch.equal(loaded.tensors[key], value) for key, value in expected.tensors.items())


def test_the_format_in_the_store_stays(tmp_path: Path) -> None:
    """Written as the first release wrote it: loaded now; and what is saved now has the same keys in its header."""
    store = Store.at(str(tmp_path))
    notes = {"step": 7, "optimizer_step": 7.0, "scheduler": {"last_epoch": 7}, "trainer": {"max_steps": 9}}
    header = {"w2s": json.dumps(notes | {"inputs": "inputs"})}
    data = safetensors.torch.save(state(7).tensors, metadata=header)
    name = f"00000007-{hashlib.sha256(data).hexdigest()}.safetensors"
    store.objects.write(store.objects.path(STEP.directory, "training", name), data)
    assert newest(store, STEP, "inputs") == name
    loaded = load(store, STEP, name)
    assert loaded.notes == Notes(7, 7.0, {"last_epoch": 7}, {"max_steps": 9}, "inputs")
    save(store, STEP, "inputs", loaded)
    assert [path.read_bytes() for path in files(store)] == [data]


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "another's", "header"])
def test_a_damaged_checkpoint_is_skipped(damage: str, tmp_path: Path) -> None:
    store = Store.at(str(tmp_path))
    save(store, STEP, "inputs", state(1))
    save(store, STEP, "inputs", state(2))
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
    assert newest(store, STEP, "inputs") == files(store)[0].name
    files(store)[0].write_bytes(b"")
    assert newest(store, STEP, "inputs") is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_checkpoint_of_a_diverged_training_is_skipped(value: float, tmp_path: Path) -> None:
    store = Store.at(str(tmp_path))
    save(store, STEP, "inputs", state(1))
    lost = state(2)
    lost.tensors["exp_avg.a"][1, 1] = value
    save(store, STEP, "inputs", lost)
    assert newest(store, STEP, "inputs") == files(store)[0].name and len(files(store)) == 1


def test_a_checkpoint_of_other_inputs_is_not_resumed_and_does_not_push_out_new_ones(tmp_path: Path) -> None:
    """A repair may have rewritten the step's inputs with other rows."""
    store = Store.at(str(tmp_path))
    for number in (50, 60):
        save(store, STEP, "before the repair", state(number))
    assert newest(store, STEP, "after") is None
    save(store, STEP, "after", state(5))
    assert [name[:8] for name in names(store, STEP)] == ["00000005"]
    assert newest(store, STEP, "after") == files(store)[0].name


def test_the_digest_of_inputs_is_of_their_content(tmp_path: Path) -> None:
    def digest(folder: str, text: str) -> str:
        store = Store.at(str(tmp_path / folder))
        attempt = Attempt(store, PROBLEMS)
        attempt.write_records("train_1", [Problem("p", text)], Problem)
        attempt.commit({})
        return store.inputs_digest(STEP)

    assert digest("first", "q") == digest("second", "q") != digest("third", "another q")


def test_a_half_written_file_is_no_checkpoint(tmp_path: Path) -> None:
    store = Store.at(str(tmp_path))
    save(store, STEP, "inputs", state(1))
    (whole,) = files(store)
    half = whole.parent / f"00000009-{'0' * 64}.safetensors.1234.tmp"  # Store.write leaves this name when it is killed
    half.write_bytes(whole.read_bytes()[:50])
    assert names(store, STEP) == [whole.name]
