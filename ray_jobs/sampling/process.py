"""One `AsyncLLM`: started under a guard, heard when it dies, ended for certain. Which engine comes next is ray_jobs/sampling/engine.py's."""

import asyncio
from typing import Any

from ray_jobs.sampling.guard import Guard

DEATH_SECONDS = 1.0
"""Between looks whether the engine is dead."""


class EngineProcess:
    """The processes of one engine, and what waits for them.

    Raises what vLLM raises where they do not start: ValueError where it refuses a model or an argument, anything else where they fail.
    """

    def __init__(self, arguments: Any) -> None:
        from vllm.v1.engine.async_llm import AsyncLLM

        self._watch: asyncio.Task[None] | None = None
        self.guard = Guard()  # first: this process may be killed while the engine starts, which takes minutes
        try:
            self.llm = AsyncLLM.from_engine_args(arguments)
            self.guard.started()
        except BaseException:
            self.guard.end()
            raise

    @property
    def dead(self) -> bool:
        """Whether nothing can be asked of it any more."""
        return self.llm.errored

    async def generate(self, prompt: Any, parameters: Any, key: str, adapter: Any) -> Any:
        """The answer to one request; raises what vLLM raises, EngineDeadError whenever the engine dies."""
        if self._watch is None:
            self._watch = asyncio.create_task(self._tell_death())
        (result,) = [r async for r in self.llm.generate(prompt, parameters, key, lora_request=adapter)]
        return result

    async def _tell_death(self) -> None:
        """Give all requests in flight the EngineDeadError that vLLM 0.32.0 gives most of them.

        Its output handler would, but is cancelled before where `shutdown` follows within the same turn of the event loop (a request
        that comes just then sees the death first); and nobody tells those that wait for `get_supported_tasks`, as an engine's first
        ones do. To be told twice does no harm.
        """
        from vllm.v1.engine.exceptions import EngineDeadError

        while not self.dead:
            await asyncio.sleep(DEATH_SECONDS)
        self.llm.output_processor.propagate_error(EngineDeadError())
        for answer in self.llm.engine_core.utility_results.values():
            if not answer.done():
                answer.set_exception(EngineDeadError())

    def end(self) -> None:
        """End the engine, and see that its processes are gone."""
        self.llm.shutdown()
        self.guard.end()
