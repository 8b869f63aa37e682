"""Gather and restore trained weights and AdamW moments as full fp32 tensors, for ZeRO 0 or 3, any world size and dtype.

DeepSpeed 0.19.8 keeps the fp32 weights that AdamW steps on in three places: the parameters themselves (ZeRO 0,
float32), copies of them (ZeRO 0, bfloat16), or this rank's flat partitions (ZeRO 3). Frozen weights are never gathered.
"""

from collections.abc import Iterator
from typing import Any

MOMENTS = ("exp_avg", "exp_avg_sq")
"""AdamW's state of a parameter, besides its step count."""


def trained_parameters(model: Any) -> Iterator[tuple[str, Any]]:
    """Names and parameters that are trained, in the model's order, which is the same on all ranks."""
    return ((name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad)


def gather(engine: Any, model: Any) -> Iterator[tuple[str, Any]]:
    """`weight.NAME`, `exp_avg.NAME` and `exp_avg_sq.NAME` of each trained parameter, full, fp32, on CPU.

    Collective: all ranks must take all of them; a rank that keeps none holds those of one parameter at a time.
    """
    from deepspeed.utils import safe_get_full_fp32_param, safe_get_full_optimizer_state

    sharded = engine.zero_optimization_stage() == 3
    masters = {} if sharded else _masters(engine, model)
    for name, parameter in trained_parameters(model):
        values: list[Any]
        if sharded:
            moments = [safe_get_full_optimizer_state(parameter, moment) for moment in MOMENTS]
            values, shape = [safe_get_full_fp32_param(parameter), *moments], parameter.ds_shape
        else:
            master, shape = masters[name], parameter.shape
            values = [master, *(engine.basic_optimizer.state[master][moment] for moment in MOMENTS)]
        for key, value in zip(("weight", *MOMENTS), values, strict=True):
            yield f"{key}.{name}", value.detach().float().reshape(shape).to("cpu", copy=True).contiguous()


def optimizer_step(engine: Any) -> float:
    """AdamW's own step count, from which it corrects the bias of its moments."""
    return float(next(iter(engine.basic_optimizer.state.values()))["step"])


def add_up_in_float32(engine: Any, model: Any, world_size: int) -> None:
    """Add up the gradients of micro batches and ranks in float32, of an engine that has not begun.

    In bfloat16 their sum, and so what is trained, would depend on how a batch is cut into micro batches and ranks: it
    has 8 bits, and AdamW makes whole steps of small gradients. Under ZeRO-3 DeepSpeed's configuration says so; without
    ZeRO it refuses that field, and torch does it.
    """
    import torch

    if engine.zero_optimization_stage() == 3:
        # transformers multiplies the loss of a micro batch by the ranks, over which DeepSpeed takes the mean. Without
        # that factor in the backward pass, gradients are rounded alike by any number of ranks.
        engine.optimizer.override_loss_scale(1 / world_size)
        return
    for _, parameter in trained_parameters(model):
        parameter.grad_dtype = torch.float32


def forget_first_step(engine: Any, model: Any) -> None:
    """Undo the AdamW step with zero gradients that DeepSpeed takes at its start, without ZeRO and in bfloat16.

    It decays the weights once, and AdamW's count would be one ahead, which makes the first update a quarter smaller.
    """
    if engine.zero_optimization_stage() == 3 or not hasattr(engine.optimizer, "fp32_groups"):
        return
    masters = _masters(engine, model)
    for name, parameter in trained_parameters(model):
        masters[name].data.copy_(parameter.data)
    engine.basic_optimizer.state.clear()


def restore(engine: Any, model: Any, tensors: dict[str, Any], step: float) -> None:
    """Put the tensors of `gather` and AdamW's step count into a fresh engine. Collective."""
    trained = dict(trained_parameters(model))
    weights = {key for key in tensors if key.startswith("weight.")}
    assert {f"weight.{name}" for name in trained} == weights, "the checkpoint is of another model"
    if engine.zero_optimization_stage() == 3:
        _make_moments(engine, engine.optimizer.fp32_partitioned_groups_flat, step)
        for name, parameter in trained.items():
            _restore_sharded(parameter, *(tensors[f"{key}.{name}"].to(engine.device) for key in ("weight", *MOMENTS)))
        return
    masters = _masters(engine, model)
    _make_moments(engine, list(masters.values()), step)
    for name, parameter in trained.items():
        for whole in (parameter, masters[name]):  # the same tensor in float32
            whole.data.copy_(tensors[f"weight.{name}"])
        for moment in MOMENTS:
            engine.basic_optimizer.state[masters[name]][moment].copy_(tensors[f"{moment}.{name}"])


def _masters(engine: Any, model: Any) -> dict[str, Any]:
    """The fp32 tensors that AdamW steps on under ZeRO 0, by parameter name."""
    if not hasattr(engine.optimizer, "fp32_groups"):  # float32: the parameters themselves
        return dict(trained_parameters(model))
    groups = zip(engine.optimizer.fp16_groups, engine.optimizer.fp32_groups, strict=True)
    masters = {id(low): master for lows, highs in groups for low, master in zip(lows, highs, strict=True)}
    return {name: masters[id(parameter)] for name, parameter in trained_parameters(model)}


def _make_moments(engine: Any, masters: list[Any], step: float) -> None:
    """Make AdamW's state before its first step, which would make it."""
    import torch

    optimizer = engine.basic_optimizer
    on_device = optimizer.defaults.get("fused") or optimizer.defaults.get("capturable")
    for master in masters:
        moments = {moment: torch.zeros_like(master, requires_grad=False) for moment in MOMENTS}
        device = master.device if on_device else "cpu"
        optimizer.state[master] = {"step": torch.tensor(step, dtype=torch.float32, device=device), **moments}


def _restore_sharded(parameter: Any, weight: Any, *moments: Any) -> None:
    """Set the weight and the moments of one parameter that ZeRO 3 shards."""
    from deepspeed import zero
    from deepspeed.utils import safe_set_local_fp32_param, safe_set_local_optimizer_state

    with zero.GatheredParameters([parameter], modifier_rank=0):
        parameter.data.copy_(weight)
    safe_set_local_fp32_param(parameter, _partition(parameter, weight))
    for moment, value in zip(MOMENTS, moments, strict=True):
        safe_set_local_optimizer_state(parameter, _partition(parameter, value), moment)


def _partition(parameter: Any, value: Any) -> Any:
    """This rank's flat part of `value`, padded with zeros to equal parts as ZeRO 3 pads `parameter`."""
    import torch
    from torch import distributed

    group, size = parameter.ds_process_group, parameter.ds_tensor.numel()
    padded = torch.zeros(size * distributed.get_world_size(group), dtype=value.dtype, device=value.device)
    padded[: value.numel()] = value.flatten()
    return padded.narrow(0, distributed.get_rank(group) * size, size)
