"""A vLLM plugin for tests: it ends the engine's process at certain prompts, and writes down the requests that were
finished.

`W2S_POISON`: a JSON list of prompts, as token ids; a batch with one of them ends the process.
`W2S_FINISHED`: a file that gets a line `unix_seconds request_id` for each finished request.
"""

import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any


def install(folder: Path) -> dict[str, str]:
    """Make the plugin known as an installed package would; returns the environment a run needs."""
    info = folder / "w2s_tests-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: w2s-tests\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[vllm.general_plugins]\nw2s_tests = tests.ray.sampling.engine_plugin:register\n"
    )
    return {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[3]), str(folder)]), "VLLM_PLUGINS": "w2s_tests"}


def register() -> None:
    """What vLLM calls in its own processes and in the one that holds the engine."""
    if poison := os.environ.get("W2S_POISON"):
        _end_at(json.loads(poison))
    if finished := os.environ.get("W2S_FINISHED"):
        _write_down(Path(finished))


def _end_at(prompts: list[list[int]]) -> None:
    from vllm.v1.core.sched.scheduler import Scheduler

    schedule = Scheduler.schedule

    def checked(self: Any, *arguments: Any, **named: Any) -> Any:
        batch = schedule(self, *arguments, **named)
        if any(list(new.prompt_token_ids or ()) in prompts for new in batch.scheduled_new_reqs):
            os._exit(1)
        return batch

    Scheduler.schedule = checked  # pyright: ignore[reportAttributeAccessIssue]


def _write_down(path: Path) -> None:
    from vllm.v1.engine.async_llm import AsyncLLM

    generate = AsyncLLM.generate

    async def written(self: Any, prompt: Any, parameters: Any, request_id: str, **named: Any) -> AsyncIterator[Any]:
        async for output in generate(self, prompt, parameters, request_id, **named):
            yield output
        with path.open("a") as file:
            file.write(f"{time.time()} {request_id}\n")

    AsyncLLM.generate = written  # pyright: ignore[reportAttributeAccessIssue]
