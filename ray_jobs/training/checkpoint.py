"""Checkpoints of a training in progress: one safetensors object each, named by its own sha256, in the step's `training/` folder.

A checkpoint holds the adapter, the optimizer's moments and, as JSON in its header, the trainer's and scheduler's state. It is one
object, put whole, so it is there or not; its name says what bytes it must have, so a damaged one is not taken. It is the same for
any number of workers, ZeRO stage and dtype (ray_jobs/training/state.py), and holds no pickle. Ray Train's own checkpoints are not used:
they are files of every rank, bound to Ray's version, without checksums, and go to storage by another client than the store's.
"""

import hashlib
import json
import logging
from dataclasses import dataclass
from typing import Any

from w2s.graph.step import Step
from w2s.store.store import Store

KEPT = 2
"""Newest checkpoints of a step that stay: the one before the last is there if the last is damaged."""
NOTES = "w2s"
"""Key of the JSON in safetensors' header, which takes strings only."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """The state after an optimizer step."""

    tensors: dict[str, Any]
    """float32, by `weight.NAME`, `exp_avg.NAME` and `exp_avg_sq.NAME` of each trained parameter."""
    notes: dict[str, Any]
    """JSON values: `step`, `optimizer_step`, `scheduler`, `trainer`; of a saved one also `inputs`."""

    @property
    def step(self) -> int:
        """Optimizer steps done."""
        return int(self.notes["step"])


def save(store: Store, step: Step, inputs: str, checkpoint: Checkpoint) -> None:
    """Put a checkpoint of a training on `inputs` (see `Store.inputs_digest`), then remove all but the newest `KEPT`."""
    from safetensors.torch import save as to_bytes

    data = to_bytes(checkpoint.tensors, metadata={NOTES: json.dumps(checkpoint.notes | {"inputs": inputs})})
    name = f"{checkpoint.step:08d}-{hashlib.sha256(data).hexdigest()}.safetensors"
    store.write(store.path(step.directory, "training", name), data)
    store.remove([store.path(step.directory, "training", old) for old in names(store, step)[KEPT:]])


def names(store: Store, step: Step) -> list[str]:
    """The step's checkpoints, newest first."""
    there = store.names(store.path(step.directory, "training"))
    return sorted((name for name in there if name.endswith(".safetensors")), reverse=True)


def newest(store: Store, step: Step, inputs: str) -> str | None:
    """Name of the newest checkpoint that is whole and of these inputs; those before it are removed with a warning, or they would count
    among the newest for ever."""
    for name in names(store, step):
        try:
            if load(store, step, name).notes["inputs"] == inputs:
                return name
            logger.warning("%s/%s is of a training on other inputs: not taken", step.directory, name)
        except ValueError as error:
            logger.warning("%s: going on from the one before it", error)
        store.remove([store.path(step.directory, "training", name)])
    return None


def load(store: Store, step: Step, name: str) -> Checkpoint:
    """Read a checkpoint.

    Raises ValueError, naming it, where its bytes are not those of its name.
    """
    from safetensors.torch import load as from_bytes

    path = store.path(step.directory, "training", name)
    data = store.read(path)
    if hashlib.sha256(data).hexdigest() != name.removesuffix(".safetensors").split("-")[1]:
        raise ValueError(f"{path} is damaged: its {len(data)} bytes are not those of its checksum")
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return Checkpoint(from_bytes(data), json.loads(header["__metadata__"][NOTES]))
