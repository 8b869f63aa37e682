"""An engine that dies is heard by all requests in flight: vLLM's own client and output handler, without an engine behind them."""

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

from ray_jobs.sampling.engine import Engine
from ray_jobs.sampling.process import EngineProcess
from ray_jobs.sampling.suspects import Suspects

pytestmark = pytest.mark.ray
TASK: Any = SimpleNamespace(step=SimpleNamespace(directory="d", name="t"), most_failed=0)


def dying() -> Any:
    """An `AsyncLLM` whose engine never answers; only the tail of `add_request` is not vLLM's, and `die` is what its monitor thread does."""
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


class Restarted(Engine):
    """An engine actor that has started, with `llm` in the place of its engine, and that will have a healthy one next."""

    def __init__(self, llm: Any) -> None:
        self.suspects, self.changed, self.restarts, self.repeated = Suspects(), asyncio.Condition(), 0, 0
        self.inputs: Any = SimpleNamespace(adapters={"t": None})
        self.process = with_llm(llm)

    def _start(self) -> EngineProcess:
        return with_llm(Healthy())

    def __del__(self) -> None: ...


def with_llm(llm: Any) -> EngineProcess:
    made = object.__new__(EngineProcess)
    guard: Any = SimpleNamespace(end=lambda: None)
    made.llm, made.guard, made._watch = llm, guard, None
    return made


async def answers(engine: Engine, name: str, count: int, tokenizing_seconds: float = 0.0) -> list[Any]:
    async def one(problem_id: str) -> Any:
        time.sleep(tokenizing_seconds)  # holds the event loop, as tokenizers do
        return await engine._generate(TASK, problem_id, [1], None)

    return await asyncio.wait_for(asyncio.gather(*(one(f"{name}{i}") for i in range(count))), 20)


def test_an_engine_that_dies_while_prompts_are_tokenized() -> None:
    """Its death is seen by a request that is just made, before vLLM's output handler hears of it."""

    async def block_after_block() -> None:
        llm = dying()
        engine = Restarted(llm)
        first = asyncio.create_task(answers(engine, "a", 32))
        await asyncio.sleep(0.2)  # all of them wait for the engine
        threading.Timer(0.05, llm.die).start()
        assert await answers(engine, "b", 64, tokenizing_seconds=0.003) == ["answer"] * 64
        assert await first == ["answer"] * 32
        assert engine.restarts == 1 and not engine.suspects.groups and not engine.suspects.running

    asyncio.run(block_after_block())


def test_an_engine_that_dies_before_its_first_answer() -> None:
    """Its first requests wait for what it supports, and there is no other that would see its death."""

    async def first_block() -> None:
        llm = dying()
        llm.known = False
        engine = Restarted(llm)
        threading.Timer(0.2, llm.die).start()
        assert await answers(engine, "a", 8) == ["answer"] * 8
        assert engine.restarts == 1

    asyncio.run(first_block())
