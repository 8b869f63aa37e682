"""A training whose numbers are no longer finite is refused with the field to lower, whatever is lost first."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from ray_jobs.models.folders import base_folder
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from ray_jobs.resources.presets import load_resources
from ray_jobs.training.base import Base
from ray_jobs.training.callbacks import CheckLosses
from ray_jobs.training.model import write_model
from ray_jobs.training.rows.encode import pair_rows, sft_rows
from ray_jobs.training.trainers import preference_trainer, sft_trainer
from ray_jobs.training.values import TrainingRefused, diverged
from tests.unit.training.conftest import dataset
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import FineTune, Prefer
from w2s.graph.step import Step, step
from w2s.recipe import LoRA, Preference, WorldProblems
from w2s.records import PreferencePair, SFTExample

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_process")]
EXPERIMENT = quickstart()
MODEL = EXPERIMENT.strong
SFT = EXPERIMENT.sft.model_copy(update={"batch_size": 2, "epochs": 1.0, "learning_rate": 1e-3})
PROBLEMS = step("problems", WorldProblems())
QUESTION = "Leo has 12 pens. Leo buys 7 more. How many pens does Leo have?"


def sft_step(rate: float, name: str = "weak_sft", lora: LoRA | None = SFT.lora) -> Step:
    changed = {"learning_rate": rate, "warmup_ratio": 0.0, "lora": lora}
    recipe = FineTune(model=MODEL, sft=SFT.model_copy(update=changed))
    return step(name, recipe, problems=PROBLEMS["train_1"])


def prefer_step(preference: Preference, rate: float) -> Step:
    changed = preference.model_copy(update={"batch_size": 2, "epochs": 1.0, "learning_rate": rate})
    return step(preference.loss, Prefer(model=MODEL, preference=changed), adapter=sft_step(1.0)["model"])


def made(
    trained: Step, folder: Path, rows: int, stage: int = 0, dtype: str = "float32", plus: Path | None = None
) -> Any:
    """The trainer of a step, set up as worker.py does."""
    tokens = Tokens(load_tokenizer(base_folder(MODEL)), MODEL.prompt)
    resources = load_resources(f"local,workers=1,micro_batch=1,zero_stage={stage},train_dtype={dtype}")
    texts = [f" 12 + 7 = {19 + i}.\n#### {19 + i}" for i in range(rows + 1)]
    last = (tokens.tokenizer, Base(MODEL, resources))
    trainer: Any
    if isinstance(trained.recipe, FineTune):
        examples = [SFTExample(str(i), QUESTION, texts[i], "weak") for i in range(rows)]
        encoded = sft_rows(examples, tokens)
        trainer = sft_trainer(trained.recipe, resources, dataset(encoded), *last, folder / "out")
    else:
        assert isinstance(trained.recipe, Prefer) and plus is not None
        pairs = [
            PreferencePair(str(i), QUESTION, texts[0], texts[i + 1], "weak", "19", str(20 + i), 1.0)
            for i in range(rows)
        ]
        encoded = pair_rows(pairs, tokens)
        trainer = preference_trainer(trained.recipe, resources, dataset(encoded), *last, plus, folder / "out")
    trainer.diverged = lambda reason: diverged(trained, reason)
    trainer.add_callback(CheckLosses(trainer, trained, dtype))
    return trainer


def write(trainer: Any, trained: Step, folder: Path) -> None:
    """Write the adapter of a trainer in one process without ZeRO-3, to a store that does not exist."""
    job: Any = SimpleNamespace(step=trained, resources=SimpleNamespace(zero_stage=0))
    write_model(trainer, job, folder, folder, rank=0)


@pytest.fixture(scope="module")
def m_plus(one_process: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("m_plus")
    trainer = made(sft_step(1e-3), folder, rows=4)
    trainer.run(None)
    trainer.model.save_pretrained(folder / "adapter")
    return folder / "adapter"


@pytest.mark.parametrize("lora", [SFT.lora, None], ids=["adapter", "all weights"])
@pytest.mark.parametrize(("stage", "dtype"), [(0, "float32"), (3, "float32"), (0, "bfloat16"), (3, "bfloat16")])
def test_sft_with_a_huge_learning_rate_is_refused(stage: int, dtype: str, lora: LoRA | None, tmp_path: Path) -> None:
    trainer = made(sft_step(1e38, lora=lora), tmp_path, rows=12, stage=stage, dtype=dtype)
    rule = r"weak_sft: the training has diverged: .* of optimizer step \d of 6 .* lower weak_sft\.learning_rate=1e\+38$"
    with pytest.raises(TrainingRefused, match=rule):
        trainer.run(None)


@pytest.mark.parametrize("loss", ["dpo", "orpo"])
def test_preference_training_with_a_huge_learning_rate_is_refused(loss: str, m_plus: Path, tmp_path: Path) -> None:
    preference = getattr(EXPERIMENT, loss)
    trainer = made(prefer_step(preference, 1e38), tmp_path, rows=6, plus=m_plus)
    with pytest.raises(TrainingRefused, match=rf"{loss}: the training has diverged: .*lower {loss}\.learning_rate=1e"):
        trainer.run(None)


def drop_hidden_states(trainer: Any) -> None:
    """Dropout that no configuration names, in the last norm of the base."""
    norm = next(module for name, module in trainer.model.named_modules() if name.endswith("model.norm"))
    norm.register_forward_hook(lambda module, _, output: torch.nn.functional.dropout(output, 0.1, module.training))


@pytest.mark.parametrize("sft_weight", [0.0, 0.5])
def test_a_first_dpo_loss_that_is_not_ln_2_is_refused(sft_weight: float, m_plus: Path, tmp_path: Path) -> None:
    assert EXPERIMENT.dpo is not None
    trained = prefer_step(EXPERIMENT.dpo.model_copy(update={"sft_weight": sft_weight}), 1e-4)
    made(trained, tmp_path / "equal", rows=6, plus=m_plus).run(None)
    trainer = made(trained, tmp_path / "noisy", rows=6, plus=m_plus)
    drop_hidden_states(trainer)
    with pytest.raises(TrainingRefused, match=r"dpo: DPO's first loss is \d\.\d+ and must be ln 2 = 0\.69315 within 0"):
        trainer.run(None)


@pytest.mark.parametrize(("lora", "what"), [(SFT.lora, "adapter tensors"), (None, r"\d+ of \d+ tensors")])
def test_one_step_that_no_loss_has_seen_is_refused_at_the_model(lora: LoRA | None, what: str, tmp_path: Path) -> None:
    trained = sft_step(1e38, "weak_ft_1", lora)
    trainer = made(trained, tmp_path, rows=2)
    trainer.run(None)
    assert all(torch.isfinite(torch.tensor(loss.loss)) for loss in trainer.losses)
    with pytest.raises(TrainingRefused, match=rf"{what} .* in 16 bits: lower sft\.learning_rate=1e\+38"):
        write(trainer, trained, tmp_path)


@pytest.mark.parametrize("stage", [0, 3])
def test_a_gradient_that_is_not_finite_is_refused(stage: int, tmp_path: Path) -> None:
    """DeepSpeed discards the step in bfloat16 and trains on, with a finite loss."""
    trainer = made(sft_step(1e-3), tmp_path, rows=8, stage=stage, dtype="bfloat16")
    parameter = next(p for _, p in trainer.model.named_parameters() if p.requires_grad)
    parameter.register_hook(lambda gradient: gradient * float("nan"))
    with pytest.raises(TrainingRefused, match="the gradient of optimizer step 1 of 4 is not finite"):
        trainer.run(None)


def test_a_state_that_is_not_finite_is_not_saved(tmp_path: Path) -> None:
    trainer = made(sft_step(1e-3), tmp_path, rows=4)
    saved = list[Any]()
    trainer.put = saved.append
    trainer.run(None)
    trainer._save_checkpoint(trainer.model, None)
    assert len(saved) == 1
    masters = trainer.model_wrapped.basic_optimizer.state
    next(iter(masters.values()))["exp_avg_sq"].view(-1)[0] = float("inf")
    with pytest.raises(TrainingRefused, match="the state after optimizer step 2 is not finite: lower weak_sft"):
        trainer._save_checkpoint(trainer.model, None)
    assert len(saved) == 1


def test_a_base_without_finite_losses_is_not_blamed_on_the_learning_rate(tmp_path: Path) -> None:
    trainer = made(sft_step(1e-3), tmp_path, rows=4)
    next(p for _, p in trainer.model.named_parameters() if not p.requires_grad).data.fill_(float("nan"))
    with pytest.raises(TrainingRefused, match=r"nothing was trained yet: .*train_dtype=float32") as refused:
        trainer.run(None)
    assert "learning_rate" not in str(refused.value)
