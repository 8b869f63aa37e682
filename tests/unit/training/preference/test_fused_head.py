"""ORPO through TRL's fused head is ORPO of the model's own logits, loss and gradient, and never holds all logits."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ray_jobs.cost.memory import HEAD_TILE
from ray_jobs.models.folders import base_folder
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.resources.presets import load_resources
from ray_jobs.training.base import Base
from ray_jobs.training.trainers import preference_trainer
from tests.unit.training.architectures import saved
from tests.unit.training.conftest import dataset
from tests.unit.training.test_architectures import ids, with_adapter
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import Prefer

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_process")]
EXPERIMENT = quickstart()
ONE = load_resources("local,workers=1,zero_stage=0,micro_batch=2")
LENGTHS = [(20, 12, 5), (7, 30, 9)]
"""Tokens of prompt, chosen and rejected completion of each pair; the batch pads them to one length."""
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("llama", {}),
    "tied": ("llama", {"tie_word_embeddings": True}),
    "soft cap": ("gemma2", {}),  # and tied
    "scaled": ("cohere", {}),
    "divided": ("granite", {}),
    "with bias": ("phi", {}),
    "experts": ("mixtral", {}),
    "within a vision model": ("gemma3", {}),
    "wide vocabulary": ("llama", {"vocab_size": HEAD_TILE[1] + 100}),
}


def made(model_type: str, changes: dict[str, Any], folder: Path, adapted: bool = True, weighted: bool = True) -> Any:
    """An ORPO trainer of two pairs, of an adapter or of all weights."""
    base = Base(EXPERIMENT.strong, ONE)
    base.folder = saved(model_type, folder / "base", changes)
    if adapted:
        with_adapter(model_type, base.folder, folder / "adapter")
    rows = [
        {"prompt_ids": ids(p, 10 + n), "chosen_ids": ids(c, 20 + n), "rejected_ids": ids(r, 30 + n)}
        | ({"weight": 0.5 + n} if weighted else {})
        for n, (p, c, r) in enumerate(LENGTHS)
    ]
    assert EXPERIMENT.orpo is not None
    preference = EXPERIMENT.orpo.model_copy(update={"batch_size": 2, "epochs": 1.0})
    tokenizer = load_tokenizer(base_folder(EXPERIMENT.strong))
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    recipe = Prefer(model=EXPERIMENT.strong, preference=preference)
    plus = folder / "adapter" if adapted else None
    return preference_trainer(recipe, ONE, dataset(rows), tokenizer, base, plus, folder / "out")


def loss_of_logits(model: Any, batch: Any, beta: float) -> torch.Tensor:
    """ORPO's loss, from the model's own logits of each row alone."""
    means = list[torch.Tensor]()
    for row, (tokens, mask) in enumerate(zip(batch["input_ids"], batch["completion_mask"], strict=True)):
        length = int(batch["attention_mask"][row].sum())
        logps = model(tokens[None, :length]).logits[0, :-1].float().log_softmax(-1)
        learned = mask[1:length].bool()
        means.append(logps.gather(1, tokens[1:length, None])[:, 0][learned].mean())
    chosen, rejected = torch.stack(means).chunk(2)
    odds = chosen - rejected - torch.log1p(-chosen.exp()) + torch.log1p(-rejected.exp())
    losses = -chosen - beta * torch.nn.functional.logsigmoid(odds)
    return (losses * torch.tensor(batch.get("weight", [1.0] * len(chosen)))).mean()


def gradients(trainer: Any, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    trained = {name: weight for name, weight in trainer.model.named_parameters() if weight.requires_grad}
    return dict(zip(trained, torch.autograd.grad(loss, list(trained.values()), allow_unused=True), strict=True))


CASES = [*((kind, True, adapted) for kind in MODELS for adapted in (True, False)), ("plain", False, True)]


@pytest.mark.parametrize(("kind", "weighted", "adapted"), CASES)
def test_loss_and_gradient_are_those_of_the_logits(kind: str, weighted: bool, adapted: bool, tmp_path: Path) -> None:
    trainer = made(*MODELS[kind], tmp_path, adapted, weighted)
    (batch,) = trainer.get_train_dataloader()
    trainer.model.train()
    found, metrics = trainer.get_batch_loss_metrics(trainer.model, batch)
    expected = loss_of_logits(trainer.model, batch, trainer.beta)
    print(f"{kind}: {found.item():.7f} {expected.item():.7f}")
    assert found.item() == pytest.approx(expected.item(), rel=2e-6)
    assert math.isfinite(metrics["logits/chosen"])
    ours, theirs = gradients(trainer, found), gradients(trainer, expected)
    assert ours.keys() == theirs.keys() and ours
    for name, gradient in theirs.items():
        if gradient is None:
            assert ours[name] is None, name
            continue
        apart = float((ours[name] - gradient).norm())
        assert apart <= 2e-5 * float(gradient.norm()) + 1e-7, f"{name} is {apart} apart of {float(gradient.norm())}"


class Largest(TorchDispatchMode):
    """Elements of the largest tensor that an operation returned."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for each in out if isinstance(out, tuple | list) else (out,):
            if isinstance(each, torch.Tensor):
                self.elements = max(self.elements, each.numel())
        return out


@pytest.mark.parametrize("adapted", [True, False], ids=["adapter", "all weights"])
def test_no_tensor_holds_the_logits_of_the_whole_vocabulary(adapted: bool, tmp_path: Path) -> None:
    vocabulary = 4 * HEAD_TILE[1]
    trainer = made("llama", {"vocab_size": vocabulary, "hidden_size": 8, "num_hidden_layers": 1}, tmp_path, adapted)
    (batch,) = trainer.get_train_dataloader()
    positions = batch["input_ids"].numel()
    trainer.model.train()
    with Largest() as largest:
        trainer.compute_loss(trainer.model, batch).backward()
    print(f"{largest.elements:,} of {positions * vocabulary:,} logits")
    assert largest.elements <= max(positions * HEAD_TILE[1], vocabulary * 8)
    with Largest() as whole:
        trainer.model(batch["input_ids"])
    assert whole.elements == positions * vocabulary


def test_the_tile_is_trls() -> None:
    from trl.kernels.chunked_logprob import TOKEN_CHUNK_SIZE
    from trl.trainer.utils import _CHUNKED_LOGPROB_CHUNK_SIZE

    assert (TOKEN_CHUNK_SIZE, _CHUNKED_LOGPROB_CHUNK_SIZE) == HEAD_TILE
