"""Fields of config.json that engine and training take differently are refused; the same fields elsewhere are not."""

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig

from ray_jobs.driver.checks.fields import check_fields
from ray_jobs.models.configs import context_limit
from ray_jobs.models.layers import meta_model
from tests.unit.models.tiny_models import SIZES, VISION

SMALL = {name: size for name, size in SIZES.items() if name not in ("head_dim", "num_key_value_heads")}
WINDOW = {"sliding_window": 16}
MIXED = WINDOW | {"layer_types": ["sliding_attention", "full_attention"]}
SOME = WINDOW | {"use_sliding_window": True, "max_window_layers": 1}
ALL_LAYERS = SOME | {"max_window_layers": 0}
PART = {"partial_rotary_factor": 0.5}
EXPERTS: dict[str, Any] = {"n_routed_experts": 4, "n_group": 1, "topk_group": 1}
LONG: dict[str, Any] = {"rope_type": "longrope", "rope_theta": 1e4, "original_max_position_embeddings": 64} | {
    "short_factor": [1.0] * 4,
    "long_factor": [2.0] * 4,
}


def long(**more: Any) -> dict[str, Any]:
    return {"rope_parameters": LONG | more}


def rope(kind: str, **more: Any) -> dict[str, Any]:
    return {"rope_parameters": {"rope_type": kind, "rope_theta": 1e4} | more}


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("llama", WINDOW, "sliding_window=16, which the engine applies and training ignores"),
    ("llama", MIXED, "sliding_window=16, which the engine applies"),
    ("gemma", WINDOW, "sliding_window=16, which the engine applies"),
    ("granite", WINDOW, "sliding_window=16, which the engine applies"),
    ("olmo2", WINDOW, "sliding_window=16, which the engine applies"),
    ("qwen2", SOME, r"does not run Qwen2 with .* \(max_window_layers=1 of 2\): set use_sliding.*16 tok"),
    ("qwen3", SOME, "does not run Qwen3 with a sliding window in some of its layers"),
    ("llama", {"logit_scale": 0.5}, "logit_scale=0.5, which the engine applies and training ignores"),
    ("nemotron", {"logit_scale": 0.5, "num_key_value_heads": 1}, "logit_scale=0.5, which the engine applies"),
    ("llama", PART, "partial_rotary_factor=0.5, which the engine applies and training ignores"),
    ("mistral", rope("default", **PART), "partial_rotary_factor=0.5, which the engine applies"),
    ("qwen2", {"dual_chunk_attention_config": {"chunk_size": 64}}, "dual_chunk_attention_config=.*the engine applies"),
    ("gemma3_text", {"attn_logit_softcapping": 50.0}, "softcapping=50.0, which training applies"),
    ("olmoe", {"clip_qkv": 8.0}, "clip_qkv=8.0, which training applies and the engine ignores"),
    ("olmoe", {"norm_topk_prob": True}, "norm_topk_prob=True, which training applies"),
    ("deepseek_v2", EXPERTS | {"n_group": None}, "n_group=None and topk_group=1, and the engine needs .*set both to 1"),
    ("deepseek_v2", EXPERTS | {"n_group": 2}, "topk_group=1, which the engine applies and training with .*=greedy ign"),
    ("deepseek_v2", EXPERTS | {"norm_topk_prob": True}, "norm_topk_prob=True, which the engine applies"),
    ("llama", long(attention_factor=1.3), "attention_factor=1.3 for LongRoPE, and the engine computes it from .*=256"),
    ("llama", long(factor=8.0), "factor=8.0 for LongRoPE, and the engine computes it from .*embeddings=64: remove fac"),
    ("llama", long(short_mscale=1.1), "short_mscale=1.1, which the engine applies"),
]  # fmt: skip
PASSES: list[tuple[str, dict[str, Any]]] = [
    ("llama", {}),
    ("llama", {"sliding_window": 256}),  # no text is longer
    ("llama", {"sliding_window": None}),
    ("llama", WINDOW | {"layer_types": ["full_attention"] * 2}),
    ("mistral", WINDOW),
    ("deepseek_v2", EXPERTS),
    ("deepseek_v2", EXPERTS | {"n_group": 2, "topk_method": "group_limited_greedy"}),
    ("mixtral", WINDOW),
    ("phi3", WINDOW),
    ("olmo3", WINDOW),
    ("cohere2", WINDOW),
    ("gemma2", WINDOW),
    ("gemma3_text", WINDOW),
    ("qwen2", WINDOW | {"use_sliding_window": False}),
    ("qwen2", ALL_LAYERS),
    ("qwen3", ALL_LAYERS),
    ("llama", {"logit_scale": 1.0}),
    ("cohere", {"logit_scale": 0.5}),
    ("llama", rope("linear", factor=2.0, **PART)),
    ("glm4", PART),
    ("phi3", PART),
    ("stablelm", PART),
    ("gpt_neox", {"rotary_pct": 0.25}),
    ("gemma2", {"attn_logit_softcapping": 50.0}),
    ("olmoe", {}),
    ("llama", long()),
    ("llama", long(factor=4.0)),
    ("gpt2", {}),
    ("gemma3", {}),
]


def check(folder: Path, model_type: str, fields: dict[str, Any]) -> None:
    sizes = {"gemma3": {"text_config": SIZES, "vision_config": VISION}, "olmoe": {"num_experts": 4}}.get(model_type, {})
    AutoConfig.for_model(model_type, **(SMALL | sizes | fields)).save_pretrained(folder)
    blank = meta_model(folder)
    check_fields(type(blank).__name__, blank, context_limit(folder))


@pytest.mark.parametrize(("model_type", "fields", "message"), REFUSED)
def test_fields_that_make_two_models_are_refused(
    tmp_path: Path, model_type: str, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        check(tmp_path, model_type, fields)
    assert str(caught.value).endswith(", or take another model")


@pytest.mark.parametrize(("model_type", "fields"), PASSES)
def test_fields_that_both_take_alike_pass(tmp_path: Path, model_type: str, fields: dict[str, Any]) -> None:
    check(tmp_path, model_type, fields)
