"""An adapter for real engines, without a training."""

from pathlib import Path

import pytest

from ray_jobs.models.folders import base_folder
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import FineTune
from w2s.graph.step import Step, step
from w2s.recipe import WorldProblems
from w2s.store.attempt import Attempt
from w2s.store.store import Store

STRONG = quickstart().strong


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Step]:
    """A store with one adapter of random weights, large enough to be seen in the logits."""
    return random_adapter(tmp_path_factory, 0.3)


def random_adapter(tmp_path_factory: pytest.TempPathFactory, scale: float) -> tuple[Store, Step]:
    """A store with one adapter of random weights of this size."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    store = Store.at(str(tmp_path_factory.mktemp("store")))
    made = step(
        "made", FineTune(model=STRONG, sft=quickstart().sft), problems=step("problems", WorldProblems())["train_1"]
    )
    torch.manual_seed(0)
    lora = quickstart().sft.lora
    assert lora is not None
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        target_modules=list(lora.targets),
        task_type="CAUSAL_LM",
        init_lora_weights=False,
    )
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base_folder(STRONG), dtype=torch.float32), config)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data.mul_(scale)
    folder = tmp_path_factory.mktemp("adapter")
    model.save_pretrained(folder)
    attempt = Attempt(store, made)
    for path in sorted(Path(folder).glob("adapter*")):
        attempt.add("model", f"{attempt.name}/model/{path.name}", path.read_bytes())
    attempt.commit({})
    return store, made
