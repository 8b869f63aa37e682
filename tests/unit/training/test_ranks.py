"""ZeRO-3 over two and three ranks against one process: SFT, DPO and ORPO in bfloat16 with gradient checkpointing.

No Ray: ranks are processes of this machine on gloo. tests/ray/training has float32, kills and resumed trainings.
"""

import json
import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ray_jobs.resources.presets import load_resources
from tests.conftest import ROOT
from tests.unit.training.ranks import MODEL, NAMES, STEPS

pytestmark = pytest.mark.slow
DTYPE = "train_dtype=bfloat16,gradient_checkpointing=True"
WORLDS = {world: f"local,workers={world},micro_batch=1,zero_stage=3,{DTYPE}" for world in (1, 2, 3)}
"""Equal micro batches, so that padding and the order of sums within one are equal too."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, Any]]:
    return in_worlds(WORLDS, 2e-4, tmp_path_factory.mktemp("ranks"))


def in_worlds(
    worlds: dict[int, str], rate: float, folder: Path, names: Sequence[str] = NAMES
) -> dict[int, dict[str, Any]]:
    """Losses at a learning rate, and norms of what was trained, by the key of a world, which has resources, and
    method."""
    adapter(folder / "m_plus")
    command = [sys.executable, "-m", "tests.unit.training.ranks", str(folder), str(rate), ",".join(names)]
    command += [f"{key}:{resources}" for key, resources in worlds.items()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-6000:]
    return {key: json.loads((folder / str(key) / "trained.json").read_text()) for key in worlds}


def adapter(folder: Path) -> None:
    """A random adapter, with which preference training starts."""
    import torch
    from peft import LoraConfig, get_peft_model

    from ray_jobs.models.folders import base_folder
    from ray_jobs.training.base import load_base
    from w2s.experiments.quickstart import quickstart

    torch.manual_seed(0)
    lora = quickstart().sft.lora
    assert lora is not None
    config = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=list(lora.targets), init_lora_weights=False)
    get_peft_model(load_base(load_resources("local"), base_folder(MODEL)), config).save_pretrained(str(folder))


@pytest.mark.parametrize("world", [2, 3])
@pytest.mark.parametrize("method", NAMES)
def test_sharded_ranks_train_what_one_process_trains(method: str, world: int, trained: dict[int, Any]) -> None:
    """Also three, by which no gradient in bfloat16 is divided exactly."""
    one, more = trained[1][method], trained[world][method]
    print(method, world, *(f"{a - b:.1e}" for a, b in zip(one["losses"], more["losses"], strict=True)))
    assert len(one["losses"]) == len(more["losses"]) == STEPS  # a rank alone with the resources of two would take 6
    assert one["losses"] == pytest.approx(more["losses"], abs=1e-4)
    assert math.isclose(one["norm"], more["norm"], rel_tol=1e-4), (one, more)
    assert len(set(one["losses"])) == STEPS, "it trains"
    if method.endswith("dpo"):
        assert math.isclose(more["losses"][0], math.log(2), abs_tol=1e-4)
