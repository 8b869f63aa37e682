"""The quickstart's eight trainings: in groups by ray_jobs/training/job.py, and as eight bare TRL scripts one after
another.

    python -m tests.benchmarks.training [NAME ...]

Both sides train on the same rows and ids, in the recipe's batches, with the preset `local`. A bare script is TRL and
PEFT under torchrun: no Ray, no DeepSpeed, no checkpoints. Printed are wall and processor seconds, peak memory
(proportional set size) and the losses of both. NAME: train only these, and M_plus's `hybrid_ft_1`.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from ray_jobs.models.folders import base_folder
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from ray_jobs.resources.presets import load_resources
from ray_jobs.resources.resources import Resources
from ray_jobs.training.rows.counts import is_weighted
from ray_jobs.training.rows.encode import token_rows
from tests.benchmarks.goal import Goal, table
from w2s.data.splits import read_problems
from w2s.experiments.quickstart import quickstart
from w2s.graph.build import build_steps
from w2s.graph.contents import record_of
from w2s.graph.recipes import FineTune, Prefer
from w2s.graph.step import Step
from w2s.method.batches import training_order
from w2s.records import PreferencePair, SFTExample
from w2s.store.attempt import Attempt
from w2s.store.store import Store

RESOURCES = load_resources("local")
EXPERIMENT = quickstart()
STEPS = {step.name: step for step in build_steps(EXPERIMENT)}
GROUPS = (("weak_sft",), ("hybrid_ft_1", "full_weak_ft", "ceiling", "weak_ft_1", "icl_ft_1"))
JOINING = ("dpo", "orpo")
"""They join the workers of M_plus, once this is trained."""
ROWS = {"weak_sft": 300, "hybrid_ft_1": 260, "full_weak_ft": 400, "ceiling": 400, "weak_ft_1": 130, "icl_ft_1": 130}
"""Examples of each SFT, about as many as in the quickstart."""
PAIRS = 300
SAMPLE_SECONDS = 1.0


@cache
def examples() -> list[SFTExample]:
    """Gold of the world's train_2 in place of completions."""
    split = read_problems(EXPERIMENT.problems).splits["train_2"]
    gold = {reference.problem_id: reference.solution for reference in split.references}
    return [SFTExample(p.problem_id, p.question, f" {gold[p.problem_id]}", "weak") for p in split.problems]


def rows(name: str) -> list[SFTExample] | list[PreferencePair]:
    """A training's rows: gold, or pairs of gold with another problem's gold."""
    if name in ROWS:
        return examples()[: ROWS[name]]
    return [
        PreferencePair(a.problem_id, a.question, a.completion, b.completion, "weak", "0", "1", 1.0)
        for a, b in pairwise(examples()[: PAIRS + 1])
    ]


@dataclass
class Use:
    """What a side has used: wall and processor seconds, and the peak of its memory in bytes."""

    wall: float = 0
    processor: dict[tuple[int, float], float] = field(default_factory=dict[tuple[int, float], float])
    peak: int = 0

    def sample(self) -> None:
        """Add up this process's children; what a process used since its last sample is lost."""
        memory = 0
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                times = process.cpu_times()
                self.processor[process.pid, process.create_time()] = times.user + times.system
                memory += process.memory_full_info().pss
        self.peak = max(self.peak, memory)

    def of(self, work: Any) -> "Use":
        """Measure `work()`."""
        stop = threading.Event()

        def watch() -> None:
            while not stop.wait(SAMPLE_SECONDS):
                self.sample()

        thread, began = threading.Thread(target=watch, daemon=True), time.perf_counter()
        thread.start()
        work()
        self.wall = time.perf_counter() - began
        stop.set()
        thread.join()
        return self


def prepare(folder: Path, names: list[str]) -> Store:
    """A file of each training's rows as token ids in their order, and a store where all other steps are finished."""
    store = Store.at(str(folder / "store"))
    for name in names:
        recipe = STEPS[name].recipe
        assert isinstance(recipe, FineTune | Prefer)
        tokens = Tokens(load_tokenizer(base_folder(recipe.model)), recipe.model.prompt)
        made, _ = token_rows(rows(name), tokens, recipe.optimizer.max_tokens, is_weighted(recipe))
        ordered = [made[index] for index in training_order(len(made), recipe.optimizer)]
        (folder / f"{name}.json").write_text(json.dumps(ordered))
    for step in STEPS.values():
        if not isinstance(step.recipe, FineTune | Prefer):
            attempt = Attempt(store, step)
            for table in step.recipe.tables:  # empty: `ours` takes the rows from here
                attempt.write_records(table, [], record_of(step[table]) or SFTExample)
            attempt.commit({})
    return store


def ours(store: Store, groups: list[list[Step]], joining: list[Step], resources: Resources = RESOURCES) -> None:
    """The groups one after another, as the driver starts them, and `joining` beside the baselines."""
    from ray_jobs.runtime import local_ray
    from ray_jobs.runtime.context import Context
    from ray_jobs.runtime.progress import Progress
    from ray_jobs.training import job
    from ray_jobs.training.group.groups import Groups
    from ray_jobs.training.rows import files

    files.examples_of = lambda step, read: (rows(step.name), {})  # no engine writes completions here
    local_ray.start()
    workers = Groups()
    context = Context(store, resources, Progress())
    join = threading.Thread(target=job.train, args=(joining, replace(context, joins=True), workers))

    def committed(step: Step) -> None:
        if joining and step is STEPS["hybrid_ft_1"]:
            join.start()

    for group in groups:
        job.train(group, replace(context, on_commit=committed), workers)
    if joining:
        join.join()
    local_ray.stop()


def bare(folder: Path, names: list[str], *options: str) -> None:
    """The bare scripts one after another, each on as many processes as ours has workers."""
    for name in names:
        command = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={RESOURCES.workers}"]
        script = ["-m", "tests.benchmarks.bare_training", name, str(folder), *options]
        done = subprocess.run([sys.executable, *command, *script], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]


def main(chosen: list[str]) -> list[Goal]:
    """Measure both sides and print them."""
    groups = [
        [STEPS[name] for name in group if not chosen or name in [*chosen, "hybrid_ft_1"]]
        for group in (*GROUPS, JOINING)
    ]
    names = [step.name for group in groups for step in group]
    *groups, joining = groups
    groups = [group for group in groups if group]
    with tempfile.TemporaryDirectory(prefix="w2s-bench-") as scratch:
        folder = Path(scratch)
        store = prepare(folder, names)
        use = {"ours": Use().of(lambda: ours(store, groups, joining)), "bare": Use().of(lambda: bare(folder, names))}
        for name in names:
            mine = [loss["loss"] for loss in store.document(STEPS[name]["losses"])]
            theirs = json.loads((folder / f"{name}-bare.json").read_text())["losses"]
            print(f"{name:<14} losses {mine[0]:.4f} -> {mine[-1]:.4f}; bare {theirs[0]:.4f} -> {theirs[-1]:.4f}")
    for side, used in use.items():
        processor = sum(used.processor.values())
        print(f"{side:<5} {used.wall:.0f} s wall, {processor:.0f} s of processors, {used.peak / 2**30:.2f} GiB at most")
    mine, theirs = use["ours"], use["bare"]
    processors, other = sum(mine.processor.values()), sum(theirs.processor.values())
    what, side = f"{len(names)} trainings", "bare TRL scripts, one after another"
    return [
        Goal(f"{what}, seconds", mine.wall, side, theirs.wall, "at most", 1.0),
        Goal(f"{what}, processor seconds", processors, side, other, "at most", 1.0),
        Goal(f"{what}, peak memory, GiB", mine.peak / 2**30, side, theirs.peak / 2**30, "at most", 1.3),
    ]


if __name__ == "__main__":
    print(table(main(sys.argv[1:])))
