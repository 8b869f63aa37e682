"""One vLLM engine: start it, notice its death, make sure its processes are gone.

Which engine follows a dead one is decided elsewhere (ray_jobs/sampling/recovery.py).
"""

import asyncio
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ray_jobs.runtime.imports import importing
from ray_jobs.sampling.guard import Guard
from w2s.errors import first_line

if __name__ == "__mp_main__":  # in an engine's own processes, which begin with their parent's main module
    with importing():
        import vllm.v1.engine.core  # noqa: F401

DEATH_CHECK_SECONDS = 1.0
"""Pause between two checks whether the engine is dead."""

LOGGED = re.compile(r"^(?:\([^)]*pid=\d+\) )?(?:[A-Z]+ [\d-]+ [\d:.]+ \[[^\]]*\] )?")
"""What vLLM puts before each line that an engine's process logs."""
ERROR = re.compile(r"(?:\w+\.)*\w*(?:Error|Exception): \S.*")
"""The last line of a traceback."""
NO_ROOM = re.compile(
    "No available memory for the cache blocks|larger than the available KV cache memory|OutOfMemoryError|out of memory"
)
"""What vLLM (0.32.0) and torch say where the model, or one request's KV cache, does not fit the engine's memory."""
MORE_ROOM = (
    "give it more memory in --resources (more gpus_per_engine, a higher gpu_memory_utilization; on CPUs "
    "cpu_kv_cache_gib), or take a lower max_num_seqs or max_tokens"
)
NAMES = "choose lora.targets whose layers training and engine name alike, or another model (docs/models.md)"
LAST_BYTES = 1 << 20
"""Of a log, searched for the last error."""


class EngineProcess:
    """The processes of one engine, and vLLM's client to them.

    Raises what vLLM raises where they do not start: ValueError for a model or an argument that it refuses, other errors
    for failures. ValueError too where the memory does not suffice, because another start would need as much.
    """

    def __init__(self, arguments: Any) -> None:
        with importing():
            from vllm.v1.engine.async_llm import AsyncLLM

        self._watch: asyncio.Task[None] | None = None
        self.guard = Guard()  # first, because this process may be killed in the minutes that the engine takes to start
        self._before = _logs()
        try:
            with _as_main_module():
                self.llm = AsyncLLM.from_engine_args(arguments)
            self.guard.started()
        except BaseException as error:
            self.guard.end()
            if isinstance(error, RuntimeError) and (why := self.last_error()):
                if NO_ROOM.search(why):
                    raise ValueError(f"the engine does not fit: {why.partition('. ')[0]}: {MORE_ROOM}") from error
                # vLLM says only "See root cause above", which is in the log of this process.
                raise RuntimeError(f"{why} ({first_line(error)})") from error
            raise

    def last_error(self) -> str:
        """The last error that the engine's processes have logged since it started; empty if there is none."""
        return last_error(_since(self._before))

    @property
    def dead(self) -> bool:
        """Whether the engine can answer no request any more."""
        return self.llm.errored

    @property
    def kv_tokens(self) -> int:
        """Tokens that the KV cache holds, as vLLM (0.32.0) has it from the engine's core; 0 for a model without one."""
        return self.llm.vllm_config.cache_config.kv_cache_size_tokens or 0

    async def generate(self, prompt: Any, parameters: Any, request_id: str, adapter: Any) -> Any:
        """The final output of one request; raises what vLLM raises, and EngineDeadError whenever the engine dies."""
        if self._watch is None:
            self._watch = asyncio.create_task(self._announce_death())
        outputs = self.llm.generate(prompt, parameters, request_id, lora_request=adapter)
        (output,) = [output async for output in outputs]
        return output

    async def check_adapter(self, adapter: Any) -> None:
        """Load the adapter, and check that the model has all its layers. Raises ValueError where it has not.

        An engine that dies meanwhile is left to the requests, which notice it.
        """
        from vllm.v1.engine.exceptions import EngineDeadError

        try:
            await self.llm.add_lora(adapter)
            layers, missing = (await self.llm.collective_rpc("layers_without_place", args=(adapter.lora_int_id,)))[0]
        except EngineDeadError:
            return
        except Exception as error:  # vLLM passes a worker's error on as a plain Exception
            raise ValueError(f"the engine does not take the adapter ({first_line(error)}): {NAMES}") from error
        if missing:
            raise ValueError(
                f"the engine would leave out {len(missing)} of the adapter's {layers} layers, such as {missing[0]}, "
                f"because its model has no such layers: {NAMES}"
            )

    async def _announce_death(self) -> None:
        """Raise EngineDeadError in all requests in flight once the engine is dead; vLLM 0.32.0 reaches only most of
        them.

        vLLM's output handler would raise it, but is cancelled first where `shutdown` follows in the same turn of the
        event loop (when a new request notices the death). And vLLM tells no request that waits for
        `get_supported_tasks`, as an engine's first requests do. Raising it twice does no harm.
        """
        from vllm.v1.engine.exceptions import EngineDeadError

        while not self.dead:
            await asyncio.sleep(DEATH_CHECK_SECONDS)
        self.llm.output_processor.propagate_error(EngineDeadError())
        for answer in self.llm.engine_core.utility_results.values():
            if not answer.done():
                answer.set_exception(EngineDeadError())

    def end(self) -> None:
        """End the engine and wait until its processes are gone. It has nothing to save, so it is killed: to end by
        itself it would walk all its objects three times, for 3 s of a core."""
        self.llm.shutdown(timeout=0)
        self.guard.end()


@contextmanager
def _as_main_module() -> Iterator[None]:
    """Let processes that are spawned in the body import this module first.

    They would import Ray's worker program, the main module of an actor, and then vLLM with all garbage collections.
    """
    main = sys.modules["__main__"]
    before, main.__spec__ = main.__spec__, __spec__
    try:
        yield
    finally:
        main.__spec__ = before


def last_error(log: str) -> str:
    """The last line of a traceback in what an engine's processes have logged; empty if there is none."""
    lines = (LOGGED.sub("", line).strip() for line in log.splitlines())
    errors = [line for line in lines if ERROR.fullmatch(line) and "Engine core initialization failed" not in line]
    return errors[-1] if errors else ""


def _logs() -> dict[Path, int]:
    """The files that this process and its children write their output to, with their sizes in bytes."""
    paths = {Path(f"/proc/self/fd/{number}").resolve() for number in (1, 2)}
    return {path: path.stat().st_size for path in paths if path.is_file()}


def _since(sizes: dict[Path, int]) -> str:
    """The end of what was written to the files since they had these sizes."""
    text = ""
    for path, size in sizes.items():
        with path.open("rb") as file:
            file.seek(max(size, path.stat().st_size - LAST_BYTES))
            text += file.read().decode(errors="replace")
    return text
