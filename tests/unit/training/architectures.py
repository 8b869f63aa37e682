"""Tiny models of many architectures with random weights, with all noise and soft caps of their configurations on."""

from pathlib import Path
from typing import Any

VOCABULARY = 512
WIDTH = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "initializer_range": 0.3,  # far from uniform log-probabilities
    "attention_dropout": 0.5,
}
EXPERTS = {"output_router_logits": True, "router_aux_loss_coef": 0.5}
GEMMA = WIDTH | {"head_dim": 8, "query_pre_attn_scalar": 2, "sliding_window": 8}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "rope_theta": 10000.0}
VISION = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}
GPT = {"vocab_size": VOCABULARY, "initializer_range": 0.3}

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "llama": WIDTH,
    "qwen2": WIDTH | {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1},
    "qwen2_yarn": WIDTH | {"max_position_embeddings": 64, "rope_parameters": YARN},
    "qwen3": WIDTH | {"head_dim": 16},
    "mistral": WIDTH | {"sliding_window": 8},
    "gemma": WIDTH | {"head_dim": 8},
    "gemma2": GEMMA | {"attn_logit_softcapping": 1.0, "final_logit_softcapping": 3.0},
    "gemma3_text": GEMMA | {"layer_types": ["sliding_attention", "full_attention"]},
    "gemma3": {"text_config": GEMMA, "vision_config": VISION | {"attention_dropout": 0.5}, "mm_tokens_per_image": 4},
    "phi": WIDTH | {"resid_pdrop": 0.5, "embd_pdrop": 0.5},
    "phi3": WIDTH | {"resid_pdrop": 0.5, "embd_pdrop": 0.5, "sliding_window": 8, "pad_token_id": 0},
    "olmo2": WIDTH,
    "gpt_neox": WIDTH | {"hidden_dropout": 0.5, "classifier_dropout": 0.5},
    "granite": WIDTH | {"logits_scaling": 4.0, "residual_multiplier": 0.5, "attention_multiplier": 0.5},
    "smollm3": WIDTH | {"pad_token_id": 0, "no_rope_layers": [1, 0]},
    "cohere": WIDTH | {"logit_scale": 0.25},
    "cohere2": WIDTH | {"logit_scale": 0.25, "sliding_window": 8, "layer_types": ["sliding_attention"] * 2},
    "stablelm": WIDTH | {"hidden_dropout": 0.5},
    "starcoder2": WIDTH | {"residual_dropout": 0.5, "embedding_dropout": 0.5},
    "mixtral": WIDTH | EXPERTS | {"num_local_experts": 4, "router_jitter_noise": 0.3},
    "qwen3_moe": WIDTH | EXPERTS | {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16},
    "olmoe": WIDTH | EXPERTS | {"num_experts": 4, "num_experts_per_tok": 2},
    "gpt_oss": WIDTH | EXPERTS | {"head_dim": 8, "num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": 8},
    "gpt2": GPT | {"n_embd": 32, "n_layer": 2, "n_head": 4, "attn_pdrop": 0.5, "resid_pdrop": 0.5, "embd_pdrop": 0.5},
    "opt": GPT | {"hidden_size": 32, "word_embed_proj_dim": 32, "ffn_dim": 48, "num_hidden_layers": 2}
    | {"num_attention_heads": 4, "dropout": 0.5, "attention_dropout": 0.5, "layerdrop": 0.5, "init_std": 0.3},
    "bloom": GPT | {"hidden_size": 32, "n_layer": 2, "n_head": 4, "hidden_dropout": 0.5, "attention_dropout": 0.5},
}  # fmt: skip
TARGETS = {
    "gpt_neox": ("query_key_value", "dense"),
    "bloom": ("query_key_value", "dense"),
    "gpt2": ("c_attn", "c_proj"),
    "phi3": ("qkv_proj", "o_proj"),
    "phi": ("q_proj", "v_proj", "fc1"),
    "opt": ("q_proj", "v_proj", "fc1"),
}
"""Layers of an adapter; `q_proj` and `v_proj` where nothing is said."""


def saved(model_type: str, folder: Path, changes: dict[str, Any] | None = None) -> Path:
    """A model of the architecture in `folder`, with the same random weights each time."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(7)
    config = AutoConfig.for_model(
        model_type.removesuffix("_yarn"), **(ARCHITECTURES.get(model_type, {}) | (changes or {}))
    )
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    for parameter in model.parameters():  # biases, norms and sinks too, which start as 0 or 1
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    return folder


def reference(model_type: str, folder: Path) -> Any:
    """The model of `saved` as its configuration defines it: attention in plain torch, no noise."""
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(folder)
    if model_type == "cohere2":  # a token sees 8 tokens before it, as in vLLM
        config.sliding_window = 9
    return AutoModelForCausalLM.from_pretrained(folder, config=config, attn_implementation="eager").eval()
