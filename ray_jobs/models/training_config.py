"""The configuration that a base model is trained with: the engine's function, without randomness and router losses.

The engine computes what the configuration says. transformers computes something else where its default attention leaves
a field out, and adds noise in training mode; an adapter would be trained for another model than the engine's.
"""

import re
from pathlib import Path
from typing import Any

from ray_jobs.models.configs import load_config

NOISE = re.compile(r"drop|jitter")
"""Fields of transformers' configurations that are probabilities or widths of noise in training mode: attention_dropout,
resid_pdrop, layerdrop, drop_path_rate, router_jitter_noise, ..."""
SPARSE_MIXER = ("phimoe", "router_jitter_noise")
"""A field that NOISE matches although it is a threshold of the router, in training and sampling alike."""


def training_config(folder: Path) -> Any:
    """The configuration of the model in `folder`, changed for training."""
    config = load_config(folder)
    parts = list(_parts(config))
    for part in parts:
        _silence(part)
        if hasattr(part, "output_router_logits"):  # routers are frozen, so a loss that balances them teaches nothing
            part.output_router_logits = False
        if part.model_type == "cohere2":
            # vLLM 0.32.0 (models/commandr.py) lets a token see `sliding_window` tokens before it, as Cohere trained the
            # model; transformers counts the token itself among them.
            part.sliding_window += 1
    # transformers passes a soft cap to the attention function, and only "eager" of those without extra packages
    # applies it.
    if any(getattr(part, "attn_logit_softcapping", None) for part in parts):
        config._attn_implementation = "eager"
    return config


def _parts(config: Any) -> Any:
    """The configuration and all configurations within it."""
    from transformers import PreTrainedConfig

    yield config
    for value in vars(config).values():
        if isinstance(value, PreTrainedConfig):
            yield from _parts(value)


def _silence(part: Any) -> None:
    """Set every field of noise to 0."""
    for name, value in vars(part).items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if NOISE.search(name) and number and (part.model_type, name) != SPARSE_MIXER:
            setattr(part, name, 0.0)
