"""Blocks of a sampling step: a lost engine costs less than a block of finished problems, and no sample comes twice."""

import asyncio
import random
from pathlib import Path

import pytest

from ray_jobs.sampling.blocks import Blocks, finished_blocks, read_counts
from ray_jobs.sampling.inputs import Task
from ray_jobs.sampling.step.block_plan import problems_per_block
from ray_jobs.sampling.step.problems import Cut
from ray_jobs.sampling.step.work import Work, _block_counts
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import Sample
from w2s.graph.step import Step, step
from w2s.recipe import Sampling, WorldProblems
from w2s.records import Completion, Problem
from w2s.store import layout
from w2s.store.attempt import Attempt
from w2s.store.objects.objects import Objects
from w2s.store.store import Store

EXPERIMENT = quickstart()
SIZE, N = 10, 3


def sampling_step(seed: int) -> Step:
    return step(
        "sampled",
        Sample(model=EXPERIMENT.strong, sampling=Sampling(n=N)),
        problems=step("p", WorldProblems(seed=seed))["test"],
    )


def opened(step: Step, store: Store) -> Blocks:
    """The blocks of an engine that has got its first block of the step."""
    blocks = Blocks(store)
    blocks.open(step)
    return blocks


def ids(block: int) -> list[str]:
    return [f"p{number:03d}" for number in range(SIZE * block, SIZE * (block + 1))]


def completions(problem_id: str, text: str = "t", reason: str = "stop") -> list[Completion]:
    return [Completion(problem_id, i, "m", text, reason, 5, 2, 0, "why" if reason == "error" else "") for i in range(N)]  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(8))
def test_a_lost_engine_costs_less_than_a_block(seed: int, tmp_path: Path) -> None:
    """Four blocks at once, whose problems are finished in any order, on engines that are lost at any moment."""
    print("seed", seed)
    rng, store, one = random.Random(seed), Store.at(str(tmp_path)), sampling_step(seed)
    sampled: list[str] = []

    async def engine(lost_after: int) -> None:
        blocks = opened(one, store)
        missing = [block for block in range(4) if block not in finished_blocks(one, store)]
        held = {block: await blocks.begin(one, block, SIZE) for block in missing}
        todo = [(block, problem_id) for block in missing for problem_id in ids(block) if problem_id not in held[block]]
        rng.shuffle(todo)
        for block, problem_id in todo[:lost_after]:
            held[block][problem_id] = completions(problem_id)
            sampled.append(problem_id)
            await blocks.add(one, block, held[block][problem_id])
            if len(held[block]) == SIZE:
                rows = [row for problem_id in ids(block) for row in held[block][problem_id]]
                await blocks.finish(one, block, rows, ids(block), N)

    starts = 0
    while finished_blocks(one, store) != {0, 1, 2, 3}:
        asyncio.run(engine(rng.randrange(6, 30)))
        starts += 1
    again = len(sampled) - len(set(sampled))
    assert len(set(sampled)) == 4 * SIZE and again <= (starts - 1) * SIZE // 2, (
        f"{again} problems again in {starts} starts"
    )
    for block in range(4):
        assert read_counts(store, one, block, ids(block), N).completions == SIZE * N
    assert store.objects.names(store.objects.path(one.directory, "blocks")) == [
        layout.block(block).split("/")[1] for block in range(4)
    ], "parts are left"


def test_a_problem_sampled_by_two_engines_counts_once(tmp_path: Path) -> None:
    store, one = Store.at(str(tmp_path)), sampling_step(0)

    async def twice() -> dict[str, list[Completion]]:
        first, second = opened(one, store), opened(one, store)
        for blocks, text in ((first, "first"), (second, "second")):
            await blocks.begin(one, 0, 2)
            await blocks.add(one, 0, completions("p000", text))
        return await opened(one, store).begin(one, 0, 2)

    found = asyncio.run(twice())
    assert list(found) == ["p000"] and len(found["p000"]) == N and len({row.text for row in found["p000"]}) == 1


def test_a_block_that_was_finished_but_not_reported_is_not_sampled_again(tmp_path: Path) -> None:
    store, one = Store.at(str(tmp_path)), sampling_step(0)

    async def run() -> tuple[dict[str, list[Completion]], dict[str, list[Completion]]]:
        rows = [row for problem_id in ids(0) for row in completions(problem_id)]
        await opened(one, store).finish(one, 0, rows, ids(0), N)
        later = opened(one, store)
        found = await later.begin(one, 0, SIZE)
        await later.finish(one, 0, [row for rows in found.values() for row in rows], ids(0), N)
        return found, await opened(one, store).begin(one, 0, SIZE)

    found, after = asyncio.run(run())
    assert len(found) == SIZE and found == after


def block_rows(block: int, text: str = "t") -> list[Completion]:
    """All completions of a block: the first problem failed, the others are truncated."""
    failed, *others = ids(block)
    truncated = [row for problem_id in others for row in completions(problem_id, text, reason="length")]
    return truncated + completions(failed, reason="error")


def test_counts_of_a_block_and_what_is_wrong_with_it(tmp_path: Path) -> None:
    store, one = Store.at(str(tmp_path)), sampling_step(0)
    written = asyncio.run(opened(one, store).finish(one, 0, block_rows(0), ids(0), N))
    counts = read_counts(store, one, 0, ids(0), N)
    assert written == counts, "the engine counts what it writes as a reader of the file does"
    assert (counts.completions, counts.truncated, counts.errors) == (SIZE * N, (SIZE - 1) * N, {"p000": "why"})
    assert (counts.completion_tokens, counts.prompt_tokens) == (2 * SIZE * N, 5 * SIZE)
    for other, n in ((ids(1), N), (ids(0)[:-1], N), (ids(0), N + 1)):
        with pytest.raises(ValueError, match="does not hold the"):
            read_counts(store, one, 0, other, n)
    path = tmp_path / one.directory / layout.block(0)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="damaged"):
        read_counts(store, one, 0, ids(0), N)


def test_the_first_writers_file_is_counted(tmp_path: Path) -> None:
    store, one = Store.at(str(tmp_path)), sampling_step(0)
    first, second = opened(one, store), opened(one, store)
    written = asyncio.run(first.finish(one, 0, block_rows(0, "first"), ids(0), N))
    assert asyncio.run(second.finish(one, 0, block_rows(0, "a longer second"), ids(0), N)) == written
    path = tmp_path / one.directory / layout.block(0)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="damaged"):
        asyncio.run(opened(one, store).finish(one, 0, block_rows(0), ids(0), N))


def test_parts_with_other_samples_than_the_steps_are_refused(tmp_path: Path) -> None:
    store, one = Store.at(str(tmp_path)), sampling_step(0)
    with pytest.raises(ValueError, match=f"does not hold the {N} samples of each of its {SIZE} problems: delete it"):
        asyncio.run(opened(one, store).finish(one, 0, block_rows(0)[:-1], ids(0), N))


@pytest.mark.parametrize("exclusive", [True, False])
def test_only_blocks_without_a_result_are_read_at_the_commit(
    exclusive: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, one = Store.at(str(tmp_path)), sampling_step(0)
    monkeypatch.setattr(Objects, "is_exclusive", exclusive)
    counts = [asyncio.run(opened(one, store).finish(one, b, block_rows(b), ids(b), N)) for b in range(3)]
    finished = {0: counts[0], 2: counts[2]}
    asked = [Problem(problem_id, "Why?") for block in (2, 0, 1) for problem_id in ids(block)]
    (attempt := Attempt(store, dict(one.inputs)["problems"].step)).write_records("test", asked, Problem)
    attempt.commit({})
    work = Work(Task(one, (), "m", 0), Attempt(store, one), Cut((((0,), 3 * SIZE),), SIZE), set(), counts=finished)
    read: list[str] = []
    monkeypatch.setattr(Objects, "read", lambda self, path: (read.append(Path(path).name), Path(path).read_bytes())[1])
    assert _block_counts(work) == counts
    assert sorted(name for name in read if name[0].isdigit()) == (
        ["000001.parquet"] if exclusive else [f"00000{block}.parquet" for block in range(3)]
    )
    path = tmp_path / one.directory / layout.block(1)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="damaged"):
        _block_counts(work)


@pytest.mark.parametrize("lost", ["", "plan", "damaged plan"])
def test_blocks_of_other_inputs_or_without_a_plan_are_discarded(
    lost: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A repair may train an adapter again under the same name; a table must not hold the samples of two models."""
    problems_step = step("p", WorldProblems(seed=1))
    one, store = sampling_step(1), Store.at(str(tmp_path))

    def make_input(question: str) -> None:
        store.objects.remove([store.objects.path(problems_step.directory, "manifest.json")])
        (attempt := Attempt(store, problems_step)).write_records("test", [Problem("p000", question)], Problem)
        attempt.commit({})
        store._known.clear()

    make_input("q")
    assert problems_per_block(one, store, SIZE) == SIZE
    files = [store.objects.path(one.directory, "blocks", name) for name in ("000000.parquet", "000001.0123abcd.part")]
    for path in files:
        store.objects.write(path, b"rows")
    make_input("q")
    assert problems_per_block(one, store, 3) == SIZE, "the plan of the first attempt holds"
    assert all(Path(path).exists() for path in files) and not caplog.records
    if not lost:
        make_input("another")
    elif lost == "plan":
        store.objects.remove([store.objects.path(one.directory, "blocks/plan.json")])
    else:
        store.objects.write(store.objects.path(one.directory, "blocks/plan.json"), b"{")
    assert problems_per_block(one, store, 3) == 3
    assert not any(Path(path).exists() for path in files) and "discarding 2 files of blocks" in caplog.text
    assert problems_per_block(one, store, SIZE) == 3
