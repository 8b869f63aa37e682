"""Preflight check of the fields of config.json that the engine and training take differently.

An adapter would be trained for another model than the engine's. The fields are those of vLLM 0.32.0 and transformers
5.19; what training itself can be made to compute as the engine does is in ray_jobs/models/training_config.py.
"""

import inspect
import math
import sys
from collections.abc import Mapping
from typing import Any

BOTH = "or take another model"
ENGINE_ALONE = {
    "logit_scale": (None, 1.0),
    "dual_chunk_attention_config": (None,),
    "norm_topk_prob": (None, False),
}
"""Fields that the engine applies wherever it finds them, with the values that change nothing."""
ENGINE_CLASSES = {
    "logit_scale": ("Llama", "Granite", "Nemotron", "Exaone4"),
    "dual_chunk_attention_config": ("Qwen2", "Qwen3", "Qwen2Moe", "Qwen3Moe"),
    "norm_topk_prob": ("DeepseekV2",),
}
TRAINING_ALONE = {
    ("Olmoe", "clip_qkv"): (None,),
    ("Olmoe", "norm_topk_prob"): (None, False),
    ("Gemma3", "attn_logit_softcapping"): (None,),
}
"""Fields that the engine ignores, with the values that change nothing."""


def check_fields(architecture: str, blank: Any, limit: int) -> None:
    """Check that the engine and training compute one model of the configuration, in a context of `limit` tokens.

    Raises ValueError with the field, its value, who ignores it and the way out.
    """
    config = blank.config.get_text_config()
    name = architecture.removesuffix("ForCausalLM").removesuffix("ForConditionalGeneration")
    for field, neutral in ENGINE_ALONE.items():
        value = getattr(config, field, None)
        if name in ENGINE_CLASSES[field] and value not in neutral:
            raise _ignored(field, value, "training", "the engine")
    for (model, field), neutral in TRAINING_ALONE.items():
        value = getattr(config, field, None)
        if name == model and value not in neutral:
            raise _ignored(field, value, "the engine", "training")
    _check_windows(name, blank, limit)
    if name == "DeepseekV2":
        _check_groups(config)
    for rope in _ropes(config):
        _check_rope(rope, blank, int(config.max_position_embeddings))


def _check_windows(name: str, blank: Any, limit: int) -> None:
    """Check that the engine's layers have a sliding window where training's have one.

    The engine takes `sliding_window` in all layers if `layer_types` names no others, whatever the class.
    """
    config = blank.config.get_text_config()
    window, types = getattr(config, "sliding_window", None), set(getattr(config, "layer_types", None) or ())
    if not window or window >= limit or (types and "sliding_attention" not in types):
        return
    if not _reads(blank, "sliding_window"):
        raise _ignored("sliding_window", window, "training", "the engine")
    if len(types) > 1 and name.startswith("Qwen"):  # vLLM's classes of these have one sort of layer
        raise ValueError(
            f"the engine does not run {name} with a sliding window in some of its layers (max_window_layers="
            f"{config.max_window_layers} of {config.num_hidden_layers}): set use_sliding_window to false in its "
            f"config.json if no prompt with its completion is longer than {window} tokens, {BOTH}"
        )


def _check_groups(config: Any) -> None:
    """Check that the engine chooses among the experts that training chooses among.

    The engine always chooses within groups of experts, and ends at its first request without their numbers.
    """
    groups, chosen, method = config.n_group, config.topk_group, config.topk_method
    if groups is None or chosen is None:
        raise ValueError(
            f"its config.json has n_group={groups} and topk_group={chosen}, and the engine needs numbers of groups of "
            f"experts: set both to 1 if the model was trained without groups, {BOTH}"
        )
    if chosen < groups and method != "group_limited_greedy":
        raise _ignored("topk_group", chosen, f"training with topk_method={method}", "the engine")


def _check_rope(rope: Mapping[str, Any], blank: Any, positions: int) -> None:
    """Check that both turn positions by the same angles."""
    part = rope.get("partial_rotary_factor") or 1.0
    # Scaled kinds are transformers' own functions, which all read it.
    if part != 1.0 and rope.get("rope_type") == "default" and not _reads(blank, "partial_rotary_factor"):
        raise _ignored("partial_rotary_factor", part, "training", "the engine")
    original = rope.get("original_max_position_embeddings")
    if rope.get("rope_type") == "longrope" and original:
        for field in ("short_mscale", "long_mscale"):
            if rope.get(field) is not None and not _reads(blank, field):
                raise _ignored(field, rope[field], "training", "the engine")
        computed = _long_rope_factor(positions / original, original)
        given = rope.get("attention_factor") or _long_rope_factor(rope.get("factor") or positions / original, original)
        if not math.isclose(given, computed, rel_tol=1e-3):
            field = "attention_factor" if rope.get("attention_factor") else "factor"
            raise ValueError(
                f"its config.json has {field}={rope[field]} for LongRoPE, and the engine computes it from "
                f"max_position_embeddings={positions} and original_max_position_embeddings={original}: remove "
                f"{field} if the model was trained so, {BOTH}"
            )


def _long_rope_factor(scale: float, original: int) -> float:
    """What LongRoPE multiplies queries and keys by."""
    return math.sqrt(1 + math.log(scale) / math.log(original)) if scale > 1 else 1.0


def _ropes(config: Any) -> list[Mapping[str, Any]]:
    """The parameters of rotary positions; a model with several sorts of layers may have several."""
    rope: Mapping[str, Any] = getattr(config, "rope_parameters", None) or {}
    return [rope] if "rope_type" in rope else [each for each in rope.values() if isinstance(each, Mapping)]


def _reads(blank: Any, field: str) -> bool:
    """Whether the code of training's class mentions a field."""
    return field in inspect.getsource(sys.modules[type(blank).__module__])


def _ignored(field: str, value: Any, who: str, other: str) -> ValueError:
    return ValueError(
        f"its config.json has {field}={value!r:.40}, which {other} applies and {who} ignores for this architecture: "
        f"remove {field} if the model was trained without it, {BOTH}"
    )
