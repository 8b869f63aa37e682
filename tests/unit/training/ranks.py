"""Ranks of small trainings without Ray: `python -m tests.unit.training.ranks FOLDER RATE NAMES KEY:RESOURCES ...`.

The ranks of all worlds are forks of one process, which has imported their libraries. Rank 0 of a world writes losses
and the norm of what was trained, by each of the trainings NAMES, to FOLDER/KEY/trained.json.
"""

import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from ray_jobs.models.folders import base_folder
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from ray_jobs.resources.presets import load_resources
from ray_jobs.resources.resources import Resources
from ray_jobs.runtime.imports import importing
from ray_jobs.training.worker import start_deepspeed
from tests.s3.servers import free_port
from tests.unit.training.conftest import dataset
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import FineTune, Prefer
from w2s.records import PreferencePair, SFTExample

EXPERIMENT = quickstart()
MODEL, BATCH, STEPS = EXPERIMENT.strong, 6, 3
ADAPTERS = ("sft", "dpo", "orpo")
NAMES = (*ADAPTERS, *(f"full {name}" for name in ADAPTERS))
"""Trainings of an adapter, and of all weights."""
QUESTION = "Leo has 12 pens. Leo buys 7 more. How many pens does Leo have?"


def trainer(name: str, rate: float, base: Any, tokens: Tokens, folder: Path, plus: Path) -> Any:
    """SFT of an adapter, DPO and ORPO of that at `plus`, or all three of the base's own weights."""
    from transformers import set_seed

    from ray_jobs.training.rows.encode import pair_rows, sft_rows
    from ray_jobs.training.trainers import preference_trainer, sft_trainer

    set_seed(EXPERIMENT.sft.seed)
    whole = {"lora": None} if name.startswith("full") else {}
    if name.endswith("sft"):
        changes = {"batch_size": BATCH, "epochs": 1.0, "learning_rate": rate, "warmup_ratio": 0.0} | whole
        sft = EXPERIMENT.sft.model_copy(update=changes)
        examples = [SFTExample(str(i), QUESTION, f" {i}.\n#### {i}", "weak") for i in range(10, 10 + BATCH * STEPS)]
        rows = dataset(sft_rows(examples, tokens))
        return sft_trainer(FineTune(model=MODEL, sft=sft), base.resources, rows, tokens.tokenizer, base, folder)
    assert EXPERIMENT.dpo is not None
    given = EXPERIMENT.orpo if name.endswith("orpo") else EXPERIMENT.dpo
    assert given is not None
    # Three of four batches, of which the second repeats a pair.
    changes = {"batch_size": BATCH, "epochs": 1.5, "learning_rate": rate, "warmup_ratio": 0.0}
    preference = given.model_copy(update=changes)
    pairs = [
        PreferencePair(str(i), QUESTION, " 19", f" {i}", "weak", "19", str(i), 1.0) for i in range(20, 19 + 2 * BATCH)
    ]
    rows = pair_rows(pairs, tokens)
    recipe = Prefer(model=MODEL, preference=preference)
    adapter = None if whole else plus
    return preference_trainer(recipe, base.resources, dataset(rows), tokens.tokenizer, base, adapter, folder)


def rank(number: int, port: int, sizes: Resources, rate: float, names: Sequence[str], folder: Path) -> None:
    """Train them one after the other on one base, as a rank of the world of `sizes`."""
    import torch
    from deepspeed import zero
    from torch import distributed

    from ray_jobs.training.base import Base
    from ray_jobs.training.state import trained_parameters

    group = {"RANK": number, "LOCAL_RANK": number, "WORLD_SIZE": sizes.workers, "LOCAL_WORLD_SIZE": sizes.workers}
    group |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "GLOO_SOCKET_IFNAME": "lo"}
    os.environ.update({name: str(value) for name, value in group.items()})
    torch.set_num_threads(1)
    start_deepspeed(sizes)
    tokenizer = load_tokenizer(base_folder(MODEL))
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    base, tokens, trained = Base(MODEL, sizes), Tokens(tokenizer, MODEL.prompt), dict[str, Any]()
    for name in names:
        made = trainer(name, rate, base, tokens, folder / name, folder.parent / "m_plus")
        made.run(None)
        parameters = dict(trained_parameters(made.accelerator.unwrap_model(made.model)))
        with zero.GatheredParameters(list(parameters.values()), enabled=sizes.zero_stage == 3):
            norm = math.sqrt(sum(float(each.detach().float().square().sum()) for each in parameters.values()))
        trained[name] = {"losses": [loss.loss for loss in made.losses], "norm": norm}
        base.take_back(made)
    if number == 0:
        (folder / "trained.json").write_text(json.dumps(trained))
    distributed.barrier()  # a rank that is still in the group when another has left may abort at its end
    distributed.destroy_process_group()


def main(folder: Path, rate: float, names: Sequence[str], worlds: Mapping[str, str]) -> int:
    """Train in `worlds`, which has resources by key; 0, or 1 once a rank has failed, for which the others would
    wait."""
    os.environ["DS_ACCELERATOR"] = "cpu"  # DeepSpeed reads it at import
    with importing():  # the forks walk nothing of it in their collections
        import_module("deepspeed")
        import_module("peft")
        import_module("ray_jobs.training.preference")
    ranks: list[Any] = []
    for key, resources in worlds.items():
        (folder / key).mkdir()
        port, sizes = free_port(), load_resources(resources)
        numbered = ((number, port, sizes, rate, names, folder / key) for number in range(sizes.workers))
        ranks += [get_context("fork").Process(target=rank, args=each, daemon=True) for each in numbered]
    for each in ranks:
        each.start()
    by_sentinel = {each.sentinel: each for each in ranks}
    while by_sentinel:
        for ended in wait(by_sentinel):
            each = by_sentinel.pop(ended)
            each.join()
            if each.exitcode:
                return 1
    return 0


if __name__ == "__main__":
    _, where, rate, names, *worlds = sys.argv
    sys.exit(main(Path(where), float(rate), names.split(","), dict(world.split(":", 1) for world in worlds)))
