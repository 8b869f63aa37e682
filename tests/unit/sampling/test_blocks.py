"""Blocks of a sampling step: whenever an engine is lost, less than a block of what it had finished is; nothing comes twice."""

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pytest

from ray_jobs.resources.presets import LOCAL
from ray_jobs.sampling.blocks import Blocks, block_path, count_block, finished_blocks
from ray_jobs.sampling.job import _problems_per_block
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import Sample
from w2s.graph.step import Step, step
from w2s.recipe import WorldProblems
from w2s.records import Completion, Problem
from w2s.store.store import _KNOWN, Store

EXPERIMENT = quickstart()
SIZE, N = 10, 3


def sampling_step(seed: int) -> Step:
    return step(
        "sampled",
        Sample(model=EXPERIMENT.strong, sampling=EXPERIMENT.sampled),
        problems=step("p", WorldProblems(seed=seed))["test"],
    )


def problems(block: int) -> list[Problem]:
    return [Problem(f"p{number:03d}", "q") for number in range(SIZE * block, SIZE * (block + 1))]


def completions(problem_id: str, text: str = "t", reason: str = "stop") -> list[Completion]:
    return [Completion(problem_id, i, "m", text, reason, 5, 2, 0, "why" if reason == "error" else "") for i in range(N)]  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(8))
def test_a_lost_engine_costs_less_than_a_block(seed: int, tmp_path: Path) -> None:
    """Four blocks at once, whose problems are finished in any order, on engines that are lost at any moment."""
    print("seed", seed)
    rng, store, one = random.Random(seed), Store(str(tmp_path)), sampling_step(seed)
    sampled: list[str] = []

    async def engine(lost_after: int) -> None:
        blocks = Blocks([one], store)
        missing = [block for block in range(4) if block not in finished_blocks(one, store)]
        held = {block: await blocks.begin(one, block, SIZE) for block in missing}
        todo = [(block, p.problem_id) for block in missing for p in problems(block) if p.problem_id not in held[block]]
        rng.shuffle(todo)
        for block, problem_id in todo[:lost_after]:
            held[block][problem_id] = completions(problem_id)
            sampled.append(problem_id)
            await blocks.add(one, block, held[block][problem_id])
            if len(held[block]) == SIZE:
                await blocks.finish(one, block, [row for p in problems(block) for row in held[block][p.problem_id]])

    starts = 0
    while finished_blocks(one, store) != {0, 1, 2, 3}:
        asyncio.run(engine(rng.randrange(6, 30)))
        starts += 1
    again = len(sampled) - len(set(sampled))
    assert len(set(sampled)) == 4 * SIZE and again <= (starts - 1) * SIZE // 2, (
        f"{again} problems again in {starts} starts"
    )
    for block in range(4):
        assert count_block(store, one, block, problems(block), N).completions == SIZE * N
    assert store.names(store.path(one.directory, "blocks")) == [
        block_path(block).split("/")[1] for block in range(4)
    ], "parts are left"


def test_what_two_engines_sampled_stands_once(tmp_path: Path) -> None:
    store, one = Store(str(tmp_path)), sampling_step(0)

    async def twice() -> dict[str, list[Completion]]:
        first, second = Blocks([one], store), Blocks([one], store)
        for blocks, text in ((first, "first"), (second, "second")):
            await blocks.begin(one, 0, 2)
            await blocks.add(one, 0, completions("p000", text))
        return await Blocks([one], store).begin(one, 0, 2)

    found = asyncio.run(twice())
    assert list(found) == ["p000"] and len(found["p000"]) == N and len({row.text for row in found["p000"]}) == 1


def test_a_block_that_was_finished_but_not_reported_is_not_sampled_again(tmp_path: Path) -> None:
    store, one = Store(str(tmp_path)), sampling_step(0)

    async def run() -> tuple[dict[str, list[Completion]], dict[str, list[Completion]]]:
        rows = [row for p in problems(0) for row in completions(p.problem_id)]
        await Blocks([one], store).finish(one, 0, rows)
        later = Blocks([one], store)
        found = await later.begin(one, 0, SIZE)
        await later.finish(one, 0, [row for rows in found.values() for row in rows])
        return found, await Blocks([one], store).begin(one, 0, SIZE)

    found, after = asyncio.run(run())
    assert len(found) == SIZE and found == after


def test_counts_of_a_block_and_what_is_wrong_with_it(tmp_path: Path) -> None:
    store, one = Store(str(tmp_path)), sampling_step(0)
    rows = [row for p in problems(0)[1:] for row in completions(p.problem_id, reason="length")] + completions(
        "p000", reason="error"
    )
    asyncio.run(Blocks([one], store).finish(one, 0, rows))
    counts = count_block(store, one, 0, problems(0), N)
    assert (counts.completions, counts.truncated, counts.errors) == (SIZE * N, (SIZE - 1) * N, {"p000": "why"})
    assert (counts.completion_tokens, counts.prompt_tokens) == (2 * SIZE * N, 5 * SIZE)
    for other, n in ((problems(1), N), (problems(0)[:-1], N), (problems(0), N + 1)):
        with pytest.raises(ValueError, match="does not hold the"):
            count_block(store, one, 0, other, n)
    path = tmp_path / one.directory / block_path(0)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="damaged"):
        count_block(store, one, 0, problems(0), N)


@pytest.mark.parametrize("lost", ["", "plan", "damaged plan"])
def test_blocks_of_other_inputs_or_without_a_plan_are_not_gone_on_with(
    lost: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An adapter that a repair has trained again has another content under the same name: a table would hold two models' samples."""
    problems_step, resources = step("p", WorldProblems(seed=1)), replace(LOCAL, problems_per_block=SIZE)
    one, store = sampling_step(1), Store(str(tmp_path))

    def make_input(question: str) -> None:
        store.remove([store.path(problems_step.directory, "manifest.json")])
        (attempt := store.attempt(problems_step)).write_records("test", [Problem("p000", question)], Problem)
        attempt.commit({})
        _KNOWN.clear()

    make_input("q")
    assert _problems_per_block(one, store, resources) == SIZE
    files = [store.path(one.directory, "blocks", name) for name in ("000000.parquet", "000001.0123abcd.part")]
    for path in files:
        store.write(path, b"rows")
    make_input("q")
    assert _problems_per_block(one, store, replace(resources, problems_per_block=3)) == SIZE, (
        "the plan of the first attempt stands"
    )
    assert all(Path(path).exists() for path in files) and not caplog.records
    if not lost:
        make_input("another")
    elif lost == "plan":
        store.remove([store.path(one.directory, "blocks/plan.json")])
    else:
        store.write(store.path(one.directory, "blocks/plan.json"), b"{")
    assert _problems_per_block(one, store, replace(resources, problems_per_block=3)) == 3
    assert not any(Path(path).exists() for path in files) and "2 files of blocks are of other inputs" in caplog.text
    assert _problems_per_block(one, store, resources) == 3
