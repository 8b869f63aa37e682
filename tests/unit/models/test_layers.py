"""An adapter changes the language model alone, and every layer of it learns."""

from pathlib import Path
from typing import Any

import pytest

from ray_jobs.models.layers import check_targets, meta_model, target_pattern
from tests.unit.models import tiny_models

TARGETS = ("q_proj", "v_proj", "down_proj")


def adapted(path: Path, targets: Any) -> Any:
    """The model in `path` with a new adapter, whose matrices are not zero."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base: Any = AutoModelForCausalLM.from_pretrained(path)
    pattern = targets(base)
    torch.manual_seed(0)
    return get_peft_model(base, LoraConfig(r=2, target_modules=pattern, init_lora_weights=False))


def without_gradient(model: Any) -> list[str]:
    """Matrices of the adapter that learn nothing from a row of text; the other half of all matrices learns."""
    import torch

    ids = torch.arange(5, 25).reshape(1, 20)
    model(input_ids=ids, labels=ids).loss.backward()
    matrices = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    assert matrices
    return [name for name, weight in matrices.items() if weight.grad is None or not weight.grad.any()]


@pytest.mark.parametrize("make", [tiny_models.llama, tiny_models.gemma_3])
def test_every_adapted_layer_has_a_gradient(tmp_path: Path, make: Any) -> None:
    model = adapted(make(tmp_path), lambda base: target_pattern(base, TARGETS))
    names = [name for name, _ in model.named_modules() if name.endswith("lora_A.default")]
    assert len(names) == 2 * len(TARGETS) and not any("vision" in name for name in names)
    assert without_gradient(model) == []


def test_names_alone_would_adapt_the_vision_part_in_vain(tmp_path: Path) -> None:
    model = adapted(tiny_models.gemma_3(tmp_path), lambda _: list(TARGETS))
    idle = without_gradient(model)
    assert idle and all("vision" in name for name in idle)


def test_a_target_of_the_vision_part_alone_is_refused(tmp_path: Path) -> None:
    model = meta_model(tiny_models.gemma_3(tmp_path))
    check_targets("sft.lora.targets", model, TARGETS)
    with pytest.raises(
        ValueError, match=r"no linear layers fc1 for an adapter: .* some of .\"down_proj\",\"gate_proj\""
    ):
        check_targets("sft.lora.targets", model, ("q_proj", "fc1"))


def test_targets_of_a_text_model_are_its_names(tmp_path: Path) -> None:
    assert target_pattern(meta_model(tiny_models.llama(tmp_path)), TARGETS) == list(TARGETS)
