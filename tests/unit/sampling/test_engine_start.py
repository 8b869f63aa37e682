"""What goes wrong before an engine runs is tried again, and said in the blocks' rows: an actor's constructor raises nothing."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ray_jobs.resources.presets import load_resources
from ray_jobs.sampling import engine
from ray_jobs.sampling.inputs import Task, max_lora_rank
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import Sample
from w2s.graph.step import step
from w2s.recipe import Sampling, WorldProblems
from w2s.store.store import Store

STAGES = {
    "Blocks": "the store could not be read",
    "fetch_inputs": "model and adapters could not be fetched",
    "EngineProcess": "did not start",
}


class Stage:
    """Stands for one stage of the start: raises `errors` in turn, then works."""

    def __init__(self, *errors: Exception) -> None:
        self.errors: Iterator[Exception] = iter(errors)
        self.calls = 0

    def __call__(self, *_: Any) -> Any:
        self.calls += 1
        if (error := next(self.errors, None)) is not None:
            raise error
        return SimpleNamespace(arguments=SimpleNamespace(model="tiny"), end=lambda: None)


def start(
    monkeypatch: pytest.MonkeyPatch, folder: Path, failing: str, *errors: Exception
) -> tuple[engine.Engine, Stage]:
    """An engine actor of whose stages `failing` raises `errors`."""
    stages = {name: Stage(*(errors if name == failing else ())) for name in STAGES}
    for name, stage in stages.items():
        monkeypatch.setattr(engine, name, stage)
    monkeypatch.setattr(engine, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(engine, "engine_environment", lambda _: {})
    sampled = step(
        "s",
        Sample(model=quickstart().strong, sampling=Sampling(max_tokens=8)),
        problems=step("p", WorldProblems())["test"],
    )
    return engine.Engine([Task(sampled, (), "base", 0)], Store(str(folder)), load_resources("local"), 128), stages[
        failing
    ]


def told(built: engine.Engine) -> tuple[str, bool]:
    """What the row of a block says of its error, and whether it is the user's."""

    async def once() -> dict[str, list[Any]]:
        batch = {"task": [0], "block": [0], "problem_ids": [["p"]], "questions": [["q"]]}
        (row,) = [row async for row in built(batch)]
        return row

    row = asyncio.run(once())
    return row["error"][0], row["refused"][0]


@pytest.mark.parametrize("failing", STAGES)
def test_a_blip_is_tried_again(failing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    built, stage = start(monkeypatch, tmp_path, failing, ConnectionResetError("blip"))
    assert built.broken is None and stage.calls == 2


@pytest.mark.parametrize("failing", STAGES)
def test_what_fails_every_time_is_said_in_the_row(
    failing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    built, stage = start(monkeypatch, tmp_path, failing, *[OSError("no route to host")] * 9)
    assert stage.calls == engine.ENGINE_STARTS
    error, refused = told(built)
    assert STAGES[failing] in error and "no route to host" in error and not refused


@pytest.mark.parametrize("failing", STAGES)
def test_what_is_refused_is_not_tried_again(failing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    built, stage = start(monkeypatch, tmp_path, failing, ValueError("no such model"))
    assert stage.calls == 1
    assert told(built) == ("no such model", True)


@pytest.mark.parametrize(("rank", "allowed"), [(1, 8), (8, 8), (9, 16), (300, 320), (512, 512)])
def test_the_engine_is_made_for_the_largest_rank(rank: int, allowed: int) -> None:
    assert max_lora_rank(rank) == allowed


def test_a_rank_vllm_does_not_take_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"rank 1024 and vLLM takes at most 512: set lora\.rank to 512 or less"):
        max_lora_rank(1024)
