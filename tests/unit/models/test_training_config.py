"""What a training changes in a base's configuration, for every way in which configurations spell noise."""

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig

from ray_jobs.models.training_config import training_config

TINY = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
NOISE = [
    ("llama", TINY, "attention_dropout", 0.1),
    ("qwen2", TINY, "attention_dropout", 0.3),
    ("gpt2", {}, "attn_pdrop", 0.1),
    ("gpt2", {}, "resid_pdrop", 0.1),
    ("gpt2", {}, "embd_pdrop", 0.1),
    ("gpt2", {}, "summary_first_dropout", 0.1),
    ("phi3", TINY, "resid_pdrop", 0.2),
    ("gpt_neox", TINY, "hidden_dropout", 0.1),
    ("gpt_neox", TINY, "classifier_dropout", 0.1),
    ("falcon", {}, "hidden_dropout", 0.1),
    ("bloom", {}, "attention_dropout", 0.1),
    ("opt", {}, "dropout", 0.1),
    ("opt", {}, "layerdrop", 0.2),
    ("stablelm", TINY, "hidden_dropout", 0.1),
    ("starcoder2", TINY, "residual_dropout", 0.1),
    ("starcoder2", TINY, "embedding_dropout", 0.1),
    ("bert", TINY, "hidden_dropout_prob", 0.1),
    ("bert", TINY, "attention_probs_dropout_prob", 0.1),
    ("mixtral", TINY, "router_jitter_noise", 0.1),
    ("phimoe", TINY, "input_jitter_noise", 0.1),
    ("gptj", {}, "attn_pdrop", 0.1),
    ("codegen", {}, "resid_pdrop", 0.1),
]


def changed(model_type: str, folder: Path, **fields: Any) -> Any:
    AutoConfig.for_model(model_type, **fields).save_pretrained(folder)
    return training_config(folder)


@pytest.mark.parametrize(("model_type", "sizes", "name", "value"), NOISE)
def test_noise_is_0(model_type: str, sizes: dict[str, Any], name: str, value: float, tmp_path: Path) -> None:
    assert getattr(changed(model_type, tmp_path, **sizes, **{name: value}), name) == 0.0


def test_noise_in_nested_configurations_is_0(tmp_path: Path) -> None:
    gemma = changed("gemma3", tmp_path / "gemma", text_config=TINY | {"attention_dropout": 0.1})
    assert gemma.text_config.attention_dropout == 0.0
    vision = {"attention_dropout": 0.1}
    assert changed("gemma3", tmp_path / "vision", vision_config=vision).vision_config.attention_dropout == 0.0
    dbrx = changed("dbrx", tmp_path / "dbrx", attn_config={"attn_pdrop": 0.1}, ffn_config={"moe_jitter_eps": 0.1})
    assert dbrx.attn_config.attn_pdrop == dbrx.ffn_config.moe_jitter_eps == 0.0


def test_fields_that_are_no_noise_stay(tmp_path: Path) -> None:
    """PhiMoE's `router_jitter_noise` is a threshold that sampling uses too; None is no number."""
    assert changed("phimoe", tmp_path / "a", **TINY, router_jitter_noise=0.01).router_jitter_noise == 0.01
    bert = changed("bert", tmp_path / "b", **TINY, classifier_dropout=None)
    assert bert.classifier_dropout is None and bert.initializer_range == 0.02
    assert changed("mistral", tmp_path / "c", **TINY, sliding_window=8).sliding_window == 8


@pytest.mark.parametrize("model_type", ["mixtral", "qwen2_moe", "qwen3_moe", "olmoe", "granitemoe", "gpt_oss", "jamba"])
def test_the_loss_of_routers_is_off(model_type: str, tmp_path: Path) -> None:
    assert changed(model_type, tmp_path, output_router_logits=True).output_router_logits is False


@pytest.mark.parametrize(
    ("model_type", "fields", "attention"),
    [
        ("gemma2", {"attn_logit_softcapping": 50.0}, "eager"),
        ("gemma2", {"attn_logit_softcapping": None}, None),
        ("gemma3_text", {"attn_logit_softcapping": 30.0}, "eager"),
        ("gemma3_text", {}, None),
        ("gemma3", {"text_config": {"attn_logit_softcapping": 30.0}}, "eager"),
        ("llama", {}, None),
    ],
)
def test_soft_caps_need_eager_attention(
    model_type: str, fields: dict[str, Any], attention: str | None, tmp_path: Path
) -> None:
    config = changed(model_type, tmp_path, **fields)
    assert config._attn_implementation == attention == config.get_text_config()._attn_implementation


def test_cohere_2_sees_as_many_tokens_as_in_the_engine(tmp_path: Path) -> None:
    assert changed("cohere2", tmp_path, sliding_window=16).sliding_window == 17
