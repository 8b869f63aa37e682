"""TRL's trainers as configured here, in one process: the tokens they learn from, and DPO's reference."""

import math
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from ray_jobs.models.folders import base_folder
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from ray_jobs.resources.presets import load_resources
from ray_jobs.training.base import Base, load_base
from ray_jobs.training.rows.encode import pair_rows, sft_rows
from ray_jobs.training.trainers import preference_trainer, sft_trainer
from ray_jobs.training.worker import start_deepspeed
from tests.unit.training.conftest import dataset
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import FineTune, Prefer
from w2s.records import PreferencePair, SFTExample

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_process")]
EXPERIMENT = quickstart()
MODEL = EXPERIMENT.strong
ONE = load_resources("local,workers=1,zero_stage=0,micro_batch=2")
QUESTION = "Leo has 12 pens. Leo buys 7 more. How many pens does Leo have?"


@pytest.fixture(scope="module")
def tokens() -> Tokens:
    return Tokens(load_tokenizer(base_folder(MODEL)), MODEL.prompt)


@pytest.fixture(scope="module")
def m_plus(one_process: None, tokens: Tokens, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter after a few SFT steps."""
    folder = tmp_path_factory.mktemp("m_plus")
    examples = [SFTExample(str(i), QUESTION, f" 12 + 7 = {19 + i}.\n#### {19 + i}", "weak") for i in range(8)]
    rows = sft_rows(examples, tokens)
    recipe = FineTune(
        model=MODEL, sft=EXPERIMENT.sft.model_copy(update={"epochs": 3.0, "batch_size": 2, "learning_rate": 2e-3})
    )
    trainer = sft_trainer(recipe, ONE, dataset(rows), tokens.tokenizer, Base(MODEL, ONE), folder / "out")
    trainer.train()
    trainer.model.save_pretrained(folder / "adapter")
    return folder / "adapter"


def pairs(tokens: Tokens) -> list[dict[str, Any]]:
    made = [
        PreferencePair(
            str(i), QUESTION, " 12 + 7 = 19.\n#### 19", f" 12 + 7 = {i}.\n#### {i}", "weak", "19", str(i), 1.0
        )
        for i in range(4)
    ]
    return pair_rows(made, tokens)


def completion_logps(model: Any, row: dict[str, Any], side: str) -> float:
    """Sum of log-probabilities of a row's completion, computed without TRL."""
    import torch

    ids = row["prompt_ids"] + row[f"{side}_ids"]
    with torch.no_grad():
        scores = model(torch.tensor([ids])).logits[0].log_softmax(-1)
    start = len(row["prompt_ids"])
    return sum(float(scores[i - 1, ids[i]]) for i in range(start, len(ids)))


def test_dpo_starts_from_m_plus_and_its_reference_is_m_plus(tokens: Tokens, m_plus: Path, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel

    preference = EXPERIMENT.dpo
    assert preference is not None
    recipe = Prefer(
        model=MODEL,
        preference=preference.model_copy(
            update={"batch_size": 2, "learning_rate": 5e-3, "epochs": 2.0, "sft_weight": 0.0}
        ),
    )
    rows = pairs(tokens)
    trainer = preference_trainer(recipe, ONE, dataset(rows), tokens.tokenizer, Base(MODEL, ONE), m_plus, tmp_path)
    start = {name: p.detach().clone() for name, p in trainer.model.named_parameters() if ".default." in name}
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert math.isclose(losses[0], math.log(2), abs_tol=1e-6), (
        f"first loss {losses[0]}: policy and reference differ at the start"
    )
    assert losses[-1] < losses[0]
    after = dict(trainer.accelerator.unwrap_model(trainer.model).named_parameters())
    assert any(not torch.equal(after[name], p) for name, p in start.items()), "the policy did not move"
    # The reference's log-probabilities are those of M_plus loaded from its files, and not those of the base.
    alone = PeftModel.from_pretrained(load_base(ONE, base_folder(MODEL)), m_plus).eval()
    base = load_base(ONE, base_folder(MODEL)).eval()
    for row, chosen, rejected in zip(rows, *trainer.reference.tolist(), strict=True):
        assert math.isclose(chosen, completion_logps(alone, row, "chosen"), abs_tol=1e-3)
        assert math.isclose(rejected, completion_logps(alone, row, "rejected"), abs_tol=1e-3)
        assert abs(chosen - completion_logps(base, row, "chosen")) > 0.01


def test_dpo_in_bfloat16_under_zero_3_starts_at_ln_2(tokens: Tokens, m_plus: Path, tmp_path: Path) -> None:
    """As on GPUs: base and trained adapter are bfloat16, and the first loss is ln 2 in every digit."""
    import torch
    from deepspeed import zero
    from safetensors.torch import load_file

    preference = EXPERIMENT.dpo
    assert preference is not None
    changed = preference.model_copy(update={"batch_size": 2, "learning_rate": 5e-3, "epochs": 2.0, "sft_weight": 0.0})
    recipe = Prefer(model=MODEL, preference=changed)
    resources = load_resources("local,workers=1,micro_batch=2,zero_stage=3,train_dtype=bfloat16")
    trainer = preference_trainer(
        recipe, resources, dataset(pairs(tokens)), tokens.tokenizer, Base(MODEL, resources), m_plus, tmp_path
    )
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert math.isclose(losses[0], math.log(2), abs_tol=1e-6) and losses[-1] < losses[0]
    named = dict(trainer.accelerator.unwrap_model(trainer.model).named_parameters())
    assert {parameter.dtype for parameter in named.values()} == {torch.bfloat16}, "an adapter in float32"
    weights = load_file(m_plus / "adapter_model.safetensors")
    with zero.GatheredParameters(list(named.values())):
        for name, weight in weights.items():
            policy = named[name.replace("lora_A.", "lora_A.default.").replace("lora_B.", "lora_B.default.")]
            assert not torch.equal(policy.float(), weight.bfloat16().float()), f"{name} did not move"


def test_orpo_loss_is_of_the_completion_and_starts_from_m_plus(tokens: Tokens, m_plus: Path, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel

    preference = EXPERIMENT.orpo
    assert preference is not None
    recipe = Prefer(model=MODEL, preference=preference.model_copy(update={"batch_size": 2}))
    row = pairs(tokens)[0]
    trainer = preference_trainer(recipe, ONE, dataset([row, row]), tokens.tokenizer, Base(MODEL, ONE), m_plus, tmp_path)
    batch = next(iter(trainer.get_train_dataloader()))
    trainer.model.eval()
    with torch.no_grad():
        loss, metrics = trainer.get_batch_loss_metrics(trainer.model, batch)
    alone = PeftModel.from_pretrained(load_base(ONE, base_folder(MODEL)), m_plus).eval()
    mean = {side: completion_logps(alone, row, side) / len(row[f"{side}_ids"]) for side in ("chosen", "rejected")}
    assert math.isclose(metrics["nll_loss"], -mean["chosen"], abs_tol=1e-3)
    log_odds = (
        mean["chosen"]
        - mean["rejected"]
        - math.log1p(-math.exp(mean["chosen"]))
        + math.log1p(-math.exp(mean["rejected"]))
    )
    expected = -mean["chosen"] + preference.beta * math.log1p(math.exp(-log_odds))
    assert math.isclose(float(loss), expected, abs_tol=1e-3)


def test_sft_learns_from_completion_and_end_only(tokens: Tokens, tmp_path: Path) -> None:
    (row,) = sft_rows([SFTExample("a", QUESTION, " 12 + 7 = 19.\n#### 19", "weak")], tokens)
    recipe = FineTune(model=MODEL, sft=EXPERIMENT.sft.model_copy(update={"batch_size": 2}))
    trainer = sft_trainer(recipe, ONE, dataset([row, row]), tokens.tokenizer, Base(MODEL, ONE), tmp_path)
    batch = next(iter(trainer.get_train_dataloader()))
    learned = [token for token in batch["labels"][0].tolist() if token != -100]
    assert tokens.tokenizer.decode(learned) == " 12 + 7 = 19.\n#### 19" + tokens.tokenizer.eos_token
    assert batch["input_ids"][0].tolist() == row["input_ids"]


def test_deepspeeds_shared_memory_allreduce_is_not_compiled_on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    import deepspeed
    from deepspeed.ops.op_builder.cpu import ShareMemCommBuilder

    backend = import_module("deepspeed.comm.torch")  # deepspeed.comm has another `torch` under this name
    compiled = list[bool]()
    monkeypatch.setattr(ShareMemCommBuilder, "load", lambda *_: compiled.append(True))
    monkeypatch.setitem(deepspeed.ops.__compatible_ops__, "deepspeed_shm_comm", True)
    backend.build_shm_op()
    assert compiled, "DeepSpeed no longer asks __compatible_ops__: see docs/pins.md"
    compiled.clear()
    start_deepspeed(ONE)
    assert backend.build_shm_op() is None and not compiled


@pytest.mark.parametrize(
    "changes",
    [{}, {"sft_weight": 0.5}, {"dpo_loss": "ipo"}, {"dpo_loss": "robust", "label_smoothing": 0.2}],
    ids=str,
)
def test_weighted_dpo_is_the_weighted_mean_of_each_pair_s_loss(
    changes: dict[str, Any], tokens: Tokens, m_plus: Path, tmp_path: Path
) -> None:
    import torch

    preference = EXPERIMENT.dpo
    assert preference is not None
    first, second = pairs(tokens)[1:3]
    recipe = Prefer(
        model=MODEL, preference=preference.model_copy(update={"batch_size": 2, "sft_weight": 0.0} | changes)
    )
    rows = [first | {"weight": 0.5}, second | {"weight": 1.5}]
    trainer = preference_trainer(recipe, ONE, dataset(rows), tokens.tokenizer, Base(MODEL, ONE), m_plus, tmp_path)
    trainer.before_first_step()
    first, second = sorted((trainer.train_dataset[n] for n in (0, 1)), key=lambda row: row["weight"])
    parameters = [p for name, p in trainer.model.named_parameters() if ".default." in name]
    for parameter in parameters:  # away from the reference, where all pairs have one loss
        parameter.data += 0.02 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0))
    trainer.model.eval()

    def loss(*given: dict[str, Any]) -> float:
        batch = trainer.data_collator(list(given))
        with torch.no_grad():
            return float(trainer.compute_loss(trainer.model, batch))

    plain = [loss({name: value for name, value in row.items() if name != "weight"}) for row in (first, second)]
    assert abs(plain[0] - plain[1]) > 1e-3
    assert math.isclose(loss(first, second), (0.5 * plain[0] + 1.5 * plain[1]) / 2, abs_tol=1e-4)
    batch = next(iter(trainer.get_train_dataloader()))
    assert sorted(batch["weight"]) == [0.5, 1.5], "the trainer dropped the weights"


def test_weighted_orpo_weighs_both_terms_of_a_pair(tokens: Tokens, m_plus: Path, tmp_path: Path) -> None:
    import torch

    preference = EXPERIMENT.orpo
    assert preference is not None
    first, second = pairs(tokens)[1:3]
    recipe = Prefer(model=MODEL, preference=preference.model_copy(update={"batch_size": 2}))

    def loss(number: int, *rows: dict[str, Any]) -> float:
        folder = tmp_path / str(number)
        trainer = preference_trainer(recipe, ONE, dataset([*rows]), tokens.tokenizer, Base(MODEL, ONE), m_plus, folder)
        trainer.model.eval()
        with torch.no_grad():
            found, _ = trainer.get_batch_loss_metrics(trainer.model, next(iter(trainer.get_train_dataloader())))
        return float(found)

    plain = [loss(number, row, row) for number, row in enumerate((first, second))]
    assert abs(plain[0] - plain[1]) > 1e-3
    weighted = loss(2, first | {"weight": 0.5}, second | {"weight": 1.5})
    assert math.isclose(weighted, (0.5 * plain[0] + 1.5 * plain[1]) / 2, abs_tol=1e-4)
