"""Failures before an engine runs are tried again and then come back as blocks' results; an actor's constructor never
raises."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ray_jobs.resources.presets import load_resources
from ray_jobs.resources.vllm import EngineSize
from ray_jobs.sampling import engine, recovery
from ray_jobs.sampling.inputs import Task, max_lora_rank
from ray_jobs.sampling.results import BlockRequest, BlockResult, PromptedProblem, from_row, to_row
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import Sample
from w2s.graph.step import step
from w2s.recipe import Sampling, WorldProblems
from w2s.store.store import Store

STAGES = {"base_arguments": "the model could not be fetched", "EngineProcess": "did not start"}


STRONG = quickstart().strong
SAMPLED = step("s", Sample(model=STRONG, sampling=Sampling(max_tokens=8)), problems=step("p", WorldProblems())["test"])


class OneTask:
    """Where the engine learns of its steps: all blocks are of one, or of a step of which no task is known."""

    def __init__(self, *unwanted: str) -> None:
        self.unwanted = unwanted

    async def task(self, step: str) -> Task:
        return Task(replace(SAMPLED, name=step), (), "base", 0)

    async def is_wanted(self, step: str) -> bool:
        return step not in self.unwanted


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


def start(
    monkeypatch: pytest.MonkeyPatch, folder: Path, failing: str, *errors: Exception
) -> tuple[engine.Engine, Stage]:
    """An engine actor with stubs of all stages; the stage `failing` raises `errors`."""
    stages = {name: Stage(*(errors if name == failing else ())) for name in STAGES}
    for name, stage in stages.items():
        monkeypatch.setattr(engine, name, stage)
    monkeypatch.setattr(recovery, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(engine, "engine_environment", lambda *_: {})
    built = engine.Engine(STRONG, EngineSize(128), OneTask(), Store.at(str(folder)), load_resources("local"))
    return built, stages[failing]


async def result(built: engine.Engine, step: str = "s") -> BlockResult:
    """The result of a block, which crosses Ray Data's rows as in a run."""
    row = to_row(BlockRequest(step, 7, (PromptedProblem("p", (1, 2)),)))
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
    assert (failed.step, failed.block, failed.problems, failed.counts) == ("s", 7, 1, None)


@pytest.mark.parametrize("failing", STAGES)
def test_a_user_error_is_not_tried_again(failing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    built, stage = start(monkeypatch, tmp_path, failing, ValueError("no such model"))
    assert stage.calls == 1
    refused = asyncio.run(result(built))
    assert (refused.error, refused.user_error) == ("no such model", True)


@pytest.mark.parametrize(("rank", "allowed"), [(1, 8), (8, 8), (9, 16), (300, 320), (512, 512)])
def test_the_engine_is_made_for_the_largest_rank(rank: int, allowed: int) -> None:
    assert max_lora_rank(rank) == allowed


def test_a_rank_vllm_does_not_take_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"rank 1024 and vLLM takes at most 512: set lora\.rank to 512 or less"):
        max_lora_rank(1024)
