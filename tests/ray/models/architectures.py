"""The rows of docs/models.md: configurations, tokenizers that are trained here, chat templates, and layers to adapt."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from tests.unit.models import tiny
from tests.unit.training.architectures import ARCHITECTURES as TYPES
from tests.unit.training.architectures import VISION, VOCABULARY, saved

SEPARATE = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
ATTENTION = SEPARATE[:4]
"""Layers of a mixture of experts that an adapter changes."""
FUSED = ("query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h")
HEADS_OF_32 = {"hidden_size": 128, "head_dim": 32, "intermediate_size": 192, "initializer_range": 0.1}
"""The least head size of vLLM's attention on CPU."""
WINDOW = {"sliding_window": 40}
TEXT = 100
"""Tokens that engine and trainer are compared on: beyond the windows, and beyond YaRN's original context."""
SURE: dict[str, Any] = {"initializer_range": 0.2}
"""For logits that the configuration scales down: weights so large that a model can be sure of a token."""
HALVED = SURE | {"logit_scale": 0.5}
SOFT_CAPS = {"attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0, "query_pre_attn_scalar": 32}
"""Gemma-2's own."""
ENDS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 3}
SCALED_CONTEXT = {key: TYPES["qwen2_yarn"][key] for key in ("max_position_embeddings", "rope_parameters")}
GPT_2 = {"n_embd": 128, "n_head": 4, "initializer_range": 0.1}


@dataclass(frozen=True)
class Architecture:
    """A row: a model type of transformers, and how its family's folders look."""

    model_type: str
    """A key of tests/unit/training/architectures.py, or of `MORE`."""
    targets: tuple[str, ...] = SEPARATE
    template: str = ""
    """A chat template; empty: the model is prompted in the completion style."""
    changes: dict[str, Any] = field(default_factory=dict[str, Any])
    """Fields of the configuration."""
    tokenizer: Callable[..., Tokenizer] = tiny.byte_level


MORE: dict[str, dict[str, Any]] = {
    "falcon": TYPES["bloom"]
    | {"num_attention_heads": 4, "num_hidden_layers": 2}
    | {"new_decoder_architecture": True, "num_kv_heads": 2, "alibi": False},
    "glm4": TYPES["llama"] | {"pad_token_id": 3},
    "nemotron": TYPES["llama"],
    "exaone4": TYPES["llama"] | WINDOW | {"layer_types": ["sliding_attention", "full_attention"]},
    "deepseek_v2": TYPES["llama"]
    | {"kv_lora_rank": 512, "q_lora_rank": None, "qk_nope_head_dim": 32, "qk_rope_head_dim": 64, "v_head_dim": 32}
    | {
        "num_key_value_heads": 4,
        "n_group": 1,
        "topk_group": 1,
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 16,
    },
}

ARCHITECTURES = {
    "Llama 2": Architecture("llama", template=tiny.LLAMA_2, tokenizer=tiny.sentence_piece),
    "Llama 3": Architecture("llama", template=tiny.LLAMA_3),
    "Qwen2": Architecture("qwen2", template=tiny.CHATML, changes={"use_sliding_window": False}),
    "Qwen2, YaRN": Architecture("qwen2_yarn"),
    "Qwen3": Architecture("qwen3", template=tiny.QWEN_3),
    "Mistral": Architecture("mistral", template=tiny.LLAMA_2, changes=WINDOW, tokenizer=tiny.sentence_piece),
    "Gemma": Architecture("gemma", template=tiny.GEMMA),
    "Gemma-2": Architecture("gemma2", template=tiny.GEMMA, changes=WINDOW | SOFT_CAPS),
    "Gemma-3, text": Architecture("gemma3_text", template=tiny.GEMMA, changes=WINDOW),
    "Gemma-3, vision": Architecture("gemma3", template=tiny.GEMMA),
    "Phi-2": Architecture("phi", ("q_proj", "k_proj", "v_proj", "dense", "fc1", "fc2")),
    "Phi-3": Architecture("phi3", ("qkv_proj", "o_proj", "gate_up_proj", "down_proj"), tiny.PHI_3, WINDOW),
    "OLMo-2": Architecture("olmo2"),
    "GPT-NeoX": Architecture("gpt_neox", FUSED, changes={"num_key_value_heads": 4}),
    "GPT-2": Architecture("gpt2", ("c_attn", "c_proj", "c_fc"), changes=GPT_2),
    "OPT": Architecture(
        "opt", ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"), changes={"word_embed_proj_dim": 128}
    ),
    "BLOOM": Architecture("bloom", FUSED),
    "Falcon": Architecture("falcon", FUSED),
    "Granite": Architecture("granite", template=tiny.GRANITE, changes=SURE | {"logits_scaling": 2.0}),
    "SmolLM3": Architecture("smollm3", template=tiny.QWEN_3),
    "Cohere": Architecture("cohere", changes=HALVED),
    "Cohere-2": Architecture("cohere2", changes=WINDOW | HALVED),
    "StarCoder2": Architecture("starcoder2", (*ATTENTION, "c_fc", "c_proj")),
    "StableLM": Architecture("stablelm"),
    "GLM-4": Architecture("glm4", (*ATTENTION, "down_proj")),
    "Nemotron": Architecture("nemotron", (*ATTENTION, "up_proj", "down_proj")),
    "EXAONE-4": Architecture("exaone4"),
    "Mixtral": Architecture("mixtral", ATTENTION, tiny.LLAMA_2, tokenizer=tiny.sentence_piece),
    "Qwen3-MoE": Architecture("qwen3_moe", ATTENTION, tiny.CHATML),
    "OLMoE": Architecture("olmoe", ATTENTION),
    "gpt-oss": Architecture("gpt_oss", ATTENTION),
    "DeepSeek-V2": Architecture("deepseek_v2", ("q_proj", "o_proj")),
}

SHARE = {"Cohere-2, YaRN": Architecture("cohere2", template=tiny.CHATML, changes=WINDOW | HALVED | SCALED_CONTEXT)}
"""What `make test` runs, no part of the page: several ways to be another model than the trainer's in one row."""


def make(architecture: Architecture, folder: Path) -> Path:
    """A random model with its tokenizer in `folder`, the same each time."""
    kind = architecture.model_type
    if kind == "gemma3":
        text = TYPES["gemma3_text"] | HEADS_OF_32 | WINDOW
        fields: dict[str, Any] = {"text_config": text, "vision_config": VISION, "mm_tokens_per_image": 4}
    else:
        fields = TYPES.get(kind, MORE.get(kind, {})) | HEADS_OF_32 | architecture.changes
        if kind == "falcon":  # its configuration computes it
            del fields["head_dim"]
    saved(kind, folder, ENDS | fields)
    made = architecture.tokenizer(special=tuple(token for token in tiny.MARKERS if token in architecture.template))
    assert made.get_vocab_size() <= VOCABULARY
    template = {"chat_template": architecture.template} if architecture.template else {}
    return tiny.folder(folder, made, **template)
