"""Each architecture's losses in our trainers are those of its configuration, without noise and router losses.

The engine's side of this comparison is tests/ray/models/test_models.py.
"""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from ray_jobs.models.folders import base_folder
from ray_jobs.models.layers import linear_layers, target_pattern
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.resources.presets import load_resources
from ray_jobs.training.base import Base, load_base
from ray_jobs.training.model import write_model
from ray_jobs.training.trainers import arguments, preference_trainer, sft_trainer
from tests.unit.training.architectures import ARCHITECTURES, TARGETS, VOCABULARY, reference, saved
from tests.unit.training.conftest import dataset
from w2s.experiments.quickstart import quickstart
from w2s.graph.build import build_steps
from w2s.graph.recipes import FineTune, Prefer
from w2s.graph.step import step
from w2s.recipe import LoRA
from w2s.store.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_process")]
EXPERIMENT = quickstart()
ONE = load_resources("local,workers=1,zero_stage=0,micro_batch=2")
LENGTHS = [(20, 12), (7, 30)]
"""Tokens of prompt and completion of each row; the batch pads them to one length."""


def ids(count: int, seed: int) -> list[int]:
    return torch.randint(1, VOCABULARY, (count,), generator=torch.Generator().manual_seed(seed)).tolist()


def completion_logps(model: Any, prompt: list[int], completion: list[int]) -> list[float]:
    """Log-probability of each token of the completion."""
    with torch.no_grad():
        scores = model(torch.tensor([prompt + completion])).logits[0].log_softmax(-1)
    return [float(scores[len(prompt) + i - 1, token]) for i, token in enumerate(completion)]


def with_adapter(model_type: str, folder: Path, adapter: Path) -> Any:
    """The reference with a random adapter, which is saved in `adapter`."""
    from peft import LoraConfig, get_peft_model

    model = reference(model_type, folder)
    targets = target_pattern(model, TARGETS.get(model_type, ("q_proj", "v_proj")))
    torch.manual_seed(3)
    config = LoraConfig(r=4, target_modules=targets, lora_dropout=0.5, init_lora_weights=False, task_type="CAUSAL_LM")
    model = get_peft_model(model, config)
    model.save_pretrained(str(adapter))
    return model.eval()


def base(folder: Path) -> Base:
    """A base that is loaded from `folder`, whatever the experiment's model is."""
    made = Base(EXPERIMENT.strong, ONE)
    made.folder = folder
    return made


@pytest.mark.parametrize("model_type", ARCHITECTURES)
def test_losses_are_those_of_the_configuration(model_type: str, tmp_path: Path) -> None:
    folder, tokenizer = saved(model_type, tmp_path / "base"), load_tokenizer(base_folder(EXPERIMENT.strong))
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    rows = [
        (ids(prompt, 10 + i), ids(tokens, 20 + i), ids(tokens, 30 + i)) for i, (prompt, tokens) in enumerate(LENGTHS)
    ]

    lora = LoRA(rank=4, targets=TARGETS.get(model_type, ("q_proj", "v_proj")))
    sft = FineTune(
        model=EXPERIMENT.strong, sft=EXPERIMENT.sft.model_copy(update={"batch_size": 2, "epochs": 1.0, "lora": lora})
    )
    labelled = [{"input_ids": p + c, "labels": [-100] * len(p) + c} for p, c, _ in rows]
    trainer = sft_trainer(sft, ONE, dataset(labelled), tokenizer, base(folder), tmp_path / "sft")
    layers = [name for name in linear_layers(reference(model_type, folder)) if name.endswith(lora.targets)]
    assert trainer.adapted_layers == len(layers), "the language model's alone"
    assert trainer.experts == (4 if any("experts" in field for field in ARCHITECTURES[model_type]) else 0)
    expected = [logp for p, c, _ in rows for logp in completion_logps(reference(model_type, folder), p, c)]
    assert first_loss(trainer) == pytest.approx(-sum(expected) / len(expected), abs=2e-4)

    adapted = with_adapter(model_type, folder, tmp_path / "adapter")
    logps = {
        side: [completion_logps(adapted, row[0], row[number]) for row in rows]
        for number, side in ((1, "chosen"), (2, "rejected"))
    }
    sided = [{"prompt_ids": p, "chosen_ids": c, "rejected_ids": r} for p, c, r in rows]
    for preference in (EXPERIMENT.dpo, EXPERIMENT.orpo):
        assert preference is not None
        recipe = Prefer(
            model=EXPERIMENT.strong,
            preference=preference.model_copy(update={"batch_size": 2, "epochs": 1.0, "sft_weight": 0.0}),
        )
        out = tmp_path / preference.loss
        trainer = preference_trainer(recipe, ONE, dataset(sided), tokenizer, base(folder), tmp_path / "adapter", out)
        if preference.loss == "dpo":
            trainer.before_first_step()
            assert first_loss(trainer) == pytest.approx(math.log(2), abs=1e-5)
            metrics = trainer._metrics["train"]
            for side in ("chosen", "rejected"):
                mean = sum(map(sum, logps[side])) / len(rows)
                assert metrics[f"logps/{side}"] == pytest.approx([mean], abs=5e-3), "log-probabilities of M_plus"
        else:
            mean = {side: [sum(row) / len(row) for row in logps[side]] for side in logps}
            odds = [
                chosen - rejected - math.log1p(-math.exp(chosen)) + math.log1p(-math.exp(rejected))
                for chosen, rejected in zip(mean["chosen"], mean["rejected"], strict=True)
            ]
            terms = [
                -chosen + preference.beta * math.log1p(math.exp(-odd))
                for chosen, odd in zip(mean["chosen"], odds, strict=True)
            ]
            assert first_loss(trainer) == pytest.approx(sum(terms) / len(terms), abs=5e-4)


@pytest.mark.parametrize("model_type", ["llama", "gemma3", "mixtral", "gpt_oss", "gpt2"])
def test_a_whole_model_is_written_as_its_base_was(model_type: str, tmp_path: Path) -> None:
    """A vision part stays as it is, and tensors have the names under which the engine knows them."""
    folder, tokenizer = saved(model_type, tmp_path / "base"), load_tokenizer(base_folder(EXPERIMENT.strong))
    tokenizer.pad_token = tokenizer.eos_token
    changed = {"batch_size": 2, "epochs": 1.0, "warmup_ratio": 0.0, "lora": None}
    recipe = FineTune(model=EXPERIMENT.strong, sft=EXPERIMENT.sft.model_copy(update=changed))
    rows = [{"input_ids": ids(20, i), "labels": ids(20, i)} for i in range(4)]
    trainer = sft_trainer(recipe, ONE, dataset(rows), tokenizer, base(folder), tmp_path / "out")
    trainer.run(None)
    store = Store.at(str(tmp_path / "store"))
    made = step("full", recipe, problems=build_steps(EXPERIMENT)[0]["train_1"])
    job: Any = SimpleNamespace(step=made, store=store, attempt="attempt-1", resources=ONE)
    (tmp_path / "scratch").mkdir()
    write_model(trainer, job, folder, tmp_path / "scratch", rank=0)
    written = tmp_path / "store" / made.directory / "attempt-1" / "model"
    before, after = load_file(folder / "model.safetensors"), load_file(written / "model.safetensors")
    assert {name: tensor.shape for name, tensor in after.items()} == {name: t.shape for name, t in before.items()}
    kept = {name for name in before if torch.equal(before[name], after[name])}
    assert kept == {name for name in before if "vision" in name or "multi_modal" in name}
    trained = trainer.accelerator.unwrap_model(trainer.model).eval()
    tokens = torch.tensor([ids(50, 5)])
    with torch.no_grad():
        assert torch.equal(load_base(ONE, written).eval()(tokens).logits, trained(tokens).logits)


def first_loss(trainer: Any) -> float:
    """The loss of the first batch in training mode, without a step."""
    (batch,) = trainer.get_train_dataloader()
    trainer.model.train()
    torch.manual_seed(0)
    return float(trainer.compute_loss(trainer.model, batch).detach())


@pytest.mark.parametrize("model_type", ARCHITECTURES)
def test_a_sharded_base_is_the_whole_one(model_type: str, tmp_path: Path) -> None:
    """In bfloat16, whose 8 bits DeepSpeed's zero.Init gives to all that is computed while a model loads."""
    from deepspeed import zero
    from trl import SFTConfig

    folder = saved(model_type, tmp_path / "base")
    whole, sharded = (
        load_resources(f"local,workers=1,micro_batch=2,zero_stage={stage},train_dtype=bfloat16") for stage in (0, 3)
    )
    expected = load_base(whole, folder).eval()
    settings = SFTConfig(**arguments(EXPERIMENT.sft.model_copy(update={"batch_size": 2}), sharded, tmp_path))
    model = load_base(sharded, folder).eval()
    assert settings and all(hasattr(parameter, "ds_id") for parameter in model.parameters())
    buffers = dict(model.named_buffers())
    for name, buffer in expected.named_buffers():
        assert buffers[name].dtype == buffer.dtype and torch.equal(buffers[name], buffer), name
    tokens = torch.tensor([ids(200, 5)])
    with zero.GatheredParameters(list(model.parameters())), torch.no_grad():
        assert torch.equal(model(tokens).logits, expected(tokens).logits)
