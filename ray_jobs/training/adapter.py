"""The trained adapter in PEFT's file format, under the attempt's `model/` in the store.

The Trainer's `save_model` is not used: under ZeRO-3 it would gather the base's weights too, which the adapter does not
need.
"""

from pathlib import Path
from typing import Any

from ray_jobs.training.state import trained_parameters
from ray_jobs.training.values import TrainingJob, diverged
from w2s.graph.recipes import FineTune, Prefer
from w2s.store.attempt import put
from w2s.store.manifest import File


def write_adapter(trainer: Any, job: TrainingJob, folder: Path, rank: int) -> tuple[File, ...]:
    """Write the trained adapter into the store and return its files; empty on ranks other than 0. Collective.

    `folder` is a scratch folder of this rank. Raises TrainingRefused on every rank if the engine could not use the
    weights.
    """
    import deepspeed
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    model = trainer.accelerator.unwrap_model(trainer.model)
    trained = dict(trained_parameters(model))
    assert trained, "no parameter was trained"
    sharded = job.resources.zero_stage == 3
    with deepspeed.zero.GatheredParameters(list(trained.values()), enabled=sharded):
        state = {name: parameter.detach().cpu().clone() for name, parameter in trained.items()}
    # No loss has seen the last update. 16 bits, because engines read adapters in their own dtype.
    if unusable := sum(not bool(tensor.half().isfinite().all()) for tensor in state.values()):
        raise diverged(
            job.step, f"{unusable} of {len(state)} adapter tensors have values that are not finite in 16 bits"
        )
    if rank != 0:
        return ()
    adapter = folder / "adapter"
    adapter.mkdir()
    weights = get_peft_model_state_dict(model, state_dict=state, adapter_name="default")
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, adapter / "adapter_model.safetensors")
    assert isinstance(job.step.recipe, FineTune | Prefer)
    config = model.peft_config["default"]
    config.base_model_name_or_path = job.step.recipe.model.name  # PEFT would write this node's path
    config.inference_mode = True
    config.save_pretrained(adapter)
    return tuple(
        put(job.store.objects, job.step.directory, f"{job.attempt}/model/{path.name}", path.read_bytes())
        for path in sorted(adapter.iterdir())
    )
