"""What a training must remember, whole and in float32 on every rank, whatever DeepSpeed has made of it.

DeepSpeed 0.19.8 keeps masters and moments: with ZeRO 1 and 2 in flat partitions, reached through each parameter's mapping; with
ZeRO 3 in partitions of the sharded parameters; without ZeRO in torch's AdamW itself, on the parameters in float32 and on copies of
them in bfloat16. Only what is trained is gathered: an adapter, never the base.
"""

from collections.abc import Iterator
from typing import Any

MOMENTS = ("exp_avg", "exp_avg_sq")
"""AdamW's state of a parameter, besides its step."""


def trained(model: Any) -> Iterator[tuple[str, Any]]:
    """Names and parameters of what is trained, in the model's order, which is the same on all ranks."""
    return ((name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad)


def gather(engine: Any, model: Any) -> dict[str, Any]:
    """Masters and moments as `weight.NAME`, `exp_avg.NAME`, `exp_avg_sq.NAME`, on CPU; a collective of all ranks."""
    from deepspeed.utils import safe_get_full_fp32_param, safe_get_full_optimizer_state

    masters = _masters(engine, model)
    found: dict[str, Any] = {}
    for name, parameter in trained(model):
        values: list[Any]
        if engine.zero_optimization():
            values = [
                safe_get_full_fp32_param(parameter),
                *(safe_get_full_optimizer_state(parameter, moment) for moment in MOMENTS),
            ]
        else:
            values = [masters[name], *(engine.basic_optimizer.state[masters[name]][moment] for moment in MOMENTS)]
        for key, value in zip(("weight", *MOMENTS), values, strict=True):
            found[f"{key}.{name}"] = value.detach().float().reshape(_shape(parameter)).to("cpu", copy=True).contiguous()
    return found


def optimizer_step(engine: Any) -> float:
    """AdamW's own count of steps, of which it corrects its moments' bias."""
    return float(next(iter(engine.basic_optimizer.state.values()))["step"])


def restore(engine: Any, model: Any, tensors: dict[str, Any], step: float) -> None:
    """Put what `gather` found into a fresh engine of any number of workers, ZeRO stage and dtype; a collective of all ranks."""
    import torch
    from deepspeed import zero
    from deepspeed.utils import (
        safe_set_full_fp32_param,
        safe_set_full_optimizer_state,
        safe_set_local_fp32_param,
        safe_set_local_optimizer_state,
    )

    stage, optimizer, masters = engine.zero_optimization_stage(), engine.basic_optimizer, _masters(engine, model)
    assert {f"weight.{name}" for name, _ in trained(model)} == {key for key in tensors if key.startswith("weight.")}, (
        "another adapter's checkpoint"
    )
    _make_moments(engine, list(masters.values()), step)
    for name, parameter in trained(model):
        weight, *moments = (tensors[f"{key}.{name}"].to(engine.device) for key in ("weight", *MOMENTS))
        if stage == 3:
            with zero.GatheredParameters([parameter], modifier_rank=0):
                parameter.data.copy_(weight)
            safe_set_local_fp32_param(parameter, _own_part(parameter, weight))
            for key, value in zip(MOMENTS, moments, strict=True):
                safe_set_local_optimizer_state(parameter, _own_part(parameter, value), key)
            continue
        with torch.no_grad():
            parameter.data.copy_(weight)  # every rank has all of it
        if stage:
            safe_set_full_fp32_param(parameter, weight)
            for key, value in zip(MOMENTS, moments, strict=True):
                safe_set_full_optimizer_state(parameter, value, key)
        else:
            masters[name].data.copy_(weight)
            for key, value in zip(MOMENTS, moments, strict=True):
                optimizer.state[masters[name]][key].copy_(value)


def _masters(engine: Any, model: Any) -> dict[str, Any]:
    """The tensors AdamW steps on: by parameter without ZeRO, else this rank's flat partitions by number."""
    stage = engine.zero_optimization_stage()
    if stage == 3:
        flat = engine.optimizer.fp32_partitioned_groups_flat
    elif stage:
        flat = engine.optimizer.single_partition_of_fp32_groups
    elif hasattr(engine.optimizer, "fp32_groups"):  # bfloat16
        pairs = zip(engine.optimizer.fp16_groups, engine.optimizer.fp32_groups, strict=True)
        by_parameter = {id(p): master for low, high in pairs for p, master in zip(low, high, strict=True)}
        return {name: by_parameter[id(parameter)] for name, parameter in trained(model)}
    else:
        return dict(trained(model))
    return {str(number): part for number, part in enumerate(flat)}


def _make_moments(engine: Any, masters: list[Any], step: float) -> None:
    """AdamW makes its state at its first step; here it must be there before."""
    import torch

    optimizer = engine.basic_optimizer
    on_device = optimizer.defaults.get("fused") or optimizer.defaults.get("capturable")
    for master in masters:
        moments = {key: torch.zeros_like(master, requires_grad=False) for key in MOMENTS}
        optimizer.state[master] = {
            "step": torch.tensor(step, dtype=torch.float32, device=master.device if on_device else "cpu"),
            **moments,
        }
    if engine.zero_optimization_stage() in (1, 2):
        engine.optimizer._lazy_init_hp_params_optimizer_state()  # DeepSpeed links parameters to moments after the first step only


def _shape(parameter: Any) -> Any:
    return getattr(parameter, "ds_shape", parameter.shape)


def _own_part(parameter: Any, value: Any) -> Any:
    """This rank's part of a parameter that ZeRO 3 shards, padded as DeepSpeed pads it."""
    import torch
    from torch import distributed

    size, rank = parameter.ds_tensor.numel(), distributed.get_rank(parameter.ds_process_group)
    padded = torch.zeros(
        size * distributed.get_world_size(parameter.ds_process_group), dtype=value.dtype, device=value.device
    )
    padded[: value.numel()] = value.flatten()
    return padded.narrow(0, rank * size, size)
