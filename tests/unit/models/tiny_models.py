"""Folders of random models of a few thousand weights, with a tokenizer of a few hundred tokens."""

import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from tests.unit.models.tiny import byte_level, folder

SIZES: dict[str, Any] = {
    "vocab_size": 400,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "max_position_embeddings": 256,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 3,
}
VISION = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}


def llama(path: Path, **changed: Any) -> Path:
    """Llama in `path`."""
    from transformers import LlamaConfig

    return model(path, LlamaConfig(**SIZES | changed))


def gemma_3(path: Path) -> Path:
    """Gemma-3 with its vision part in `path`; both have layers named q_proj, k_proj and v_proj."""
    from transformers import Gemma3Config

    return model(path, Gemma3Config(text_config=SIZES, vision_config=VISION, mm_tokens_per_image=4))


def model(path: Path, config: Any) -> Path:
    """A random model of this configuration in `path`."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(path)
    return folder(path, byte_level())


def change_weights(path: Path, change: Any) -> None:
    """Write the weights as `change` makes them out of those by name."""
    file = path / "model.safetensors"
    save_file(
        {name: tensor.clone().contiguous() for name, tensor in change(load_file(file)).items()}, file, {"format": "pt"}
    )


def change_config(path: Path, **changed: Any) -> None:
    """Set fields of config.json; None removes one."""
    file = path / "config.json"
    config = json.loads(file.read_text()) | changed
    file.write_text(json.dumps({name: value for name, value in config.items() if value is not None}))
