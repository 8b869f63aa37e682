"""Small trainings for tests of the workers: an SFT and a DPO step with their inputs in a store, and how to compare
them."""

import math
import tempfile
from pathlib import Path
from typing import Any

from ray_jobs.models.folders import base_folder
from ray_jobs.resources.presets import load_resources
from ray_jobs.training.base import load_base
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import Agree, FineTune, Pair, Prefer
from w2s.graph.step import Step, step
from w2s.recipe import WorldProblems
from w2s.records import PreferencePair, SFTExample
from w2s.store.attempt import Attempt, put
from w2s.store.store import Store

EXPERIMENT = quickstart()
ROWS, STEPS = 37, 10  # 37 rows in batches of 8: the last batch of each epoch repeats 3 rows
TOLERANCE = 1e-4
"""Largest difference of losses, and of weights relative to their length: workers add in another order."""


def problems() -> Step:
    return step("problems", WorldProblems())


def sft_step(store: Store) -> Step:
    """SFT of 37 examples, 10 optimizer steps."""
    made = step(
        "consistent", Agree(agreement=EXPERIMENT.agreement, answers=EXPERIMENT.answers), problems=problems()["train_2"]
    )
    attempt = Attempt(store, made)
    rows = [
        SFTExample(
            f"p{i:02d}", f"Leo has {i} pens. Leo buys {i % 7}. How many?", f" {i} + {i % 7}.\n#### {i + i % 7}", "weak"
        )
        for i in range(ROWS)
    ]
    attempt.write_records("hybrid", rows, SFTExample)
    attempt.commit({})
    assert EXPERIMENT.sft.lora is not None
    lora = EXPERIMENT.sft.lora.model_copy(update={"dropout": 0.1})
    sft = EXPERIMENT.sft.model_copy(
        update={"batch_size": 8, "epochs": 2.0, "learning_rate": 2e-3, "lora": lora, "warmup_ratio": 0.2}
    )
    return step("trained", FineTune(model=EXPERIMENT.strong, sft=sft), examples=made["hybrid"])


def m_plus(store: Store) -> Step:
    """A step whose model is an adapter with random weights, with which DPO starts."""
    import torch
    from peft import LoraConfig, get_peft_model

    made = step("m_plus", FineTune(model=EXPERIMENT.strong, sft=EXPERIMENT.sft), examples=problems()["train_1"])
    lora = EXPERIMENT.sft.lora
    assert lora is not None
    torch.manual_seed(0)
    config = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=list(lora.targets), init_lora_weights=False)
    base = load_base(load_resources("local"), base_folder(EXPERIMENT.strong))
    attempt = Attempt(store, made)
    with tempfile.TemporaryDirectory() as folder:
        get_peft_model(base, config).save_pretrained(folder)
        for path in sorted(Path(folder).glob("adapter_*")):
            data = path.read_bytes()
            attempt.include("model", put(store.objects, made.directory, f"{attempt.name}/model/{path.name}", data))
    attempt.write_document("losses", [])
    attempt.commit({})
    return made


def dpo_step(store: Store) -> Step:
    """DPO on 37 pairs, 10 optimizer steps, from `m_plus`."""
    plus = m_plus(store)
    made = step("pairs", Pair(pairs=EXPERIMENT.pairs, answers=EXPERIMENT.answers), completions=plus["model"])
    attempt = Attempt(store, made)
    rows = [
        PreferencePair(
            f"p{i:02d}",
            f"Leo has {i} pens. Leo buys {i % 7}. How many?",
            f" {i}.\n#### {i}",
            f" {i}.\n#### 9{i}",
            "weak",
            f"{i}",
            "9",
            1.0,
        )
        for i in range(ROWS)
    ]
    attempt.write_records("pairs", rows, PreferencePair)
    attempt.commit({})
    assert EXPERIMENT.dpo is not None
    dpo = EXPERIMENT.dpo.model_copy(update={"batch_size": 8, "epochs": 2.0, "learning_rate": 1e-3})
    return step(
        "preferred", Prefer(model=EXPERIMENT.strong, preference=dpo), pairs=made["pairs"], adapter=plus["model"]
    )


def full_step(adapted: Step) -> Step:
    """SFT of all weights on the examples of `adapted`."""
    recipe = adapted.recipe
    assert isinstance(recipe, FineTune)
    sft = recipe.sft.model_copy(update={"lora": None, "learning_rate": 1e-4})
    return step("full", recipe.model_copy(update={"sft": sft}), **dict(adapted.inputs))


def twin(original: Step, name: str) -> Step:
    """The same training under another fingerprint."""
    recipe = original.recipe
    assert isinstance(recipe, FineTune | Prefer)
    marked = recipe.model_copy(update={"model": recipe.model.model_copy(update={"revision": name})})
    return step(name, marked, **dict(original.inputs))


def weights(step: Step, store: Store) -> dict[str, Any]:
    from safetensors.torch import load

    (file,) = [file for file in store.files(step["model"]) if file.path.endswith(".safetensors")]
    return load(store.read_file(step.directory, file))


def logged(step: Step, store: Store) -> dict[int, float]:
    return {entry["step"]: entry["loss"] for entry in store.document(step["losses"])}


def assert_same(resumed: Step, straight: Step, store: Store) -> None:
    losses, expected = logged(resumed, store), logged(straight, store)
    assert losses.keys() == expected.keys() == set(range(1, STEPS + 1))
    worst = max(abs(losses[at] - expected[at]) for at in expected)
    found, expected_weights = weights(resumed, store), weights(straight, store)
    assert found.keys() == expected_weights.keys()
    squares = [(found[key] - value).square().sum() for key, value in expected_weights.items()]
    distance = math.sqrt(sum(float(square) for square in squares))
    length = math.sqrt(sum(float(value.square().sum()) for value in expected_weights.values()))
    print(f"{resumed.name}: losses {expected[1]:.4f} -> {expected[STEPS]:.4f} differ by {worst:.1e}")
    print(f"{resumed.name}: weights differ by {distance / length:.1e} of their length")
    assert worst < TOLERANCE and distance < TOLERANCE * length
    manifest = store.manifest(resumed)
    assert manifest is not None and not Path(store.objects.path(resumed.directory, "training")).exists()
