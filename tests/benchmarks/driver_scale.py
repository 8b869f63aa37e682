"""What a large sampling step costs its driver: seconds to the first block, memory, blocks a second, seconds of commit.

python -m tests.benchmarks.driver_scale [PROBLEMS ...] [--resources local]

Each problem has 10 samples, by an engine that answers at once: everything but vLLM is what a run does. Blocks are read,
encoded, written and committed, so on few cores the engines' own work limits the blocks a second.
"""

import io
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ray_jobs.resources.presets import load_resources
from ray_jobs.sampling import engine
from ray_jobs.sampling.inputs import Task
from ray_jobs.sampling.results import BlockResult, PromptedProblem
from ray_jobs.sampling.step.work import Work
from tests.benchmarks.training_rows import Peak
from w2s.data.worlds import small
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import Sample
from w2s.graph.step import step
from w2s.recipe import Sampling, WorldProblems
from w2s.records import Completion, Problem
from w2s.store.attempt import Attempt
from w2s.store.store import Store

STRONG = quickstart().strong
ASKED = step("problems", WorldProblems())
SAMPLED = step(
    "sampled", Sample(model=STRONG, sampling=Sampling(n=10, temperature=1.0, max_tokens=64)), problems=ASKED["train_2"]
)
DISTINCT = 5000
TEXT = " 16 + 9 = 25. 25 - 1 = 24.\n#### 24"


async def answer(_: Any, task: Task, problem: PromptedProblem, __: Any) -> list[Completion]:
    """Ten samples at once."""
    length = len(problem.prompt_ids)
    return [
        Completion(problem.problem_id, sample, task.model, TEXT, "stop", length, 20, 7)
        for sample in range(task.recipe.sampling.n)
    ]


class InstantEngine(engine.Engine):
    """The engine actor without vLLM."""

    def __init__(self, model: Any, *rest: Any) -> None:
        from ray_jobs.models.folders import base_folder

        stubs: dict[str, Any] = {
            "base_arguments": lambda *_: SimpleNamespace(model=str(base_folder(model))),
            "EngineProcess": lambda _: SimpleNamespace(end=lambda: None),
            "Adapters": lambda _: SimpleNamespace(fetch=lambda _: None),
            "sample_problem": answer,
        }
        for name, stub in stubs.items():
            setattr(engine, name, stub)
        super().__init__(model, *rest)


@dataclass
class Times:
    """Unix times of what happened to the step."""

    began: float = field(default_factory=time.time)
    blocks: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """Begin and end of each block in its engine."""
    asked: float = 0.0
    """When the engines were asked for."""
    commit: float = 0.0


def write_problems(store: Store, count: int) -> None:
    """`count` problems; after the first 5,000 only the ids are new."""
    made = small.problems(0, "train_2", min(count, DISTINCT))
    attempt = Attempt(store, ASKED)
    attempt.write_records("train_2", [Problem(f"{n:08d}", made[n % DISTINCT].question) for n in range(count)], Problem)
    attempt.commit({})


def measure(folder: Path, count: int, preset: str) -> None:
    """Run the step and print what it cost."""
    from ray_jobs.runtime import local_ray
    from ray_jobs.runtime.context import Context
    from ray_jobs.runtime.progress import Progress
    from ray_jobs.sampling import job
    from ray_jobs.sampling.pool import pool
    from ray_jobs.sampling.pool.pools import Pools
    from ray_jobs.sampling.pool.size import base_of

    store, resources = Store.at(str(folder)), load_resources(preset)
    pool.Engine = InstantEngine
    local_ray.start()
    peak, times = Peak(), Times()
    memory: list[float] = []
    add, commit, submit = Work.add, job.commit, Pools.submit

    def counted(work: Work, result: BlockResult) -> None:
        times.blocks.append((result.began, result.ended))
        memory.append(peak.now)
        add(work, result)

    def timed(work: Work, context: Context) -> None:
        times.commit = time.time()
        commit(work, context)

    def asked(pools: Pools, *given: Any) -> Any:
        times.asked = time.time()
        return submit(pools, *given)

    Work.add, job.commit, Pools.submit = counted, timed, asked  # type: ignore[method-assign]
    pools = Pools([SAMPLED], ())
    job.sample([SAMPLED], Context(store, resources, Progress(io.StringIO())), pools)
    ended = time.time()
    pools.release(base_of(SAMPLED))
    local_ray.stop()
    first = min(begin for begin, _ in times.blocks)
    seconds = max(end for _, end in times.blocks) - first
    blocks = len(times.blocks)
    middle, last = memory[blocks // 2], memory[-1]
    print(
        f"{count:,} problems in {blocks:,} blocks, {preset}: engines asked after {times.asked - times.began:.1f} s, "
        f"first block after {first - times.began:.1f} s, "
        f"{blocks / seconds:,.0f} blocks/s, {count / seconds:,.0f} problems/s, commit {ended - times.commit:.1f} s; "
        f"driver {memory[0]:,.0f} MiB at the first block, {middle:,.0f} in the middle, {last:,.0f} at the last, "
        f"{peak.mib:,.0f} at most",
        flush=True,
    )


def main() -> None:
    """Each number of problems in a process of its own."""
    given = sys.argv[1:]
    preset = given.pop(given.index("--resources") + 1) if "--resources" in given else "local"
    for count in [int(number) for number in given if number != "--resources"] or [10_000, 100_000]:
        with tempfile.TemporaryDirectory(prefix="w2s-bench-") as scratch:
            write_problems(Store.at(scratch), count)
            code = f"from tests.benchmarks.driver_scale import *; measure(Path({scratch!r}), {count}, {preset!r})"
            subprocess.run([sys.executable, "-c", code], check=True)


if __name__ == "__main__":
    main()
