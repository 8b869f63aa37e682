"""The model of a folder without weights, and the layers of its language model that an adapter can change."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ray_jobs.models.configs import load_config
from ray_jobs.runtime.imports import importing
from w2s.errors import first_line


def meta_model(folder: Path) -> Any:
    """The model that the trainer loads from `folder`, on torch's meta device: shapes and names without weights.

    Raises ValueError where transformers cannot make it from the configuration.
    """
    with importing():
        import torch
        from transformers import AutoModelForCausalLM

    config = load_config(folder)
    try:
        with importing(), torch.device("meta"):
            return AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except Exception as error:  # whatever a model's own code raises for sizes that do not go together
        raise ValueError(f"transformers makes no model of its config.json ({first_line(error)}): repair it") from error


def linear_layers(model: Any) -> Iterator[str]:
    """Full names of the linear layers of the language model, without vision and audio parts and without the head."""
    import torch
    from transformers.pytorch_utils import Conv1D

    decoder = model.get_decoder()
    prefix = next((name for name, module in model.named_modules() if module is decoder), "")
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear | Conv1D) and (not prefix or name.startswith(f"{prefix}.")):
            yield name


def train_language_model(model: Any) -> None:
    """Let training change all weights of the language model and its head, and no others: vision parts get no gradient
    from text."""
    ours = {id(weight) for part in (model.get_decoder(), model.get_output_embeddings()) for weight in part.parameters()}
    for weight in model.parameters():
        weight.requires_grad_(id(weight) in ours)


def check_targets(field: str, model: Any, targets: Sequence[str]) -> None:
    """Check that every LoRA target, as `field` has them, is a linear layer of the language model.

    PEFT reports this only when training starts, and ignores a missing target if another target exists.
    """
    head = {
        name.rpartition(".")[2] for name, module in model.named_modules() if module is model.get_output_embeddings()
    }
    linear = {name.rpartition(".")[2] for name in linear_layers(model)} - head
    if unknown := set(targets) - linear:
        raise ValueError(
            f"it has no linear layers {', '.join(sorted(unknown))} for an adapter: "
            f"set {field} to some of {json.dumps(sorted(linear), separators=(',', ':'))}"
        )


def target_pattern(model: Any, targets: Sequence[str]) -> list[str] | str:
    """PEFT's `target_modules`: the targets or, if layers outside of the language model have such names too, a pattern
    that matches the language model's alone.

    Vision parts get no gradient from text, and engines leave adapters of them out.
    """
    ours = {name for name in linear_layers(model) if name.rpartition(".")[2] in targets}
    named = {name for name, _ in model.named_modules() if name.rpartition(".")[2] in targets}
    if named == ours:
        return list(targets)
    return "|".join(re.escape(name) for name in sorted(ours))
