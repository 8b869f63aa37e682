"""Examples a second within a training: a worker of ours against a bare TRL script with the same back end, DeepSpeed.

    python -m tests.benchmarks.examples

SFT of M_plus and DPO on it, on the rows of tests/benchmarks/training.py. Seconds are the Trainer's own, from its first
step to its last, so no start and no load counts; of ours also those of DPO's pass for its reference. First both sides
train on one core, and all other processes have the other one; then both compute on two, a worker of ours with
cpus_per_worker=2.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray_jobs.runtime import local_ray
from tests.benchmarks.goal import Goal, table
from tests.benchmarks.training import RESOURCES, STEPS, bare, ours, prepare, rows
from w2s.store.store import Store

NAMES = {"hybrid_ft_1": "SFT", "dpo": "DPO"}
OTHERS, TRAINING = {0}, {1}
"""Cores of both sides' other processes and of what trains, where one core is to spare."""


def timed(loop: Callable[[Any], None], folder: Path, cores: set[int]) -> Callable[[Any], None]:
    """The train loop on some cores, which writes the seconds of each training."""

    def timed_loop(reporter: Any) -> None:
        from ray_jobs.training import worker
        from ray_jobs.training.preference import TokenDPO

        if cores:
            os.sched_setaffinity(0, cores)
        write, before, passed = worker.write_model, TokenDPO.before_first_step, [0.0]

        def timed_pass(self: TokenDPO) -> None:
            began = time.perf_counter()
            before(self)
            passed.append(time.perf_counter() - began)

        def write_seconds(trainer: Any, job: Any, *rest: Any) -> Any:
            seconds = next(entry["train_runtime"] for entry in trainer.state.log_history if "train_runtime" in entry)
            (folder / f"{job.step.name}-ours.json").write_text(json.dumps({"seconds": seconds + passed[-1]}))
            return write(trainer, job, *rest)

        worker.write_model, TokenDPO.before_first_step = write_seconds, timed_pass
        loop(reporter)

    return timed_loop


def measure(folder: Path, spare: bool) -> dict[str, dict[str, float]]:
    """Seconds of each training by side."""
    local_ray.set_environment()  # before Ray is imported
    from ray import cloudpickle

    from ray_jobs.training import worker

    store: Store = prepare(folder, list(NAMES))
    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers need not find the tests
    loop, cores = worker.train_loop, os.sched_getaffinity(0)
    worker.train_loop = timed(loop, folder, TRAINING if spare else set())
    try:
        os.sched_setaffinity(0, OTHERS if spare else cores)
        resources = RESOURCES if spare else RESOURCES.changed(cpus_per_worker=2)
        ours(store, [[STEPS[name]] for name in NAMES], [], resources)
        os.sched_setaffinity(0, TRAINING if spare else cores)
        bare(folder, list(NAMES), "deepspeed")
    finally:
        worker.train_loop = loop
        os.sched_setaffinity(0, cores)
    return {
        side: {name: json.loads((folder / f"{name}-{side}.json").read_text())["seconds"] for name in NAMES}
        for side in ("ours", "bare")
    }


def main() -> list[Goal]:
    """Measure both sides in both ways."""
    goals = list[Goal]()
    for spare, goal, where in ((True, 0.95, "one core, another to spare"), (False, 0.92, "two cores")):
        with tempfile.TemporaryDirectory(prefix="w2s-bench-") as scratch:
            seconds = measure(Path(scratch), spare)
        for name, method in NAMES.items():
            mine, theirs = (len(rows(name)) / seconds[side][name] for side in ("ours", "bare"))
            what = f"examples/s of {method}, {where}"
            goals.append(Goal(what, mine, "bare TRL with DeepSpeed", theirs, "at least", goal))
            print(f"{what}: {mine:.1f}, bare {theirs:.1f}", flush=True)
    return goals


if __name__ == "__main__":
    print(table(main()))
