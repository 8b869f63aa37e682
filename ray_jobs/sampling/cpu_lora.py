"""LoRA in vLLM's CPU engine, mended: requests without an adapter stay without one, and a batch's adapters cost one product each.

vLLM 0.32.0 (vllm/lora/ops/torch_ops/lora_ops.py) copies an adapter's matrices once for every token, which takes most of the time of a
small model, and takes index -1, "no adapter", for the last adapter in memory: a request to the base that shares a step with an adapter's
gets that adapter. tests/ray/sampling/test_engine.py shows whether this file can go: with it left out of `engine_arguments` the test of a mixed
batch must pass.
"""

from collections.abc import Iterator
from typing import Any

import torch


def rows_by_slot(slots: torch.Tensor) -> Iterator[tuple[int, Any]]:
    """(adapter's slot, index of its rows) for slots of rows [rows]; rows of slot -1, no adapter, are in none."""
    present: list[int] = slots.unique().tolist()
    for slot in present:
        if slot >= 0:
            yield slot, slice(None) if len(present) == 1 else (slots == slot).nonzero().squeeze(1)


def shrink(
    inputs: torch.Tensor, weights: torch.Tensor, output: torch.Tensor, slots: torch.Tensor, scaling: float = 1.0
) -> None:
    """output [rows, rank] = scaling * inputs [rows, width] @ A.T of each row's adapter, weights [slots, 1, rank, width]; 0 without one."""
    output.zero_()
    for slot, rows in rows_by_slot(slots):
        low = inputs[rows].to(output.dtype) @ weights[slot, 0].to(output.dtype).T
        output[rows, : low.shape[1]] = scaling * low


def expand_slice(
    inputs: torch.Tensor,
    weights: torch.Tensor,
    output: torch.Tensor,
    slots: torch.Tensor,
    offset: int,
    size: int,
    add_inputs: bool = True,
) -> None:
    """output [rows, offset : offset + size] += inputs [rows, rank] @ B.T of each row's adapter, weights [slots, 1, size, rank]."""
    assert add_inputs, "vLLM's linear layers always add"
    for slot, rows in rows_by_slot(slots):
        output[rows, offset : offset + size] += inputs[rows].to(output.dtype) @ weights[slot, 0].to(output.dtype).T


class WorkerExtension:
    """Named in `worker_extension_cls`, by which vLLM imports this module in the process that holds the model."""


def install() -> None:
    """Put both functions where vLLM looks them up."""
    from vllm.lora.ops.torch_ops import lora_ops
    from vllm.lora.punica_wrapper import punica_cpu

    modules: list[Any] = [lora_ops, punica_cpu]
    for module in modules:
        module.bgmv_shrink, module.bgmv_expand_slice = shrink, expand_slice


install()
