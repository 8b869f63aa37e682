"""Groups of steps that share one real engine: one after another, side by side, and while it dies."""

import io
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psutil
import pytest

from ray_jobs.resources.presets import load_resources
from ray_jobs.runtime import local_ray
from ray_jobs.runtime.context import Context
from ray_jobs.runtime.progress import Progress
from ray_jobs.sampling.job import sample
from ray_jobs.sampling.pool.pools import Pools
from ray_jobs.sampling.pool.size import base_of
from tests.conftest import wait_for
from tests.ray.sampling.conftest import STRONG, random_adapter
from w2s.data.splits import read_problems
from w2s.graph.recipes import Sample
from w2s.graph.step import Step, step
from w2s.recipe import Sampling, WorldProblems
from w2s.records import Completion, Problem, Reference

pytestmark = pytest.mark.ray
WORLD = WorldProblems(train_1=1, train_2=1, test=40, seed=1)
PROBLEMS = step("problems", WORLD)


@dataclass
class Shared:
    """A run's engines, and steps of their base: with and without an adapter."""

    context: Context
    pools: Pools
    adapter: Step

    def step(self, name: str, adapted: bool = False, **sampling: Any) -> Step:
        recipe = Sample(model=STRONG, sampling=Sampling(**{"max_tokens": 24} | sampling))
        adapter = self.adapter["model"] if adapted else None
        return step(name, recipe, problems=PROBLEMS["test"], adapter=adapter)

    def sample(self, *steps: Step) -> dict[str, list[Completion]]:
        sample(steps, self.context, self.pools)
        return {step.name: self.context.store.records(step["completions"], Completion) for step in steps}

    def manifest(self, step: Step) -> Any:
        return self.context.store.manifest(step)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    store, made = random_adapter(tmp_path_factory, 1.0)  # answers differ, not only logits
    context = Context(store, load_resources("local,problems_per_block=10"), Progress(io.StringIO()))
    attempt = context.attempt(PROBLEMS)
    attempt.write_records("test", list(read_problems(WORLD).splits["test"].problems), Problem)
    attempt.write_records("test_references", [], Reference)
    attempt.commit({})
    local_ray.start()
    found = Shared(context, Pools([], ()), made)
    # Steps that come later; the engine starts with room for their adapter.
    found.pools.missing = [found.step("later", adapted=True)]
    yield found
    found.pools.release(base_of(found.step("any")))
    local_ray.stop()


def cores() -> list[psutil.Process]:
    """The engine cores below this process, which hold the model."""
    found: list[psutil.Process] = []
    for process in psutil.Process().children(recursive=True):
        try:
            if process.cmdline() and process.cmdline()[0].startswith("VLLM::"):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def texts(rows: list[Completion]) -> dict[str, str]:
    assert all(row.finish_reason in ("stop", "length") for row in rows)
    return {row.problem_id: row.text for row in rows}


def test_later_groups_join_the_engine_and_survive_its_death(shared: Shared) -> None:
    first, later = shared.step("first"), shared.step("joined", adapted=True)
    base = texts(shared.sample(first)["first"])
    before = cores()
    assert len(before) == 1
    time.sleep(5)  # the engine waits for work
    joined = texts(shared.sample(later)["joined"])
    assert cores() == before, "another engine was started"
    assert base.keys() == joined.keys() and base != joined, "the adapter changes nothing"

    # Two groups share the engine when it is killed.
    many = [shared.step(f"many_{adapted}", bool(adapted), n=8, temperature=1.0) for adapted in (0, 1)]
    found: dict[str, list[Completion]] = {}
    groups = [threading.Thread(target=lambda step=step: found.update(shared.sample(step))) for step in many]
    for group in groups:
        group.start()
    blocks = shared.context.store.objects
    wait_for(lambda: any(blocks.names(blocks.path(step.directory, "blocks")) for step in many), 60, "the block plans")
    time.sleep(1)
    before[0].kill()
    for group in groups:
        group.join(240)
    for one in many:
        rows = {(row.problem_id, row.sample) for row in found[one.name]}
        assert len(rows) == len(found[one.name]) == 8 * len(base)
        assert all(row.finish_reason != "error" for row in found[one.name])
    restarts = sum(shared.manifest(one).counts["engine_restarts"] for one in many)
    assert restarts == 1 and len(cores()) == 1 and cores() != before

    # The new engine has sampled other steps before; greedy answers do not depend on that.
    again = shared.step("again", adapted=True, seed=7)
    assert texts(shared.sample(again)["again"]) == joined
