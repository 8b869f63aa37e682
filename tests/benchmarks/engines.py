"""A sampling step on many engines that only sleep: how full they are, and what a million completions cost the driver.

    python -m tests.benchmarks.engines [ENGINES [PROBLEMS]]     default: 16 engines, so 64 GPUs, and 14,000 problems

Everything is real but vLLM: `ray_jobs.sampling.job.sample`, a Ray with logical GPUs, an actor an engine, blocks written
to a store. A sequence sleeps for its tokens; an engine lets `max_num_seqs` of them run at once. `use` is the time that
sequences slept over the time that all engines had, from the first block's start to the last one's end.
"""

import asyncio
import logging
import random
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import psutil

from ray_jobs.resources.presets import load_resources
from ray_jobs.resources.resources import Resources
from ray_jobs.sampling import job
from ray_jobs.sampling.blocks import Blocks
from ray_jobs.sampling.engine import Engine
from ray_jobs.sampling.inputs import Task
from ray_jobs.sampling.results import PromptedProblem
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import Sample
from w2s.graph.step import step
from w2s.recipe import Sampling, WorldProblems
from w2s.records import Completion, Problem, Reference
from w2s.seed import derived_seed
from w2s.store.attempt import Attempt
from w2s.store.store import Store

N = 10
TOKEN_SECONDS = 0.05


class SleepingEngine(Engine):
    """An engine actor without vLLM, whose sequences sleep."""

    def __init__(self, tasks: list[Task], store: Store, resources: Resources, max_model_len: int) -> None:
        self.engine, self.broken, self.tasks = None, None, tasks
        self.blocks = Blocks([task.step for task in tasks], store)
        self.places = asyncio.Semaphore(resources.max_num_seqs)

    async def _sample(self, task: Task, block: int, problem: PromptedProblem) -> list[Completion]:
        lengths = [tokens(problem.problem_id, sample) for sample in range(task.recipe.sampling.n)]
        await asyncio.gather(*map(self._sleep, lengths))
        completions = [
            Completion(problem.problem_id, sample, "sleeping", "x" * 3 * length, "stop", 100, length, sample)
            for sample, length in enumerate(lengths)
        ]
        await self.blocks.add(task.step, block, completions)
        return completions

    async def _sleep(self, length: int) -> None:
        async with self.places:
            await asyncio.sleep(length * TOKEN_SECONDS)


def tokens(problem_id: str, sample: int) -> int:
    """Tokens of one answer, as the weak model's of GSM8K are spread: a median of 80, never above 400."""
    draw = random.Random(derived_seed(0, problem_id, sample))
    return max(10, min(400, round(draw.lognormvariate(4.4, 0.5))))


def measure(engines: int, problems: int, folder: Path) -> dict[str, float]:
    """Sample with so many engines of 4 GPUs each; the figures of the step."""
    import ray

    from ray_jobs.runtime.context import Context
    from ray_jobs.runtime.progress import Progress

    fields: dict[str, Any] = {"max_engines": engines, "sampling_nodes": "", "cpus_per_engine": 1}
    resources = load_resources("cluster-70b").changed(**fields)
    store = Store.at(str(folder))
    source = step("problems", WorldProblems(seed=1))
    attempt = Attempt(store, source)
    attempt.write_records("train_2", [Problem(f"{i:06d}", f"What is {i} + 7?") for i in range(problems)], Problem)
    attempt.write_records("train_2_references", [], Reference)
    attempt.commit({})
    recipe = Sample(model=quickstart().strong, sampling=Sampling(n=N, temperature=1.0, max_tokens=512))
    sampled = step("sampled", recipe, problems=source["train_2"])
    ray.init(num_cpus=engines + 1, num_gpus=4 * engines, include_dashboard=False, logging_level=logging.WARNING)
    process = psutil.Process()
    memory, processor, began = process.memory_info().rss, process.cpu_times(), time.monotonic()
    try:
        with patch.object(job, "Engine", SleepingEngine):
            job.sample([sampled], Context(store, resources, Progress(sys.stderr)))
        after, wall = process.cpu_times(), time.monotonic() - began
        memory = process.memory_info().rss - memory
    finally:
        ray.shutdown()
    manifest = store.manifest(sampled)
    assert manifest is not None and manifest.counts["completions"] == problems * N
    completions, counts = problems * N, manifest.counts
    seats = engines * resources.max_num_seqs * counts["sampling_seconds"]
    return {
        "engines": engines,
        "completions": completions,
        "wall seconds": wall,
        "use": counts["sampled_tokens"] * TOKEN_SECONDS / seats,
        "driver seconds a million": (sum(after[:2]) - sum(processor[:2])) * 1e6 / completions,
        "driver MB a million": memory / completions,
    }


def main() -> None:
    """Print the figures."""
    engines, problems = [*map(int, sys.argv[1:]), *(16, 14_000)[len(sys.argv) - 1 :]]
    with TemporaryDirectory() as folder:
        for name, value in measure(engines, problems, Path(folder)).items():
            print(f"{name}: {value:,.3f}" if isinstance(value, float) else f"{name}: {value:,}", flush=True)


if __name__ == "__main__":
    main()
