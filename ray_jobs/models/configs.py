"""The configuration of a model folder: it must name a causal language model that transformers itself has."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ray_jobs.runtime.imports import importing
from w2s.errors import first_line

QUANTIZED = ("quantization_config", "compression_config")
"""Keys of config.json that describe quantized weights."""


def load_config(folder: Path) -> Any:
    """The `transformers` configuration of the model in `folder`, vision parts included.

    Raises ValueError where transformers has no causal language model for it.
    """
    with importing():
        from transformers import AutoConfig, AutoModelForCausalLM

    raw = raw_config(folder)
    kind = raw.get("model_type")
    code = "names code of its own (auto_map), which is never run, and " if raw.get("auto_map") else ""
    known = f"transformers {version('transformers')}"
    try:
        with importing():
            config: Any = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # transformers raises many kinds for a configuration that it does not know or accept
        said = str(error)
        unknown = "does not recognize this architecture" in said or "Unrecognized model" in said
        if unknown or code or not isinstance(kind, str):
            raise ValueError(
                f"its config.json {code}has model_type {kind!r}, which {known} does not know: take a model of a type "
                "that it knows"
            ) from error
        reason = f"{type(error).__name__}: {' '.join(said.split())[:300]}"
        raise ValueError(f"its config.json is refused by {known} ({reason}): repair config.json") from error
    kinds: Any = AutoModelForCausalLM._model_mapping  # pyright: ignore[reportPrivateUsage]
    if type(config) not in set(kinds.keys()) or getattr(config, "is_encoder_decoder", False):
        raise ValueError(
            f"its config.json {code}has model_type {kind!r}, which {known} has no decoder-only language model for "
            "(AutoModelForCausalLM): take a causal language model"
        )
    return config


def text_config(folder: Path) -> Any:
    """The `transformers` configuration of the language model in `folder`."""
    return load_config(folder).get_text_config()


def context_limit(folder: Path) -> int:
    """The context of the model in `folder`, in tokens, in which training and engine compute one model.

    Linear scaling multiplies `max_position_embeddings`. YaRN multiplies the original context, whether or not the
    configuration's own number is scaled already (it is in DeepSeek's, not in Qwen2.5's). LongRoPE has its original
    context, because an engine with a longer one takes the long factors for all texts, and training for long texts
    alone. Dynamic scaling has the configuration's own, because vLLM 0.32.0 has no positions beyond it.
    """
    config = text_config(folder)
    limit = int(getattr(config, "max_position_embeddings", None) or 2**31)
    rope = getattr(config, "rope_parameters", None) or {}
    kind, factor = rope.get("rope_type"), rope.get("factor") or 1.0
    original = int(rope.get("original_max_position_embeddings") or limit)
    if kind == "yarn":
        return max(limit, int(factor * original))
    if kind == "longrope":
        return min(limit, original)
    return int(factor * limit) if kind == "linear" else limit


def quantization(folder: Path) -> str:
    """The method that the weights in `folder` are quantized with, as config.json names it; empty if they are not."""
    raw = raw_config(folder)
    parts = (raw, raw.get("text_config"))
    for found in (part.get(key) for part in parts if isinstance(part, dict) for key in QUANTIZED):
        if isinstance(found, dict):
            return str(found.get("quant_method") or "an unnamed method").lower()
    return ""


def experts(config: Any) -> int:
    """Experts of a mixture-of-experts layer; 0 for a dense model."""
    names = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")
    counts = [getattr(config, name, None) for name in names]
    return max((count for count in counts if isinstance(count, int) and count > 1), default=0)


def raw_config(folder: Path) -> dict[str, Any]:
    """config.json of `folder` as it was written.

    Raises ValueError where it is no JSON object.
    """
    try:
        raw = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"its config.json cannot be read ({first_line(error)}): fetch the model again") from error
    if not isinstance(raw, dict):
        raise ValueError("its config.json is no JSON object: fetch the model again")
    return raw
