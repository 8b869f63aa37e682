"""Preflight check of a foreign LoRA adapter: it must be one of the base that it is asked with.

An engine finds this out after it has loaded the base; PEFT ignores what it does not find.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from ray_jobs.models.adapters import adapter_shapes, read_adapter
from ray_jobs.models.folders import base_folder
from ray_jobs.models.layers import linear_layers, meta_model
from w2s.recipe import Model

TENSOR = re.compile(r"base_model\.model\.(?P<layer>.+)\.lora_(?P<side>[AB])\.weight")
LIMITED = ("layers_to_transform", "layers_pattern", "exclude_modules")
"""Fields with which an adapter leaves layers out on purpose."""


def check_adapter(name: str, model: Model) -> None:
    """Check by names and shapes alone that the adapter in the folder `name` changes layers of `model`.

    Raises ValueError with the layer, both shapes and the way out.
    """
    config: dict[str, Any] = json.loads(read_adapter(name)["adapter_config.json"])
    blank = meta_model(base_folder(model, weights=False))
    widths = dict(_widths(blank))
    way = f"give the base that it was trained on (its adapter_config.json says {config.get('base_model_name_or_path')})"
    sides: dict[str, dict[str, list[int]]] = {}
    for tensor, shape in adapter_shapes(name).items():
        if (found := TENSOR.fullmatch(tensor)) is None or found["layer"] not in widths:
            raise ValueError(
                f"--adapter {name}: {model.name} has no linear layer for its {tensor}: {way}, or merge it into that"
            )
        sides.setdefault(found["layer"], {})[found["side"]] = shape
    if not sides:
        raise ValueError(f"--adapter {name}: adapter_model.safetensors has no weights: save the adapter again")
    rank = int(config["r"])
    for layer, shapes in sides.items():
        wide, high = widths[layer]
        if shapes != (wanted := {"A": [rank, wide], "B": [high, rank]}):
            raise ValueError(
                f"--adapter {name}: {layer} has lora_A {shapes.get('A')} and lora_B {shapes.get('B')}, and r={rank} "
                f"with {model.name} takes {wanted['A']} and {wanted['B']}: {way}"
            )
    if isinstance(config.get("target_modules"), list) and not any(config.get(field) for field in LIMITED):
        targets = {layer.rpartition(".")[2] for layer in sides}
        alike = {layer for layer in linear_layers(blank) if layer.rpartition(".")[2] in targets}
        if absent := sorted(alike - sides.keys()):
            raise ValueError(
                f"--adapter {name}: it has no weights for {len(absent)} layers of {model.name}, such as {absent[0]}: "
                f"{way}"
            )


def _widths(blank: Any) -> Iterator[tuple[str, tuple[int, int]]]:
    """(input, output) width of each linear layer of the language model and of its head."""
    import torch

    names = {*linear_layers(blank)}
    for name, module in blank.named_modules():
        if name in names or module is blank.get_output_embeddings():
            wide, high = module.weight.shape  # Conv1D, which has the input first
            yield name, (high, wide) if isinstance(module, torch.nn.Linear) else (wide, high)
