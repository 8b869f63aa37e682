"""QLoRA: adapters trained beside a base in 4 bits, with bitsandbytes' own kernels on CPU, against one in 16 bits."""

import importlib.util
import math
from pathlib import Path
from typing import Any

import pytest

from ray_jobs.cost.memory import base_bytes
from ray_jobs.cost.shape import Shape
from ray_jobs.models.folders import base_folder
from ray_jobs.resources.presets import load_resources
from ray_jobs.training.base import load_base
from tests.unit.training.ranks import ADAPTERS, MODEL
from tests.unit.training.test_ranks import DTYPE, in_worlds
from tests.unit.training.test_train_state import SAVED_AT, STEPS, learning_rates, made, trained

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes, the extra `qlora`, is not installed"
    ),
]
WORLDS = {16: f"local,micro_batch=3,{DTYPE}"} | {
    world: f"local,workers={world},micro_batch=3,{DTYPE},quantize_base=true" for world in (1, 2)
}
"""A base in 16 bits, and one in 4 on one rank and on two."""
APART = 0.06
"""Largest difference of an SFT loss to that beside a base in 16 bits, relative to it; 0.030 was seen."""


def test_the_linear_layers_alone_are_in_4_bits_and_take_the_bytes_of_the_plan() -> None:
    import torch
    from bitsandbytes.nn import Linear4bit
    from transformers import AutoConfig

    folder = base_folder(MODEL)
    exact, rounded = load_resources(WORLDS[16]), load_resources(WORLDS[1])
    model, whole = load_base(rounded, folder), load_base(exact, folder)
    shape = Shape.of(AutoConfig.from_pretrained(folder), "tiny")
    packed = [module for module in model.modules() if isinstance(module, Linear4bit)]
    assert len(packed) == 7 * shape.layers and model.get_output_embeddings() not in packed
    assert {module.weight.quant_state.quant_type for module in packed} == {"nf4"}
    assert {parameter.dtype for parameter in model.parameters()} == {torch.uint8, torch.bfloat16}
    states = [module.weight.quant_state for module in packed]
    constants = sum(state.absmax.nbytes + state.state2.absmax.nbytes for state in states)
    taken = sum(tensor.nbytes for tensor in model.parameters()) + constants
    assert taken == pytest.approx(base_bytes(shape, rounded), rel=0.01)
    assert sum(tensor.nbytes for tensor in whole.parameters()) == pytest.approx(base_bytes(shape, exact), rel=0.01)
    ids = torch.arange(40)[None]
    with torch.no_grad():
        there, here = (one(ids).logits.float().log_softmax(-1) for one in (whole, model))
    apart = float((there.exp() * (there - here)).sum(-1).mean())
    print(f"{taken / base_bytes(shape, exact):.2f} of the bytes, {apart:.4f} nats a token apart")
    assert 0 < apart < 0.1, "the rounded base is another model"


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, Any]]:
    return in_worlds(WORLDS, 1e-3, tmp_path_factory.mktemp("quantized"), ADAPTERS)


@pytest.mark.parametrize("method", ["sft", "dpo", "orpo"])
def test_an_adapter_learns_what_it_learns_beside_16_bits(method: str, worlds: dict[int, dict[str, Any]]) -> None:
    """One after another on one base, on one rank and on two. DPO and ORPO start from a random adapter, beside which
    rounding sends the later steps elsewhere."""
    exact, one, two = (worlds[key][method]["losses"] for key in (16, 1, 2))
    print(method, exact, one, two)
    assert two == pytest.approx(one, abs=1e-4)
    assert one != exact and min(one) < one[0] - 0.1, "it does not learn"
    if method == "sft":
        assert one == pytest.approx(exact, rel=APART)
    if method == "dpo":
        assert math.isclose(one[0], math.log(2), abs_tol=1e-6), "its reference is not M_plus"


@pytest.mark.usefixtures("one_process")
def test_a_training_resumes_from_its_checkpoint(tmp_path: Path) -> None:
    import torch

    straight, _ = trained(made(0, "bfloat16", tmp_path / "a", more=",quantize_base=true"), None)
    resumed, at_start = trained(made(0, "bfloat16", tmp_path / "b", more=",quantize_base=true"), straight[SAVED_AT])
    before = straight[SAVED_AT].tensors
    assert all(torch.equal(at_start[key], value) for key, value in before.items())
    assert learning_rates(resumed[STEPS]) == learning_rates(straight[STEPS])
    ends = [resumed[STEPS].tensors, straight[STEPS].tensors]
    assert all(torch.equal(ends[0][key], value) for key, value in ends[1].items())
