"""Training state in one process: tensors gathered under one ZeRO stage and dtype are restored exactly under another."""

from pathlib import Path
from typing import Any

import pytest

from ray_jobs.models.folders import base_folder
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from ray_jobs.resources.presets import load_resources
from ray_jobs.resources.resources import Resources
from ray_jobs.training import trainers
from ray_jobs.training.base import Base
from ray_jobs.training.checkpoint import Checkpoint
from ray_jobs.training.rows.encode import sft_rows
from ray_jobs.training.trainers import sft_trainer
from tests.unit.training.conftest import dataset
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import FineTune
from w2s.recipe import LoRA
from w2s.records import SFTExample

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_process")]
MODEL = quickstart().strong
SFT = quickstart().sft.model_copy(
    update={"batch_size": 2, "epochs": 1.0, "learning_rate": 1e-3, "warmup_ratio": 0.2, "weight_decay": 0.1}
)
LAYOUTS = [(0, "float32"), (3, "float32"), (3, "bfloat16"), (0, "bfloat16")]
"""ZeRO stage and dtype; each test resumes the next layout's training from this one's checkpoint."""
SAVED_AT, STEPS = 3, 6
FACTORS = (0.0, 0.5, 1.0, 0.75, 0.5, 0.25)
"""Learning rate of each step relative to the recipe's: a warmup of 0.2 x 6 steps, rounded up, then linear decay."""


def made(stage: int, dtype: str, folder: Path, lora: LoRA | None = SFT.lora, more: str = "") -> Any:
    from transformers import set_seed

    tokenizer = load_tokenizer(base_folder(MODEL))
    tokens = Tokens(tokenizer, MODEL.prompt)
    examples = [
        SFTExample(str(i), f"Leo has {i} pens and buys 7. How many?", f" {i + 7}.\n#### {i + 7}", "weak")
        for i in range(12)
    ]
    rows = sft_rows(examples, tokens)
    set_seed(0)
    resources = load_resources(f"local,workers=1,micro_batch=1,zero_stage={stage},train_dtype={dtype}{more}")
    return sft_trainer(
        FineTune(model=MODEL, sft=SFT.model_copy(update={"lora": lora})),
        resources,
        dataset(rows),
        tokenizer,
        Base(MODEL, resources),
        folder,
    )


def trained(trainer: Any, checkpoint: Checkpoint | None) -> tuple[dict[int, Checkpoint], dict[str, Any]]:
    """Train to the end; returns the checkpoints of steps `SAVED_AT` and `STEPS`, and the restored state if resumed."""
    from transformers import TrainerCallback

    from ray_jobs.training import state as train_state

    saved: dict[int, Checkpoint] = {}
    at_start: dict[str, Any] = {}

    class Watch(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if checkpoint is not None:
                at_start.update(
                    train_state.gather(trainer.model_wrapped, trainer.accelerator.unwrap_model(trainer.model))
                )
                at_start["optimizer_step"] = train_state.optimizer_step(trainer.model_wrapped)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            control.should_save = state.global_step in (SAVED_AT, STEPS)

    trainer.add_callback(Watch())
    trainer.put = lambda saving: saved.__setitem__(saving.step, saving)
    trainer.run(checkpoint)
    return saved, at_start


def learning_rates(checkpoint: Checkpoint) -> list[float]:
    """The logged learning rate of each optimizer step; fails if a step has no entry."""
    history = checkpoint.notes.trainer["log_history"]
    assert [entry["step"] for entry in history] == [*range(1, checkpoint.step + 1)]
    return [entry["learning_rate"] for entry in history]


CASES = [*((number, SFT.lora) for number in range(4)), (0, None), (2, None)]
"""The number of a layout, and the adapter; None trains all weights."""


@pytest.mark.parametrize(("number", "lora"), CASES)
def test_a_layout_resumes_the_checkpoint_of_another(number: int, lora: LoRA | None, tmp_path: Path) -> None:
    import torch

    layout, other = LAYOUTS[number], LAYOUTS[(number + 1) % len(LAYOUTS)]
    straight, _ = trained(made(*layout, tmp_path / "a", lora), None)
    resumed, at_start = trained(made(*other, tmp_path / "b", lora), straight[SAVED_AT])
    before = straight[SAVED_AT]
    assert at_start.pop("optimizer_step") == before.notes.optimizer_step == SAVED_AT, "DeepSpeed's own step counts"
    assert at_start.keys() == before.tensors.keys() and len(at_start) % 3 == 0
    assert all(torch.equal(at_start[key], value) for key, value in before.tensors.items()), (
        "restored tensors differ from saved ones"
    )
    assert any(value.abs().max() > 0 for key, value in before.tensors.items() if key.startswith("exp_avg."))
    assert set(resumed) == {STEPS} and resumed[STEPS].notes.scheduler["last_epoch"] == STEPS
    for rates in (learning_rates(straight[STEPS]), learning_rates(resumed[STEPS])):
        assert rates == pytest.approx([SFT.learning_rate * factor for factor in FACTORS]), "the schedule"
    weights = [key for key in before.tensors if key.startswith("weight.")]
    moved = sum(float((straight[STEPS].tensors[key] - before.tensors[key]).norm()) for key in weights)
    apart = sum(float((straight[STEPS].tensors[key] - resumed[STEPS].tensors[key]).norm()) for key in weights)
    print(f"{layout} -> {other}: apart by {apart / moved:.1e} of the way")
    assert apart < (1e-3 if layout[1] == other[1] == "float32" else 0.3) * moved


def test_a_resumed_training_logs_the_means_of_an_uninterrupted_one(tmp_path: Path) -> None:
    """Losses are logged at steps 1 and 4, and the checkpoint is of step 3: the mean at 4 has steps of both runs."""

    def losses(name: str, checkpoint: Checkpoint | None) -> tuple[dict[int, float], dict[int, Checkpoint]]:
        trainer = made(0, "float32", tmp_path / name)
        trainer.args.logging_steps = 4
        saved, _ = trained(trainer, checkpoint)
        return {entry["step"]: entry["loss"] for entry in saved[STEPS].notes.trainer["log_history"]}, saved

    straight, saved = losses("straight", None)
    resumed, _ = losses("resumed", saved[SAVED_AT])
    print(f"straight {straight}, resumed {resumed}")
    assert straight.keys() == {1, 4} and resumed == pytest.approx(straight, abs=1e-6)


def test_gradients_of_micro_batches_are_added_up_in_float32_without_zero(tmp_path: Path) -> None:
    """tests/unit/training/test_ranks.py has ZeRO-3, whose gradients no parameter holds."""
    import torch
    from transformers import TrainerCallback

    added_up = set[tuple[torch.dtype, torch.dtype]]()

    class Watch(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
            for parameter in filter(lambda one: one.requires_grad, model.parameters()):
                parameter.register_post_accumulate_grad_hook(lambda one: added_up.add((one.dtype, one.grad.dtype)))

    trainer = made(0, "bfloat16", tmp_path)
    trainer.add_callback(Watch())
    trainer.run(None)
    assert added_up == {(torch.bfloat16, torch.float32)}


def test_deepspeed_does_not_add_up_in_float32_without_zero(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it does, `add_up_in_float32` needs no part for it."""
    ours = trainers.deepspeed_config

    def in_float32(resources: Resources) -> dict[str, Any]:
        return ours(resources) | {"data_types": {"grad_accum_dtype": "fp32"}}

    monkeypatch.setattr(trainers, "deepspeed_config", in_float32)
    with pytest.raises(NotImplementedError, match="unsupported mix"):
        made(0, "bfloat16", tmp_path).run(None)
