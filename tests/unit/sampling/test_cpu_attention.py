"""vLLM's attention on CPU, without an engine: a bug that docs/pins.md describes until it is gone."""

from typing import Any

import pytest

pytestmark = pytest.mark.slow
TOKENS, HEAD, BLOCK, CAP = 20, 32, 32, 1.0


def attention(peak: float) -> tuple[Any, Any]:
    """The output of vLLM's kernel and of plain torch, for scores of up to `peak` times the soft cap."""
    import torch
    from vllm import _custom_ops as ops

    torch.manual_seed(0)
    query, key, value = (torch.randn(TOKENS, 1, HEAD) for _ in range(3))
    scores = query[:, 0] @ key[:, 0].T
    scale = peak * CAP / float(scores.abs().max())
    cache = torch.zeros(2, 1, 2 * BLOCK, HEAD)
    keys, values = cache.chunk(2, dim=2)
    starts, lengths = torch.tensor([0, TOKENS], dtype=torch.int32), torch.tensor([TOKENS], dtype=torch.int32)
    ops.cpu_attn_reshape_and_cache(key, value, keys, values, BLOCK + torch.arange(TOKENS), "vec")
    shape: dict[str, Any] = {"num_reqs": 1, "num_heads": 1, "num_kv_heads": 1, "head_dim": HEAD, "dtype": query.dtype}
    plan = ops.cpu_attn_get_scheduler_metadata(
        **shape, seq_lens=lengths, query_start_loc=starts, causal=True, sliding_window_size=-1, isa="vec",
        enable_kv_split=False,
    )  # fmt: skip
    output = torch.empty_like(query)
    table = torch.tensor([[1]], dtype=torch.int32)
    ops.cpu_attention_with_kv_cache(
        query, keys, values, output, starts, lengths, scale, True, None, -1, table, CAP, plan, None
    )
    capped = CAP * torch.tanh(scale * scores / CAP)
    future = torch.ones(TOKENS, TOKENS).triu(1).bool()
    return output[:, 0], capped.masked_fill(future, -torch.inf).softmax(-1) @ value[:, 0]


def test_scores_of_some_times_the_soft_cap_are_right() -> None:
    import torch

    for peak in (0.5, 5.0, 30.0):
        found, expected = attention(peak)
        assert torch.allclose(found, expected, atol=1e-4), peak


def test_scores_far_above_the_soft_cap_still_give_nan() -> None:
    """Where this fails, the kernel is repaired: remove the test and the note in docs/pins.md."""
    found, expected = attention(300.0)
    assert expected.isfinite().all() and found.isnan().any()


def test_the_head_sizes_that_a_model_may_have() -> None:
    """Those of the check before anything starts are vLLM's own."""
    from vllm.v1.attention.backends.cpu_attn import CPUAttentionBackend
    from vllm.v1.attention.backends.mla.cpu_mla import CPUMLABackend

    from ray_jobs.driver.checks.model import CPU_HEAD_SIZES, CPU_LATENT_SIZES

    assert tuple(CPUAttentionBackend.get_supported_head_sizes()) == CPU_HEAD_SIZES
    assert tuple(CPUMLABackend.get_supported_head_sizes()) == CPU_LATENT_SIZES
