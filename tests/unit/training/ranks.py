"""One rank of a small training without Ray: `python -m tests.unit.training.ranks RESOURCES FOLDER`.

The process group is in its environment. Rank 0 writes losses and the norm of what was trained, an adapter and all
weights by SFT, DPO and ORPO, to FOLDER/trained.json. Of a base in 4 bits no weights are trained.
"""

import json
import math
import os
import sys
from pathlib import Path
from typing import Any

from ray_jobs.models.folders import base_folder
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from ray_jobs.resources.presets import load_resources
from ray_jobs.training.worker import start_deepspeed
from tests.unit.training.conftest import dataset
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import FineTune, Prefer
from w2s.records import PreferencePair, SFTExample

EXPERIMENT = quickstart()
MODEL, BATCH, STEPS = EXPERIMENT.strong, 4, 4
NAMES = ("sft", "full sft", "dpo", "full dpo", "orpo", "full orpo")
QUESTION = "Leo has 12 pens. Leo buys 7 more. How many pens does Leo have?"


def trainer(name: str, base: Any, tokens: Tokens, folder: Path, plus: Path) -> Any:
    """SFT of an adapter, DPO and ORPO of that at `plus`, or all three of the base's own weights."""
    from transformers import set_seed

    from ray_jobs.training.rows.encode import pair_rows, sft_rows
    from ray_jobs.training.trainers import preference_trainer, sft_trainer

    set_seed(EXPERIMENT.sft.seed)
    whole = {"lora": None} if name.startswith("full") else {}
    if name.endswith("sft"):
        sft = EXPERIMENT.sft.model_copy(update={"batch_size": BATCH, "epochs": 1.0, "learning_rate": 2e-3} | whole)
        examples = [SFTExample(str(i), QUESTION, f" {i}.\n#### {i}", "weak") for i in range(10, 10 + BATCH * STEPS)]
        rows = dataset(sft_rows(examples, tokens))
        return sft_trainer(FineTune(model=MODEL, sft=sft), base.resources, rows, tokens.tokenizer, base, folder)
    assert EXPERIMENT.dpo is not None
    given = EXPERIMENT.orpo if name.endswith("orpo") else EXPERIMENT.dpo
    assert given is not None
    # Two epochs of two batches, of which the last repeats a pair.
    preference = given.model_copy(update={"batch_size": BATCH, "learning_rate": 1e-3, "epochs": 2.0})
    pairs = [PreferencePair(str(i), QUESTION, " 19", f" {i}", "weak", "19", str(i), 1.0) for i in range(20, 27)]
    rows = pair_rows(pairs, tokens)
    recipe = Prefer(model=MODEL, preference=preference)
    adapter = None if whole else plus
    return preference_trainer(recipe, base.resources, dataset(rows), tokens.tokenizer, base, adapter, folder)


def main(resources: str, folder: Path) -> None:
    """Train them one after the other on one base."""
    from deepspeed import zero
    from torch import distributed

    from ray_jobs.training.base import Base
    from ray_jobs.training.state import trained_parameters

    sizes = load_resources(resources)
    start_deepspeed(sizes)
    tokenizer = load_tokenizer(base_folder(MODEL))
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    base, tokens, trained = Base(MODEL, sizes), Tokens(tokenizer, MODEL.prompt), dict[str, Any]()
    for name in NAMES:
        if sizes.quantize_base and name.startswith("full"):
            continue
        made = trainer(name, base, tokens, folder / name, folder.parent / "m_plus")
        made.run(None)
        parameters = dict(trained_parameters(made.accelerator.unwrap_model(made.model)))
        with zero.GatheredParameters(list(parameters.values()), enabled=sizes.zero_stage == 3):
            norm = math.sqrt(sum(float(each.detach().float().square().sum()) for each in parameters.values()))
        trained[name] = {"losses": [loss.loss for loss in made.losses], "norm": norm}
        base.take_back(made)
    if os.environ["RANK"] == "0":
        (folder / "trained.json").write_text(json.dumps(trained))
    distributed.barrier()  # a rank that is still in the group when another has left may abort at its end
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
