"""Live engines and the groups that join them: sizes, who may join, who gets which result, and what a failure costs."""

import threading
from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest

from ray_jobs.resources.presets import load_resources
from ray_jobs.resources.vllm import EngineSize
from ray_jobs.sampling.pool import pool as pool_module
from ray_jobs.sampling.pool import pools as pools_module
from ray_jobs.sampling.pool.pool import Pool
from ray_jobs.sampling.pool.pools import Pools
from ray_jobs.sampling.pool.size import PoolSize, adapter_rank, engine_size, pool_size
from ray_jobs.sampling.results import COLUMN, BlockResult, to_row
from w2s.experiments.quickstart import quickstart
from w2s.graph.build import build_steps
from w2s.graph.recipes import ForeignAdapter
from w2s.graph.step import Step

STEPS = {step.name: step for step in build_steps(quickstart())}
LOCAL, NODE = load_resources("local"), load_resources("node-8gpu")


@pytest.mark.parametrize(
    ("has", "needs", "takes"),
    [
        (EngineSize(512), EngineSize(512), True),
        (EngineSize(512), EngineSize(513), False),
        (EngineSize(1024), EngineSize(512), True),
        (EngineSize(512), EngineSize(512, 1, 8), False),
        (EngineSize(512, 8, 8), EngineSize(512), True),
        (EngineSize(512, 8, 8), EngineSize(512, 1, 16), False),
        (EngineSize(512, 1, 16), EngineSize(512, 2, 8), True),  # vLLM loads them in turn
    ],
)
def test_which_steps_an_engine_takes(has: EngineSize, needs: EngineSize, takes: bool) -> None:
    assert has.takes(needs) is takes


def test_an_engine_is_made_for_all_steps_that_may_join_it() -> None:
    lora = quickstart().sft.lora
    assert lora is not None
    rank = lora.rank
    completion = quickstart().greedy.max_tokens

    def ranks(step: Step) -> int:
        return adapter_rank(step, lambda foreign: 64)

    names = ["icl_completions", "test_weak_icl", "test_strong_base"]
    first = [STEPS[name] for name in names]
    alone = engine_size(first, 300, 4096, ranks)
    assert alone == EngineSize(-(-(300 + completion) // 512) * 512)
    later = [STEPS[name] for name in ("sampled", "test_hybrid_ft_1", "test_dpo", "test_orpo", "test_ceiling")]
    whole = engine_size([*first, *later], 300, 4096, ranks)
    assert (whole.adapters, whole.rank) == (4, rank) and whole.takes(alone), "hybrid_ft_1's is sampled and tested"
    assert all(whole.takes(engine_size([step], 100, 4096, ranks)) for step in later)
    assert engine_size(first, 300, 400, ranks).max_model_len == 400, "no engine has more context than its model"
    assert adapter_rank(Step("a", ForeignAdapter(name="folder", revision="sha256:0")), lambda foreign: 64) == 64


@pytest.mark.parametrize(
    ("blocks", "sequences", "others", "resources", "expected"),
    [
        (7, 700, [], LOCAL, PoolSize(1, 1, 1, 7)),
        (7, 700, [(600, 1), (400, 10)], LOCAL, PoolSize(1, 1, 1, 7)),
        (1, 100, [(9000, 1)], LOCAL, PoolSize(1, 1, 1, 21)),  # eight waves of 256 sequences in blocks of 100
        (4, 400, [], NODE, PoolSize(1, 1, 1, 4)),
        (4, 400, [(9000, 10)], NODE, PoolSize(1, 1, 8, 103)),  # the other seven engines start once there is work
    ],
)
def test_a_pool_is_made_for_all_steps_that_may_join_it(
    blocks: int, sequences: int, others: list[tuple[int, int]], resources: Any, expected: PoolSize
) -> None:
    assert pool_size(blocks, sequences, others, resources) == expected


class Clock:
    """Counts which attempts paid and how often nobody did."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def skip(self) -> None:
        self.calls.append("nobody")

    def take(self, attempt: str, devices: float, began: float) -> None:
        self.calls.append(attempt)


class FakeChannel:
    """Engines that answer what they are asked, in the order of the groups, until they are closed."""

    def __init__(self) -> None:
        self.rows: list[bytes] = []
        self.dropped: list[str] = []
        self.changed, self.closed, self.held = threading.Condition(), False, False
        self.failure: Exception | None = None

    def append(self, tasks: Any, rows: list[bytes]) -> None:
        with self.changed:
            self.rows += rows
            self.changed.notify_all()

    def drop(self, steps: list[str]) -> None:
        self.dropped += steps

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def fail(self, error: Exception) -> None:
        with self.changed:
            self.failure = error
            self.changed.notify_all()

    def iter_batches(self, **_: Any) -> Iterator[Any]:
        while True:
            with self.changed:
                self.changed.wait_for(lambda: (self.rows and not self.held) or self.closed or self.failure)
                if self.failure:
                    raise self.failure
                if not self.rows:
                    return
                row = self.rows.pop(0)
            step, block = row.decode().split()
            error = "it broke" if step == "bad" else ""
            result = BlockResult(step, int(block), None, 3, error, False, 0, 0, "host:1", 0.0, 1.0)
            value = to_row(result)[COLUMN]
            yield SimpleNamespace(column=lambda _, value=value: SimpleNamespace(to_pylist=lambda: [value]))


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> FakeChannel:
    """The engines of a pool without Ray."""
    made = FakeChannel()
    monkeypatch.setattr("ray_jobs.sampling.pool.channel.Channel", lambda: made)
    monkeypatch.setattr(Pool, "_dataset", lambda *_: made)
    monkeypatch.setattr(pool_module.DeviceClock, "of", lambda *_: Clock())
    return made


def pool() -> Pool:
    context: Any = SimpleNamespace(resources=LOCAL, store=None)
    return Pool(quickstart().strong, EngineSize(512), PoolSize(1, 1, 1, 4), context)


def work(step: str) -> Any:
    return SimpleNamespace(task=SimpleNamespace(step=SimpleNamespace(directory=step)), attempt=step)


def rows(step: str, count: int) -> list[bytes]:
    return [f"{step} {block}".encode() for block in range(count)]


def test_each_group_gets_its_own_results_and_idle_time_is_nobodys(channel: FakeChannel) -> None:
    made = pool()
    channel.held = True
    first = made.submit([work("a"), work("b")], [*rows("a", 2), *rows("b", 1)])
    second = made.submit([work("c")], rows("c", 2))
    channel.held = False
    channel.append({}, [])
    assert [(result.step, result.block) for result in second] == [("c", 0), ("c", 1)]
    assert [(result.step, result.block) for result in first] == [("a", 0), ("a", 1), ("b", 0)]
    third = made.submit([work("d")], rows("d", 1))
    assert [result.step for result in third] == ["d"]
    made.close()
    clock: Any = made._clock
    assert clock.calls == ["nobody", "a", "a", "b", "c", "c", "nobody", "d"]


def test_a_group_that_stops_drops_its_blocks_and_waits_for_them(channel: FakeChannel) -> None:
    made = pool()
    channel.held = True
    first, second = made.submit([work("bad")], rows("bad", 3)), made.submit([work("c")], rows("c", 1))
    channel.held = False
    channel.append({}, [])
    with pytest.raises(RuntimeError, match="it broke"), closing(first):
        for result in first:
            raise RuntimeError(result.error)
    assert channel.dropped == ["bad"] and [result.step for result in second] == ["c"]
    made.close()
    assert not channel.rows


def test_engines_that_are_lost_fail_every_group_and_take_no_other(channel: FakeChannel) -> None:
    made = pool()
    channel.held = True
    groups = [made.submit([work(name)], rows(name, 2)) for name in ("a", "b")]
    channel.fail(RuntimeError("an actor died too often"))
    for group in groups:
        with pytest.raises(RuntimeError, match="died too often"):
            next(group)
    made.close()
    with pytest.raises(RuntimeError, match="died too often"):
        made.submit([work("c")], rows("c", 1))


class FakePool:
    """A pool that records its calls."""

    def __init__(self, model: Any, engine: EngineSize, size: PoolSize, context: Any) -> None:
        self.engine, self.failure = engine, None
        self.calls: list[str] = []
        MADE.append(self)

    def submit(self, works: Any, requests: Any) -> Iterator[Any]:
        self.calls.append(" ".join(work.task.step.name for work in works))
        return iter(())

    def close(self) -> None:
        self.calls.append("closed")


MADE: list[FakePool] = []


def test_a_group_joins_the_engines_of_its_base_where_they_can_take_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools_module, "Pool", FakePool)
    MADE.clear()
    context: Any = SimpleNamespace(resources=LOCAL, store=SimpleNamespace(rows=lambda table: 0))
    done = {"icl_completions"}
    pools = Pools(list(STEPS.values()), done)

    def submit(name: str, prompt: int) -> None:
        step = STEPS[name]
        asked: Any = SimpleNamespace(task=SimpleNamespace(step=step, recipe=step.recipe), sequences=10)
        pools.submit([asked], [b"row"], prompt, 4096, context)

    for name, prompt in (("test_weak_icl", 300), ("sampled", 60), ("weak_completions", 60), ("test_dpo", 60)):
        submit(name, prompt)
    strong, weak = MADE
    assert (strong.calls, weak.calls) == (["test_weak_icl", "sampled", "test_dpo"], ["weak_completions"])
    assert pools.alive(STEPS["test_orpo"])
    submit("test_orpo", 2000)  # a prompt longer than the context that the engines have
    assert strong.calls[-1] == "closed" and MADE[2].calls == ["test_orpo"]
    failed: Any = MADE[2]
    failed.failure = RuntimeError("lost")
    assert not pools.alive(STEPS["test_orpo"])
    submit("test_ceiling", 60)
    assert MADE[3].calls == ["test_ceiling"]
    pools.release(str(quickstart().strong))
    pools.release(str(quickstart().weak))
    assert MADE[3].calls[-1] == weak.calls[-1] == "closed" and not pools.alive(STEPS["test_orpo"])
