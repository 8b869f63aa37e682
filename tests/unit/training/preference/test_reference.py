"""DPO's reference, computed once before the first step, against TRL's, computed in every step; nothing of it stays."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ray_jobs.models.folders import base_folder
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from ray_jobs.resources.presets import load_resources
from ray_jobs.training.base import Base, load_base
from ray_jobs.training.checkpoint import Checkpoint
from ray_jobs.training.rows.encode import pair_rows
from ray_jobs.training.trainers import preference_trainer
from tests.unit.training.conftest import dataset
from tests.unit.training.test_ranks import adapter
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import Prefer
from w2s.records import PreferencePair

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_process")]
MODEL, DPO = quickstart().strong, quickstart().dpo
PAIRS = 6
"""In batches of 4: the last batch of each epoch repeats two pairs."""
QUESTION = "Leo has 12 pens. Leo buys 7 more. How many pens does Leo have?"


@pytest.fixture(scope="module")
def plus(one_process: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """M_plus's adapter, with random weights."""
    folder = tmp_path_factory.mktemp("m_plus")
    adapter(folder)
    return folder


def made(plus: Path | None, folder: Path, resources: str = "", **changes: Any) -> Any:
    """A DPO trainer of the adapter, or without one of all weights, and its base."""
    weights = changes.pop("weights", False)
    tokens = Tokens(load_tokenizer(base_folder(MODEL)), MODEL.prompt)
    tokens.tokenizer.pad_token = tokens.tokenizer.pad_token or tokens.tokenizer.eos_token
    pairs = [
        PreferencePair(str(i), QUESTION, " 19" * (1 + i % 3), f" {i} or {i}", "weak", "19", str(i), (1 + i) / PAIRS)
        for i in range(PAIRS)
    ]
    assert DPO is not None
    given: dict[str, Any] = {"batch_size": 4, "learning_rate": 1e-3, "epochs": 2.0, "sft_weight": 0.0}
    preference = DPO.model_copy(update=given | {"warmup_ratio": 0.0} | changes)
    sizes = load_resources(f"local,workers=1,micro_batch=2{resources}")
    base, rows = Base(MODEL, sizes), dataset(pair_rows(pairs, tokens, weights))
    trainer = preference_trainer(
        Prefer(model=MODEL, preference=preference), sizes, rows, tokens.tokenizer, base, plus, folder
    )
    trainer.args.logging_steps = 1
    trainer.weight_scale = PAIRS / sum((1 + i) / PAIRS for i in range(PAIRS)) if weights else 1.0
    return trainer, base


def losses(trainer: Any) -> list[float]:
    return [loss.loss for loss in trainer.losses]


def computed_in_every_step(patch: pytest.MonkeyPatch) -> None:
    """Leave the reference to TRL: a frozen copy of the adapter, or a second base."""
    from trl.models import prepare_deepspeed
    from trl.trainer.utils import add_fused_lm_head, disable_dropout_in_model

    from ray_jobs.training.preference import TokenDPO

    def keep(trainer: Any, order: Any) -> None:
        trainer.precompute_ref_logps, trainer.reference = False, torch.zeros(2, int(order.max()) + 1)
        parameters = dict(trainer.model.named_parameters())
        for name in [name for name in parameters if ".ref." in name]:  # TRL makes them in float32 under ZeRO-3 too
            parameters[name].data = parameters[name].data.to(parameters[name.replace(".ref.", ".default.")].dtype)
        if not hasattr(trainer.model, "peft_config"):
            dtype = "bfloat16" if trainer.args.bf16 else "float32"
            stage = trainer.args.deepspeed["zero_optimization"]["stage"]
            reference = load_base(load_resources(f"local,zero_stage={stage},train_dtype={dtype}"), base_folder(MODEL))
            disable_dropout_in_model(reference)
            add_fused_lm_head(reference)
            trainer.ref_model = prepare_deepspeed(reference, trainer.accelerator)

    patch.setattr(TokenDPO, "take_reference_from_start", keep)
    patch.setattr(TokenDPO, "before_first_step", lambda _: None)


SHARDED = ",zero_stage=3,gradient_checkpointing=True"
CASES: dict[str, tuple[bool, str, dict[str, Any]]] = {
    "adapter": (True, "", {}),
    "half an epoch": (True, "", {"epochs": 0.5}),
    "weighted": (True, "", {"weights": True}),
    "with SFT": (True, "", {"sft_weight": 0.5}),
    "ipo": (True, "", {"dpo_loss": "ipo"}),
    "robust": (True, "", {"dpo_loss": "robust", "label_smoothing": 0.2}),
    "all weights": (False, "", {"learning_rate": 1e-4}),
    "sharded": (True, SHARDED, {}),
    "sharded, all weights": (False, SHARDED, {"learning_rate": 1e-4}),
    "bfloat16, weighted": (True, ",train_dtype=bfloat16", {"weights": True}),
    "bfloat16, sharded": (True, f"{SHARDED},train_dtype=bfloat16", {}),
}


@pytest.mark.parametrize("case", CASES)
def test_losses_are_those_of_a_reference_in_every_step(case: str, plus: Path, tmp_path: Path) -> None:
    has_adapter, resources, changes = CASES[case]
    given = plus if has_adapter else None
    trainer, base = made(given, tmp_path / "once", resources, **changes)
    assert trainer.ref_model is None and not any(".ref." in name for name, _ in trainer.model.named_parameters())
    trainer.run(None)
    once = losses(trainer)
    base.take_back(trainer)
    with pytest.MonkeyPatch.context() as patch:
        computed_in_every_step(patch)
        other, _ = made(given, tmp_path / "every", resources, **changes)
        assert other.ref_model or any(".ref." in name for name, _ in other.model.named_parameters())
        other.run(None)
    every = losses(other)
    print(f"{case}: {once} {every}")
    assert len(once) == (1 if "half" in case else 4) and len(set(once)) == len(once), "it trains"
    assert once[0] == every[0], "computed from the same micro batch"
    assert once == pytest.approx(every, abs=1e-5)
    if not changes.keys() & {"sft_weight", "dpo_loss", "weights"}:
        assert math.isclose(once[0], math.log(2), abs_tol=1e-6)


def test_a_resumed_training_has_m_plus_as_its_reference(plus: Path, tmp_path: Path) -> None:
    saved = dict[int, Checkpoint]()

    def run(name: str, checkpoint: Checkpoint | None) -> tuple[list[float], list[float]]:
        trainer, _ = made(plus, tmp_path / name)
        trainer.put = lambda saving: saved.__setitem__(saving.step, saving)
        save_at(trainer, 2)
        trainer.run(checkpoint)
        return losses(trainer), trainer.reference.flatten().tolist()

    straight, reference = run("straight", None)
    resumed, again = run("resumed", saved[2])
    assert again == reference and len(reference) == 2 * PAIRS
    assert resumed == pytest.approx(straight, abs=1e-6) and len(resumed) == 4
    assert max(straight[2:]) < math.log(2) - 1e-3, "a reference that had moved would begin at ln 2 again"


def save_at(trainer: Any, step: int) -> None:
    """Save a checkpoint after an optimizer step."""
    from transformers import TrainerCallback

    class Save(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            control.should_save = state.global_step == step

    trainer.add_callback(Save())


@pytest.mark.parametrize("loss", ["dpo", "orpo"])
def test_the_base_comes_back_without_adapter_and_fused_head(loss: str, plus: Path, tmp_path: Path) -> None:
    trainer, base = made(plus, tmp_path, epochs=0.4) if loss == "dpo" else made(plus, tmp_path, epochs=0.4, loss=loss)
    lent = base._model
    assert "forward" in vars(lent), "TRL's head is where it was"
    trainer.run(None)
    base.take_back(trainer)
    assert base.lend() is lent and "forward" not in vars(lent) and not hasattr(lent, "peft_config")
    assert not any("lora" in name for name, _ in lent.named_parameters())


def test_the_pass_takes_each_pair_once_and_leaves_no_graph(plus: Path, tmp_path: Path) -> None:
    trainer, _ = made(plus, tmp_path, epochs=3.0)
    forward: Callable[..., Any] = trainer.model.forward
    rows = list[int]()

    def counted(*given: Any, **named: Any) -> Any:
        found = forward(*given, **named)
        assert not found.log_probs.requires_grad
        rows.append(len(named["input_ids"]))
        return found

    trainer.model.forward = counted
    trainer.before_first_step()
    assert sum(rows) == 2 * PAIRS, "both sides of each pair, not of three epochs with their padding"


def test_zero_3_records_the_order_of_its_fetches_once(
    plus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another forward pass in a step breaks the recorded order, without which nothing is fetched ahead."""
    from deepspeed.runtime.zero.partitioned_param_coordinator import PartitionedParameterCoordinator

    broken = list[None]()
    invalidate = PartitionedParameterCoordinator._invalidate_trace

    def counted(coordinator: Any) -> None:
        broken.append(None)
        invalidate(coordinator)

    monkeypatch.setattr(PartitionedParameterCoordinator, "_invalidate_trace", counted)
    trainer, _ = made(plus, tmp_path / "once", ",zero_stage=3")
    trainer.run(None)
    assert len(broken) == 1, "by the first backward pass, because the reference needs none"
    broken.clear()
    with pytest.MonkeyPatch.context() as patch:
        computed_in_every_step(patch)
        other, _ = made(plus, tmp_path / "every", ",zero_stage=3")
        other.run(None)
    assert len(broken) >= 4, "in most steps"
