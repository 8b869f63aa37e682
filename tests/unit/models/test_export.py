"""Exported folders load with transformers 4 too, as far as they can."""

import json
from pathlib import Path

from ray_jobs.models.export import export_merged, export_tokenizer
from ray_jobs.models.tokenizers import load_tokenizer
from tests.unit.models import tiny_models
from w2s.recipe import Model


def test_a_merged_model_of_an_older_base_loads_with_older_transformers(tmp_path: Path) -> None:
    """marin-community/marin#7156: a `rope_theta` that only `rope_parameters` holds is 10000 there."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base, adapter, merged = tiny_models.llama(tmp_path / "base"), tmp_path / "adapter", tmp_path / "merged"
    tiny_models.change_config(base, rope_parameters=None, rope_theta=500000.0)
    lora = LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), lora)
    model.save_pretrained(str(adapter))
    export_merged(adapter, Model(name=str(base), revision="sha256:1"), merged)
    assert json.loads((merged / "config.json").read_text())["rope_theta"] == 500000.0
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        expected, found = (m(ids).logits for m in (model.eval(), AutoModelForCausalLM.from_pretrained(merged).eval()))
    assert torch.allclose(expected, found, atol=1e-5)


def test_a_tokenizer_has_a_class_that_older_transformers_have(tmp_path: Path) -> None:
    """Open-Athena/MarinFold#184: transformers 4 has no TokenizersBackend."""
    from transformers import AutoTokenizer

    base, made = tiny_models.llama(tmp_path / "base"), tmp_path / "made"
    made.mkdir()
    export_tokenizer(Model(name=str(base), revision="sha256:1"), made, 16)
    assert json.loads((made / "tokenizer_config.json").read_text())["tokenizer_class"] == "PreTrainedTokenizerFast"
    text = "Léo has  12 pens.\n"
    ids = load_tokenizer(base)(text)["input_ids"]
    assert load_tokenizer(made)(text)["input_ids"] == AutoTokenizer.from_pretrained(made)(text)["input_ids"] == ids
