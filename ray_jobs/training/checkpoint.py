"""Checkpoints of an unfinished training: safetensors objects in the step's `training/`, named by step and sha256.

Ray Train's own checkpoints are not used, because they are files of every rank without checksums, bound to Ray's
version.
"""

import hashlib
import json
import logging
from dataclasses import asdict, dataclass, replace
from typing import Any

from w2s.graph.step import Step
from w2s.store import layout
from w2s.store.store import Store

KEPT = 2
"""Checkpoints kept of a step: the older one serves if the newest is damaged."""
NOTES = "w2s"
"""Key of the notes' JSON in the safetensors header, whose values must be strings."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Notes:
    """What a training resumes besides tensors. Written as JSON into the safetensors header, never as a pickle."""

    step: int
    """Optimizer steps done."""
    optimizer_step: float
    """AdamW's own step count."""
    scheduler: dict[str, Any]
    """`state_dict()` of the learning rate's scheduler; torch's keys."""
    trainer: dict[str, Any]
    """The HF `TrainerState`, logged losses included; transformers' keys."""
    inputs: str = ""
    """`Store.inputs_digest` of the training; `save` sets it."""
    unlogged_loss: float | None = None
    """Sum of the losses of the steps since the last logged one; None in checkpoints of the first release."""


@dataclass(frozen=True)
class Checkpoint:
    """The state after an optimizer step; any number of workers, ZeRO stage and dtype can resume it (state.py)."""

    tensors: dict[str, Any]
    """float32 CPU tensors `weight.NAME`, `exp_avg.NAME` and `exp_avg_sq.NAME` of each trained parameter."""
    notes: Notes

    @property
    def step(self) -> int:
        """Optimizer steps done."""
        return self.notes.step

    @property
    def logged_at(self) -> int:
        """Optimizer step of the last logged loss; 0 if none is."""
        return max((entry["step"] for entry in self.notes.trainer["log_history"] if "loss" in entry), default=0)


def save(store: Store, step: Step, inputs: str, checkpoint: Checkpoint) -> None:
    """Write a checkpoint of a training on `inputs` (`Store.inputs_digest`), then remove all but the newest `KEPT`."""
    from safetensors.torch import save as to_bytes

    notes = asdict(replace(checkpoint.notes, inputs=inputs))
    written = json.dumps({name: value for name, value in notes.items() if value is not None})
    data = to_bytes(checkpoint.tensors, metadata={NOTES: written})
    name = layout.checkpoint(checkpoint.step, hashlib.sha256(data).hexdigest())
    store.objects.write(store.objects.path(layout.training(step.directory), name), data)
    store.objects.remove(
        [store.objects.path(layout.training(step.directory), old) for old in names(store, step)[KEPT:]]
    )


def names(store: Store, step: Step) -> list[str]:
    """Names of the step's checkpoints, newest first."""
    files = store.objects.names(store.objects.path(layout.training(step.directory)))
    return sorted((name for name in files if name.endswith(".safetensors")), reverse=True)


def newest(store: Store, step: Step, inputs: str) -> str | None:
    """Name of the newest whole checkpoint of a training on `inputs`, or None.

    Removes newer checkpoints that are damaged or of other inputs, because they would push out good ones in `save`.
    """
    for name in names(store, step):
        try:
            if load(store, step, name).notes.inputs == inputs:
                return name
            logger.warning("%s/%s is of a training on other inputs: removed", step.directory, name)
        except ValueError as error:
            logger.warning("%s: removed, the checkpoint before it is next", error)
        store.objects.remove([store.objects.path(layout.training(step.directory), name)])
    return None


def load(store: Store, step: Step, name: str) -> Checkpoint:
    """Read a checkpoint.

    Raises ValueError with its path if its sha256 is not the one in its name, or if its training had diverged.
    """
    from safetensors.torch import load as from_bytes

    path = store.objects.path(layout.training(step.directory), name)
    data = store.objects.read(path)
    if hashlib.sha256(data).hexdigest() != layout.checkpoint_sha256(name):
        raise ValueError(f"{path} is damaged: the sha256 of its {len(data)} bytes is not the one in its name")
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])  # safetensors: 8 bytes of length, then JSON
    tensors = from_bytes(data)
    if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise ValueError(f"{path} is of a training that had diverged: it has tensors that are not finite")
    return Checkpoint(tensors, Notes(**json.loads(header["__metadata__"][NOTES])))
