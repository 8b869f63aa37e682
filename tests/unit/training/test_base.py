"""Trainings of one base one after another in a process, as a worker group does them, are those of a process each.

Equal to the last bit: losses and adapters of SFT, SFT and DPO, each with a base of its own and on one base; and all
weights of an SFT between them.
"""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ray_jobs.models.folders import base_folder
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from ray_jobs.resources.presets import load_resources
from ray_jobs.resources.resources import Resources
from ray_jobs.training import base as base_module
from ray_jobs.training.base import Base
from ray_jobs.training.rows.encode import pair_rows, sft_rows
from ray_jobs.training.state import trained_parameters
from ray_jobs.training.trainers import preference_trainer, sft_trainer
from ray_jobs.training.worker import base_of
from tests.unit.training.conftest import dataset
from w2s.experiments.quickstart import quickstart
from w2s.graph.build import build_steps
from w2s.graph.recipes import FineTune, Prefer
from w2s.recipe import LoRA
from w2s.records import PreferencePair, SFTExample
from w2s.store.attempt import Attempt
from w2s.store.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_process")]
EXPERIMENT = quickstart()
MODEL = EXPERIMENT.strong
QUESTION = "Leo has 12 pens. Leo buys 7 more. How many pens does Leo have?"
RESOURCES = {
    "float32": "local,workers=1,micro_batch=2",
    "bfloat16 sharded, checkpointing": "local,workers=1,micro_batch=2,zero_stage=3,train_dtype=bfloat16,"
    "gradient_checkpointing=True",
    "bfloat16, checkpointing": "local,workers=1,micro_batch=2,train_dtype=bfloat16,gradient_checkpointing=True",
}
Trained = tuple[list[float], dict[str, Any]]


@pytest.fixture(scope="module")
def tokens() -> Tokens:
    tokenizer = load_tokenizer(base_folder(MODEL))
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return Tokens(tokenizer, MODEL.prompt)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """The folders that bases were loaded from."""
    folders: list[Path] = []
    load = base_module.load_base

    def counted(resources: Resources, folder: Path) -> Any:
        folders.append(folder)
        return load(resources, folder)

    monkeypatch.setattr(base_module, "load_base", counted)
    yield folders


def train(name: str, base: Base, tokens: Tokens, plus: Path, folder: Path) -> Trained:
    """Losses and trained tensors of one step; the base is given back."""
    from deepspeed import zero
    from transformers import set_seed

    set_seed(EXPERIMENT.sft.seed)
    if name == "dpo":
        assert EXPERIMENT.dpo is not None
        preference = EXPERIMENT.dpo.model_copy(update={"batch_size": 2, "learning_rate": 1e-3, "epochs": 1.0})
        pairs = [PreferencePair(str(i), QUESTION, " 19", f" {i}", "weak", "19", str(i), 1.0) for i in range(6)]
        recipe = Prefer(model=MODEL, preference=preference)
        rows = pair_rows(pairs, tokens)
        trainer = preference_trainer(recipe, base.resources, dataset(rows), tokens.tokenizer, base, plus, folder)
    else:
        offset = {"sft": 0, "other sft": 40, "m_plus": 80, "full": 20}[name]
        lora = None if name == "full" else LoRA(rank=4 if name == "other sft" else 8, dropout=0.1)
        sft = EXPERIMENT.sft.model_copy(update={"batch_size": 2, "epochs": 1.0, "learning_rate": 2e-3, "lora": lora})
        examples = [SFTExample(str(i), QUESTION, f" {i + offset}.\n#### {i}", "weak") for i in range(6)]
        rows = dataset(sft_rows(examples, tokens))
        trainer = sft_trainer(FineTune(model=MODEL, sft=sft), base.resources, rows, tokens.tokenizer, base, folder)
    trainer.run(None)
    trained = dict(trained_parameters(trainer.accelerator.unwrap_model(trainer.model)))
    with zero.GatheredParameters(list(trained.values()), enabled=base.resources.zero_stage == 3):
        adapter = {name: parameter.detach().clone() for name, parameter in trained.items()}
    if name == "m_plus":
        trainer.model.save_pretrained(folder / "adapter")
    losses = [loss.loss for loss in trainer.losses]
    base.take_back(trainer)
    return losses, adapter


@pytest.fixture(scope="module")
def plus(one_process: None, tokens: Tokens, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """M_plus's adapter, with which DPO starts."""
    folder = tmp_path_factory.mktemp("m_plus")
    train("m_plus", Base(MODEL, load_resources(RESOURCES["float32"])), tokens, folder, folder)
    return folder / "adapter"


@pytest.mark.parametrize("kind", RESOURCES)
def test_a_group_trains_what_each_step_trains_alone(
    kind: str, tokens: Tokens, plus: Path, loads: list[Path], tmp_path: Path
) -> None:
    import torch

    resources, names = load_resources(RESOURCES[kind]), ("dpo", "other sft", "full", "dpo", "sft")
    alone = {name: train(name, Base(MODEL, resources), tokens, plus, tmp_path / f"alone {name}") for name in set(names)}
    assert len(loads) == 4
    base = Base(MODEL, resources)
    for number, name in enumerate(names):
        losses, adapter = train(name, base, tokens, plus, tmp_path / f"{number}")
        expected_losses, expected = alone[name]
        assert losses == expected_losses and len(losses) == 3
        assert adapter.keys() == expected.keys()
        assert all(torch.equal(adapter[key], value) for key, value in expected.items()), f"{number} {name}"
    assert len(loads) == 6, "the group loads its base once, and again after the training of all weights"
    if resources.zero_stage == 3:
        model = base.lend()
        assert not any("pre_bwd_fn" in vars(module) for module in model.modules()), "functions of the last engine"
        weights = [weight for weight in model.parameters() if not weight.ds_persist]  # small ones stay whole
        assert weights and all(weight.numel() == 0 for weight in weights), "the base is whole between two steps"


def test_what_trains_a_whole_model_further_loads_that_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("W2S_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir(mode=0o700)
    store = Store.at(str(tmp_path / "store"))
    for lora in (EXPERIMENT.sft.lora, None):
        steps = build_steps(EXPERIMENT.model_copy(update={"sft": EXPERIMENT.sft.model_copy(update={"lora": lora})}))
        named = {step.name: step for step in steps}
        attempt = Attempt(store, named["hybrid_ft_1"])
        attempt.add("model", f"{attempt.name}/model/config.json", b"{}")
        attempt.write_document("losses", [])
        attempt.commit({})
        job: Any = SimpleNamespace(step=named["dpo"], store=store, resources=load_resources("local"))
        folder = base_of(job).folder
        assert (folder == base_folder(MODEL)) == (lora is not None)
        assert lora or [path.read_bytes() for path in folder.iterdir()] == [b"{}"]


def test_a_base_comes_back_as_it_was_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """On an architecture with dropout modules, which DPO's trainer switches off in place."""
    from peft import LoraConfig, get_peft_model
    from transformers import GPT2Config, GPT2LMHeadModel
    from trl.trainer.utils import disable_dropout_in_model

    made: list[Any] = []

    def load(*_: Any) -> Any:
        made.append(GPT2LMHeadModel(GPT2Config(n_layer=1, n_head=2, n_embd=8, vocab_size=20, resid_pdrop=0.3)).eval())
        return made[-1]

    def state(model: Any) -> Any:
        modules = dict(model.named_modules())
        dropout = {name: module.p for name, module in modules.items() if hasattr(module, "p")}
        flags = (model.training, model.is_gradient_checkpointing, hasattr(model, "peft_config"))
        return list(modules), dropout, flags, dict(vars(model.config))

    monkeypatch.setattr(base_module, "load_base", load)
    base = Base(MODEL, load_resources("local"))
    before = state(base.lend())
    assert 0.3 in before[1].values()
    model = get_peft_model(made[0], LoraConfig(r=2, target_modules=["c_attn"]))
    disable_dropout_in_model(model)
    model.enable_input_require_grads()
    made[0].gradient_checkpointing_enable()
    made[0].config.output_router_logits = True
    model.train()
    accelerator = SimpleNamespace(unwrap_model=lambda model: model, free_memory=lambda: None)
    with pytest.raises(AssertionError, match="has not given the base back"):
        base.lend()
    base.take_back(SimpleNamespace(accelerator=accelerator, model=model))
    assert state(base.lend()) == before and len(made) == 1
    base.forget()
    assert base.lend() is made[1], "a base that a failed trainer left is loaded again"
