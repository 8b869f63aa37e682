"""From rows in a store to the first optimizer step: seconds and memory, by number of rows.

python -m tests.benchmarks.training_rows [ROWS ...]

The driver tokenizes the rows by Ray tasks on this machine's cores; a process of its own then maps them and trains one
step of the quickstart's strong base, as a worker does. A worker's memory should not grow with the rows.
"""

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil
from pydantic import TypeAdapter

from w2s.data.worlds import small
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import FineTune, Sample
from w2s.graph.step import step
from w2s.recipe import Sampling, WorldProblems
from w2s.records import SFTExample
from w2s.store.attempt import Attempt
from w2s.store.store import Store

EXPERIMENT = quickstart()
MADE = step(
    "made", Sample(model=EXPERIMENT.strong, sampling=Sampling()), problems=step("p", WorldProblems())["train_1"]
)
TRAINED = step("sft", FineTune(model=EXPERIMENT.strong, sft=EXPERIMENT.sft), examples=MADE["completions"])
DISTINCT = 5000


def write_examples(store: Store, rows: int) -> None:
    """`rows` examples; after the first 5,000 only the ids are new."""
    made = small.problems(0, "train_2", min(rows, DISTINCT))
    attempt = Attempt(store, MADE)
    examples = [
        SFTExample(f"{n:08d}", made[n % DISTINCT].question, f" {made[n % DISTINCT].solution}", "weak")
        for n in range(rows)
    ]
    attempt.write_records("completions", examples, SFTExample)
    attempt.commit({})


class Peak(threading.Thread):
    """The memory that this process uses and the most that it has used, in MiB, by samples."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.now = self.mib = 0.0
        self.start()

    def run(self) -> None:
        """Sample until the process ends."""
        while True:
            memory = psutil.Process().memory_info()
            self.now = (memory.rss - memory.shared) / 2**20  # mapped files are not the process's own
            self.mib = max(self.mib, self.now)
            time.sleep(0.1)


def driver(folder: Path, rows: int) -> None:
    """Write and tokenize the rows; leaves the files' description for `worker`."""
    from ray_jobs.runtime import local_ray
    from ray_jobs.training.rows.files import write_rows

    store = Store.at(str(folder / "store"))
    write_examples(store, rows)
    local_ray.start()
    peak, began = Peak(), time.perf_counter()
    files = write_rows(TRAINED, store)
    seconds = time.perf_counter() - began
    (folder / "files.json").write_bytes(TypeAdapter(type(files)).dump_json(files))
    print(
        f"{rows:,} rows: tokenized in {seconds:.1f} s, {rows / seconds:,.0f} a second, {len(files.files)} files, "
        f"driver {peak.mib:,.0f} MiB at most",
        flush=True,
    )


def worker(folder: Path, rows: int) -> None:
    """Map the rows and train one optimizer step."""
    from transformers import TrainerCallback

    from ray_jobs.models.tokenizers import load_tokenizer
    from ray_jobs.resources.presets import load_resources
    from ray_jobs.training.base import Base
    from ray_jobs.training.rows.counts import TokenFiles
    from ray_jobs.training.rows.files import fetch_rows
    from ray_jobs.training.trainers import sft_trainer
    from tests.ray.models.alone import alone

    class Stop(TrainerCallback):
        """Ends a training after its first step."""

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Say that it is enough."""
            control.should_training_stop = True

    resources, store = load_resources("local,workers=1"), Store.at(str(folder / "store"))
    assert isinstance(TRAINED.recipe, FineTune)
    files = TypeAdapter(TokenFiles).validate_json((folder / "files.json").read_bytes())
    with alone():
        base = Base(TRAINED.recipe.model, resources)
        peak, began = Peak(), time.perf_counter()
        mapped = fetch_rows(files, store, TRAINED, folder)
        trainer = sft_trainer(TRAINED.recipe, resources, mapped, load_tokenizer(base.folder), base, folder / "out")
        trainer.add_callback(Stop())
        trainer.train()
        seconds = time.perf_counter() - began
    print(f"{rows:,} rows: first step {seconds:.1f} s after the worker has started, {peak.mib:,.0f} MiB at most")


def main() -> None:
    """Each number of rows in processes of its own."""
    for rows in [int(given) for given in sys.argv[1:]] or [10_000, 100_000, 1_000_000]:
        with tempfile.TemporaryDirectory(prefix="w2s-bench-") as scratch:
            for side in ("driver", "worker"):
                code = f"from tests.benchmarks.training_rows import *; {side}(Path({scratch!r}), {rows})"
                subprocess.run([sys.executable, "-c", code], check=True)


if __name__ == "__main__":
    main()
