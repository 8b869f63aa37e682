"""Failures of an engine and of its steps come back as blocks' results; an actor's constructor never raises."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ray_jobs.resources.presets import load_resources
from ray_jobs.resources.vllm import EngineSize
from ray_jobs.sampling import engine, recovery
from ray_jobs.sampling.inputs import Task, max_lora_rank
from ray_jobs.sampling.results import BlockRequest, BlockResult, ProblemRows, PromptedProblem, from_row, to_row
from tests.conftest import ROOT
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import Sample
from w2s.graph.step import Step, step
from w2s.recipe import Sampling, WorldProblems
from w2s.records import Completion, Problem
from w2s.store.store import Store

STAGES = {"base_arguments": "the model could not be fetched", "EngineProcess": "did not start"}


STRONG = quickstart().strong
SAMPLED = step("s", Sample(model=STRONG, sampling=Sampling(max_tokens=8)), problems=step("p", WorldProblems())["test"])


class Steps:
    """Where the engine learns of its steps: any name is one, and `drop` drops some."""

    def __init__(self) -> None:
        self.failed: list[str] = []
        self.changed = asyncio.Event()

    def drop(self, step: str) -> None:
        self.failed.append(step)
        self.changed.set()

    async def task(self, step: str) -> Task:
        return Task(next((known for known in STEPS.values() if known.directory == step), SAMPLED), (), "base", 0)

    async def dropped(self, known: int) -> list[str]:
        while len(self.failed) <= known:
            await self.changed.wait()
            self.changed.clear()
        return list(self.failed)


class Stage:
    """A stub of one stage of the start: raises `errors` in turn, then works."""

    def __init__(self, *errors: Exception) -> None:
        self.errors: Iterator[Exception] = iter(errors)
        self.calls = 0

    def __call__(self, *_: Any) -> Any:
        self.calls += 1
        if (error := next(self.errors, None)) is not None:
            raise error
        return SimpleNamespace(model="tiny", end=lambda: None)


class Asked:
    """Every step has one problem."""

    def __init__(self, store: Store) -> None:
        pass

    def read(self, step: Step, rows: Sequence[ProblemRows]) -> list[Problem]:
        return [Problem("p", "Why?")]


def in_words(task: Task, tokens: None, problems: list[Problem]) -> list[PromptedProblem]:
    return [PromptedProblem(problem.problem_id, (1, 2)) for problem in problems]


def start(
    monkeypatch: pytest.MonkeyPatch, folder: Path, failing: str, *errors: Exception
) -> tuple[engine.Engine, Stage]:
    """An engine actor with stubs of all stages; the stage `failing` raises `errors`."""
    stages = {name: Stage(*(errors if name == failing else ())) for name in STAGES}
    for name, stage in stages.items():
        monkeypatch.setattr(engine, name, stage)
    monkeypatch.setattr(recovery, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(engine, "engine_environment", lambda *_: {})
    prompts = {"Problems": Asked, "load_tokenizer": Stage(), "context_limit": lambda _: 128, "prompted": in_words}
    for name, stub in (prompts | {"Tokens": lambda *_: None}).items():
        monkeypatch.setattr(engine, name, stub)
    built = engine.Engine(STRONG, EngineSize(128), Steps(), Store.at(str(folder)), load_resources("local"))
    return built, stages[failing]


async def result(built: engine.Engine, step: str = "", block: int = 7) -> BlockResult:
    """The result of a block, which crosses Ray Data's rows as in a run."""
    directory = STEPS[step].directory if step else "s"
    row = to_row(BlockRequest(directory, block, (ProblemRows((0,), 0, 1),)))
    (batch,) = [batch async for batch in built({name: [value] for name, value in row.items()})]
    return from_row({name: values[0] for name, values in batch.items()}, BlockResult)


@pytest.mark.parametrize("failing", STAGES)
def test_a_blip_is_tried_again(failing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    built, stage = start(monkeypatch, tmp_path, failing, ConnectionResetError("blip"))
    assert built.broken is None and stage.calls == 2


@pytest.mark.parametrize("failing", STAGES)
def test_a_failure_at_every_try_is_the_blocks_result(
    failing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    built, stage = start(monkeypatch, tmp_path, failing, *[OSError("no route to host")] * 9)
    assert stage.calls == recovery.STARTS
    failed = asyncio.run(result(built))
    assert STAGES[failing] in failed.error and "no route to host" in failed.error and not failed.user_error
    assert (failed.step, failed.block, failed.counts) == ("s", 7, None)


@pytest.mark.parametrize("failing", STAGES)
def test_a_user_error_is_not_tried_again(failing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    built, stage = start(monkeypatch, tmp_path, failing, ValueError("no such model"))
    assert stage.calls == 1
    refused = asyncio.run(result(built))
    assert (refused.error, refused.user_error) == ("no such model", True)


STEPS = {
    name: replace(SAMPLED, recipe=Sample(model=STRONG, sampling=Sampling(max_tokens=8 + number)), name=name)
    for number, name in enumerate(("fine", "bad"))
}
"""Two steps, each with a directory of its own."""


def works(monkeypatch: pytest.MonkeyPatch, folder: Path, bad: Callable[[], Awaitable[None]]) -> engine.Engine:
    """An engine that samples the step `fine`, and does what `bad` does at each request of the step `bad`."""

    async def sample_problem(_: Any, task: Task, problem: PromptedProblem, __: Any) -> list[Completion]:
        if task.step.name == "bad":
            await bad()
        return [Completion(problem.problem_id, 0, "base", "t", "stop", 2, 1, 0)]

    built, _ = start(monkeypatch, folder, "EngineProcess")
    assert built.engine is not None
    monkeypatch.setattr(built.engine, "take_counts", lambda: (0, 0))
    monkeypatch.setattr(engine, "sample_problem", sample_problem)
    return built


@pytest.mark.slow
@pytest.mark.parametrize("error", [recovery.StepLost("its problems kill it"), ValueError("a file is damaged")])
def test_a_failure_of_one_step_leaves_the_others_alone(
    error: Exception, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def bad() -> None:
        raise error

    async def blocks() -> list[BlockResult]:
        built = works(monkeypatch, tmp_path, bad)
        return [await result(built, name, block) for block, name in enumerate(("fine", "bad", "bad", "fine"))]

    first, failed, again, last = asyncio.run(blocks())
    assert first.counts and last.counts and not first.error and not last.error
    assert failed.error == again.error == str(error) and not failed.counts
    assert failed.user_error == isinstance(error, ValueError)


def test_an_engine_that_is_lost_fails_all_steps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def bad() -> None:
        raise recovery.EngineLost("it died 8 times")

    async def blocks() -> list[BlockResult]:
        built = works(monkeypatch, tmp_path, bad)
        return [await result(built, name, block) for block, name in enumerate(("bad", "fine"))]

    assert [found.error for found in asyncio.run(blocks())] == ["it died 8 times"] * 2


def test_a_dropped_step_ends_at_once_and_its_next_blocks_are_not_sampled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begun: list[None] = []

    async def bad() -> None:
        begun.append(None)
        await asyncio.sleep(60)

    async def blocks() -> list[BlockResult]:
        built = works(monkeypatch, tmp_path, bad)
        running = asyncio.create_task(result(built, "bad"))
        assert (await result(built, "fine")).counts and begun
        steps: Any = built.tasks
        steps.drop(STEPS["bad"].directory)
        return [await asyncio.wait_for(running, 5), await result(built, "bad", 8), await result(built, "fine", 8)]

    dropped, later, fine = asyncio.run(blocks())
    assert "has failed" in dropped.error and dropped.error == later.error and fine.counts and len(begun) == 1


@pytest.mark.parametrize(("rank", "allowed"), [(1, 8), (8, 8), (9, 16), (300, 320), (512, 512)])
def test_the_engine_is_made_for_the_largest_rank(rank: int, allowed: int) -> None:
    assert max_lora_rank(rank) == allowed


def test_a_rank_vllm_does_not_take_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"rank 1024 and vLLM takes at most 512: set lora\.rank to 512 or less"):
        max_lora_rank(1024)


AN_ACTOR = """
import multiprocessing
print("an actor's main module", flush=True)
if __name__ == "__main__":
    from ray_jobs.sampling import process
    main, before = __import__("sys").modules["__main__"], __spec__
    with process._as_main_module():
        core = multiprocessing.get_context("spawn").Process(target=print, args=("the core goes on",))
        core.start()
    assert main.__spec__ is before
    core.join()
    assert core.exitcode == 0
"""


def test_an_engines_process_imports_vllm_without_collections_and_not_the_actors_main_module(tmp_path: Path) -> None:
    (tmp_path / "actor.py").write_text(AN_ACTOR)
    core = tmp_path / "vllm/v1/engine/core.py"
    core.parent.mkdir(parents=True)
    for folder in ("vllm", "vllm/v1", "vllm/v1/engine"):
        (tmp_path / folder / "__init__.py").touch()
    core.write_text("import gc\nprint('vLLM, collections', gc.isenabled(), flush=True)\n")
    done = subprocess.run(
        [sys.executable, str(tmp_path / "actor.py")],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    said = ["an actor's main module", "vLLM, collections False", "the core goes on"]
    assert done.stdout.splitlines() == said, done.stdout + done.stderr
