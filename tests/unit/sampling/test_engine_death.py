"""All requests in flight notice that their engine died: vLLM's own client and output handler, without an engine behind
them."""

import asyncio
import threading
import time
import weakref
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
import zmq
import zmq.asyncio

from ray_jobs.sampling.process import EngineProcess
from ray_jobs.sampling.recovery import EngineLost, RestartingEngine, StepLost
from ray_jobs.sampling.suspects import DEATHS_ALONE

pytestmark = pytest.mark.slow  # imports vLLM
TASK: Any = SimpleNamespace(step=SimpleNamespace(directory="d", name="t"), max_failed_problems=0)


def dying() -> Any:
    """An `AsyncLLM` without an answering engine; `add_request` is shortened, and `die` does what vLLM's monitor thread
    does."""
    from vllm.sampling_params import RequestOutputKind
    from vllm.v1.engine.async_llm import AsyncLLM
    from vllm.v1.engine.core_client import AsyncMPClient, BackgroundResources
    from vllm.v1.engine.exceptions import EngineDeadError
    from vllm.v1.engine.output_processor import OutputProcessor, RequestOutputCollector

    class Dying(AsyncLLM):
        def __init__(self) -> None:
            context = zmq.asyncio.Context()
            core: Any = object.__new__(AsyncMPClient)
            core.resources = resources = BackgroundResources(ctx=context)
            resources.output_socket = context.socket(zmq.PULL)
            resources.output_socket.bind_to_random_port("tcp://127.0.0.1")
            core.input_socket = resources.input_socket = context.socket(zmq.ROUTER)
            core.outputs_queue, core.decoder, core.utility_results = asyncio.Queue(), None, {}
            core.core_engine, core.client_index, core.encoder = b"\0\0", 0, SimpleNamespace(encode=lambda _: [b""])
            core._finalizer = weakref.finalize(core, resources)
            self.engine_core, self.output_handler, self.logger_manager = core, None, None
            self.output_processor = OutputProcessor(None, log_stats=False)
            self.log_stats = self.log_requests = False
            self.renderer: Any = SimpleNamespace(shutdown=lambda: None, mm_processor_cache=None)
            self.known = True

        async def add_request(self, request_id: str, *_: Any, **__: Any) -> Any:
            if self.errored:
                raise EngineDeadError()
            if not self.known:
                await self.get_supported_tasks()
            self._run_output_handler()
            queue = RequestOutputCollector(RequestOutputKind.FINAL_ONLY, request_id)
            states: Any = self.output_processor.request_states
            states[request_id] = SimpleNamespace(queue=queue)
            return queue

        def __del__(self) -> None: ...

        def die(self) -> None:
            self.engine_core.resources.engine_dead = True
            self.engine_core.shutdown()

    return Dying()


class Healthy:
    """An `AsyncLLM` that answers."""

    errored = False

    async def generate(self, *_: Any, **__: Any) -> AsyncIterator[str]:
        await asyncio.sleep(0.01)
        yield "answer"

    def shutdown(self, timeout: float) -> None: ...


def restarting(llm: Any) -> RestartingEngine:
    """An engine whose first processes are those of `llm`, and whose next ones answer."""
    first = [llm]
    return RestartingEngine(lambda: with_llm(first.pop() if first else Healthy()))


class Deadly(Healthy):
    """An `AsyncLLM` that dies of its first request."""

    async def generate(self, *_: Any, **__: Any) -> AsyncIterator[str]:
        from vllm.v1.engine.exceptions import EngineDeadError

        await asyncio.sleep(0.01)
        self.errored = True
        raise EngineDeadError()
        yield ""


def with_llm(llm: Any) -> EngineProcess:
    made = object.__new__(EngineProcess)
    guard: Any = SimpleNamespace(end=lambda: None)
    made.llm, made.guard, made._watch = llm, guard, None
    return made


async def answers(engine: RestartingEngine, name: str, count: int, busy_seconds: float = 0.0) -> list[Any]:
    async def one(problem_id: str) -> Any:
        time.sleep(busy_seconds)  # holds the event loop, as the making of requests does
        return await engine.generate(TASK, problem_id, [1], None, None)

    return await asyncio.wait_for(asyncio.gather(*(one(f"{name}{i}") for i in range(count))), 20)


def test_an_engine_that_dies_while_requests_are_made() -> None:
    """A new request notices the death before vLLM's output handler does."""

    async def block_after_block() -> None:
        llm = dying()
        engine = restarting(llm)
        first = asyncio.create_task(answers(engine, "a", 32))
        await asyncio.sleep(0.2)  # all of them wait for the engine
        threading.Timer(0.05, llm.die).start()
        assert await answers(engine, "b", 64, busy_seconds=0.003) == ["answer"] * 64
        assert await first == ["answer"] * 32
        assert engine.take_counts()[0] == 1 and not engine.suspects.groups and not engine.suspects.running

    asyncio.run(block_after_block())


def test_an_engine_that_dies_before_its_first_answer() -> None:
    """Its first requests wait in `get_supported_tasks`, and no other request could notice the death."""

    async def first_block() -> None:
        llm = dying()
        llm.known = False
        engine = restarting(llm)
        threading.Timer(0.2, llm.die).start()
        assert await answers(engine, "a", 8) == ["answer"] * 8
        assert engine.take_counts()[0] == 1

    asyncio.run(first_block())


def test_no_engine_follows_one_that_nobody_needs_any_more() -> None:
    """The only request kills each engine it gets, so two starts follow the first and none the last."""
    started: list[Deadly] = []

    def start() -> EngineProcess:
        started.append(Deadly())
        return with_llm(started[-1])

    async def alone() -> None:
        engine = RestartingEngine(start)
        with pytest.raises(StepLost, match="problems p kill the engine"):
            await engine.generate(TASK, "p", [1], None, None)
        assert len(started) == DEATHS_ALONE + 1 == engine.take_counts()[0] + 1
        assert not engine.suspects.groups and not engine.suspects.running

    asyncio.run(alone())


def test_a_request_that_is_withdrawn_during_a_start_leaves_the_engine_to_the_next() -> None:
    started: list[Healthy] = []
    slow = threading.Event()

    def start() -> EngineProcess:
        if started:
            slow.wait(10)
        started.append(Healthy() if started else Deadly())
        return with_llm(started[-1])

    async def withdrawn() -> None:
        engine = RestartingEngine(start)
        first = asyncio.create_task(engine.generate(TASK, "first", [1], None, None))
        await asyncio.sleep(0.2)  # its engine has died, and another one is starting for it
        first.cancel()
        second = asyncio.create_task(engine.generate(TASK, "second", [1], None, None))
        await asyncio.sleep(0.05)
        slow.set()
        assert await asyncio.wait_for(second, 10) == "answer"
        assert len(started) == 2 and engine.take_counts()[0] == 1
        with pytest.raises(asyncio.CancelledError):
            await first

    asyncio.run(withdrawn())


def test_an_engine_that_does_not_start_again_is_tried_once_for_all_requests() -> None:
    starts: list[int] = []

    def start() -> EngineProcess:
        starts.append(len(starts))
        if len(starts) > 1:
            raise EngineLost("no room")
        return with_llm(Deadly())

    async def lost() -> None:
        engine = RestartingEngine(start)
        requests = [engine.generate(TASK, f"p{number}", [1], None, None) for number in range(8)]
        results = await asyncio.wait_for(asyncio.gather(*requests, return_exceptions=True), 20)
        assert {str(result) for result in results} == {"no room"} and len(starts) == 2

    asyncio.run(lost())
