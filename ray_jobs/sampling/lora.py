"""LoRA inside vLLM's worker, the process that holds the model: which layers of an adapter the model lacks, and repairs
of the CPU engine.

vLLM 0.32.0 says nothing where a layer of an adapter has another name than the model's, and answers as the base does
(vllm-project/vllm#34186).

On CPU (vllm/lora/ops/torch_ops/lora_ops.py) it copies an adapter's matrices once for every token, which takes most of a
small model's time. And it reads index -1, "no adapter", as the last adapter in memory, so a request to the base that
shares an engine step with an adapter's request gets that adapter. `install` can go once the test of a mixed batch
(tests/ray/sampling/test_engine.py) passes without it.
"""

from collections.abc import Iterator
from typing import Any

import torch


def rows_by_slot(slots: torch.Tensor) -> Iterator[tuple[int, Any]]:
    """Each adapter slot in a batch, with an index that selects the rows of its adapter.

    `slots` [rows] holds the adapter slot of each row, or -1 for a row without an adapter. The index is a full slice
    where all rows have one adapter, because that needs no copy; otherwise it is a tensor of row numbers.
    """
    present: list[int] = slots.unique().tolist()
    for slot in present:
        if slot >= 0:
            yield slot, slice(None) if len(present) == 1 else (slots == slot).nonzero().squeeze(1)


def shrink(
    inputs: torch.Tensor, weights: torch.Tensor, output: torch.Tensor, slots: torch.Tensor, scaling: float = 1.0
) -> None:
    """output [rows, rank] = scaling * inputs [rows, width] @ A.T, with A = weights[slot, 0] of each row's adapter.

    `weights` is [slots, 1, rank, width]. Rows without an adapter become 0.
    """
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
    """output [rows, offset : offset + size] += inputs [rows, rank] @ B.T, with B = weights[slot, 0] of each row's
    adapter.

    `weights` is [slots, 1, size, rank].
    """
    assert add_inputs, "vLLM's linear layers always add"
    for slot, rows in rows_by_slot(slots):
        output[rows, offset : offset + size] += inputs[rows].to(output.dtype) @ weights[slot, 0].to(output.dtype).T


class WorkerExtension:
    """What `worker_extension_cls` adds to vLLM's worker; by naming this class, vLLM also imports this module there."""

    model_runner: Any
    """The worker's own."""

    def layers_without_place(self, adapter: int) -> tuple[int, list[str]]:
        """How many layers the loaded adapter has, and those of them that the model has under no such name.

        Layers that the model has merged, such as q_proj, k_proj and v_proj, count once.
        """
        manager = self.model_runner.lora_manager._adapter_manager
        layers = set(manager.get_adapter(adapter).loras)
        return len(layers), sorted(layers - set(manager.modules))


def install() -> None:
    """Replace both functions in the modules where vLLM's CPU engine looks them up."""
    from vllm.lora.ops.torch_ops import lora_ops
    from vllm.lora.punica_wrapper import punica_cpu

    modules: list[Any] = [lora_ops, punica_cpu]
    for module in modules:
        module.bgmv_shrink, module.bgmv_expand_slice = shrink, expand_slice


def _on_cpu() -> bool:
    """Whether this process's vLLM runs on CPU; torch is not asked, because that may start CUDA."""
    from vllm.platforms import current_platform

    return current_platform.is_cpu()


if _on_cpu():
    install()
