"""ZeRO-3 over two ranks against one process: SFT, DPO and ORPO in bfloat16 with gradient checkpointing.

No Ray: ranks are processes of this machine on gloo. tests/ray/training has float32, kills and other numbers of workers.
"""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ray_jobs.resources.presets import load_resources
from tests.conftest import ROOT
from tests.s3.servers import free_port
from tests.unit.training.ranks import MODEL, NAMES, STEPS

pytestmark = pytest.mark.slow
DTYPE = "train_dtype=bfloat16,gradient_checkpointing=True"
WORLDS = {world: f"local,workers={world},micro_batch=2,zero_stage=3,{DTYPE}" for world in (1, 2)}
"""Equal micro batches, so that padding and the order of sums within one are equal too."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, Any]]:
    return in_worlds(WORLDS, tmp_path_factory.mktemp("ranks"))


def in_worlds(worlds: dict[int, str], folder: Path) -> dict[int, dict[str, Any]]:
    """Losses, and norms of what was trained, by the key of a world, which has resources, and method."""
    adapter(folder / "m_plus")
    ranks: list[subprocess.Popen[str]] = []
    for key, resources in worlds.items():
        (folder / str(key)).mkdir()
        port, world = free_port(), load_resources(resources).workers
        for rank in range(world):
            group = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world, "LOCAL_WORLD_SIZE": world}
            group |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": 1, "GLOO_SOCKET_IFNAME": "lo"}
            command = [sys.executable, "-m", "tests.unit.training.ranks", resources, str(folder / str(key))]
            environment = os.environ | {name: str(value) for name, value in group.items()}
            log = (folder / f"{key}-{rank}.log").open("w")
            ranks.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, text=True))
    try:
        codes = [rank.wait(400) for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
    logs = "\n".join(path.read_text()[-1500:] for path in folder.glob("*.log"))
    assert codes == [0] * len(ranks), logs
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


@pytest.mark.parametrize("method", NAMES)
def test_two_sharded_ranks_train_what_one_process_trains(method: str, trained: dict[int, dict[str, Any]]) -> None:
    one, two = trained[1][method], trained[2][method]
    assert len(one["losses"]) == len(two["losses"]) == STEPS  # a rank alone with the resources of two would take 8
    assert all(math.isclose(a, b, abs_tol=1e-4) for a, b in zip(one["losses"], two["losses"], strict=True)), (one, two)
    assert math.isclose(one["norm"], two["norm"], rel_tol=1e-4), (one, two)
    assert len(set(one["losses"])) >= STEPS - 1, "it trains, from the second step on: the first has learning rate 0"
    if method.endswith("dpo"):
        assert math.isclose(two["losses"][0], math.log(2), abs_tol=1e-4)
