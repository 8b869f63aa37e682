"""The trained model as files, under the attempt's `model/` in the store: an adapter in PEFT's format, or a whole model.

The Trainer's `save_model` is not used: under ZeRO-3 it would gather the base's weights too, which an adapter does not
need, and every rank would hold a whole model.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from ray_jobs.models.configs import raw_config
from ray_jobs.models.folders import without_weights
from ray_jobs.training.state import trained_parameters
from ray_jobs.training.values import TrainingJob, diverged
from w2s.graph.recipes import FineTune, Prefer
from w2s.graph.trained import is_whole
from w2s.store.attempt import put
from w2s.store.manifest import File

SHARD = "4GB"
"""Largest file of a whole model's weights; the store holds a file in memory as it writes and reads it."""


def write_model(trainer: Any, job: TrainingJob, base: Path, folder: Path, rank: int) -> tuple[File, ...]:
    """Write the trained model into the store and return its files; empty on ranks other than 0. Collective.

    `base` is the folder of the base, `folder` a scratch folder of this rank. Raises TrainingRefused on every rank if
    the engine could not use the weights.
    """
    model, written = trainer.accelerator.unwrap_model(trainer.model), folder / "model"
    written.mkdir()
    if is_whole(job.step["model"]):
        _write_whole(model, job, base, written, rank)
    else:
        _write_adapter(model, job, written, rank)
    return tuple(
        put(job.store.objects, job.step.directory, f"{job.attempt}/model/{path.name}", path.read_bytes())
        for path in sorted(written.iterdir())
    )


def _write_adapter(model: Any, job: TrainingJob, folder: Path, rank: int) -> None:
    import deepspeed
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    trained = dict(trained_parameters(model))
    assert trained, "no parameter was trained"
    sharded = job.resources.zero_stage == 3
    with deepspeed.zero.GatheredParameters(list(trained.values()), enabled=sharded):
        state = {name: parameter.detach().cpu().clone() for name, parameter in trained.items()}
    _check_finite(job, "adapter tensors", [_is_finite(tensor) for tensor in state.values()])
    if rank != 0:
        return
    weights = get_peft_model_state_dict(model, state_dict=state, adapter_name="default")
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, folder / "adapter_model.safetensors")
    assert isinstance(job.step.recipe, FineTune | Prefer)
    config = model.peft_config["default"]
    config.base_model_name_or_path = job.step.recipe.model.name  # PEFT would write this node's path
    config.inference_mode = True
    config.save_pretrained(folder)


def _write_whole(model: Any, job: TrainingJob, base: Path, folder: Path, rank: int) -> None:
    """Weights in the dtype of the training; configuration and tokenizer are the base's own files, because trainer and
    engine read these."""
    from deepspeed import zero

    state, copies, finite = dict[str, Any](), dict[int, Any](), list[bool]()
    for name, value in model.state_dict(keep_vars=True).items():  # a weight that two layers share has two names
        with zero.GatheredParameters([value], enabled=hasattr(value, "ds_id")):
            if value.requires_grad:
                finite.append(_is_finite(value.detach()))
            if rank == 0:
                state[name] = copies.setdefault(id(value), value.detach().cpu().clone())
    _check_finite(job, "tensors", finite)
    if rank != 0:
        return
    model.save_pretrained(folder, state_dict=state, max_shard_size=SHARD)
    for path in without_weights(base):
        shutil.copy(path, folder / path.name)
    config = raw_config(base)
    named = [name for name in ("dtype", "torch_dtype") if name in config] or ["torch_dtype"]
    config |= dict.fromkeys(named, job.resources.train_dtype)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def _is_finite(tensor: Any) -> bool:
    return bool(tensor.half().isfinite().all())  # in 16 bits, because engines read weights in their own dtype


def _check_finite(job: TrainingJob, what: str, finite: list[bool]) -> None:
    """No loss has seen the last update."""
    if unusable := finite.count(False):
        raise diverged(job.step, f"{unusable} of {len(finite)} {what} have values that are not finite in 16 bits")
