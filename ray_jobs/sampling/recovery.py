"""Recovery from a dead engine: start another one for the requests that are left.

Any request in flight may be the reason for a death; ray_jobs/sampling/suspects.py decides which requests may run next
and which are guilty.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from ray_jobs.sampling.inputs import Task
from ray_jobs.sampling.process import EngineProcess
from ray_jobs.sampling.suspects import DEATHS_ALONE, Suspects
from w2s.errors import first_line

STARTS = 2
"""Tries to fetch an engine's inputs, and to start the engine, before the step fails. A ValueError is not tried
again."""
PAUSE_SECONDS = 5
"""Pause between two tries."""
MAX_DEATHS_IN_VAIN = 8
"""Deaths of the engine in a row, with no request finished or found guilty in between, after which the step fails."""

Result = TypeVar("Result")
logger = logging.getLogger(__name__)


class EngineLost(RuntimeError):
    """The actor has no engine any more, and starting another would not help."""


class StepLost(RuntimeError):
    """The engine lives, but it samples one step no more: too many of its problems kill engines, or the driver has
    dropped it."""


class RequestFailed(Exception):
    """One request has failed for good: it killed the engine `DEATHS_ALONE` times while alone in it, or vLLM aborted
    it."""


class RestartingEngine:
    """An engine that is started again after its death, by the next request that may run.

    `start` starts the processes of one engine; what it raises at the first start goes to the caller.
    """

    def __init__(self, start: Callable[[], EngineProcess]) -> None:
        self._start = start
        self._changed = asyncio.Condition()
        """Notified when `suspects` may let other requests run."""
        self._has_died = False
        """Whether nothing has followed `process`, which is dead."""
        self._starting: asyncio.Task[EngineProcess] | None = None
        """The start of the engine that follows."""
        self._lost = ""
        """Why there is no engine any more; empty while there may be one."""
        self._restarts = self._repeated = 0
        self.suspects = Suspects()
        self.process = start()

    async def generate(self, task: Task, problem_id: str, prompt_ids: list[int], parameters: Any, adapter: Any) -> Any:
        """vLLM's output for one request, from as many engines as it takes.

        Raises RequestFailed for a request that kills engines, StepLost where its step has too many of these, EngineLost
        where no engine is left, and what vLLM raises for a request that it refuses.
        """
        key = f"{task.step.directory}/{problem_id}"
        try:
            return await self._generate(key, task, prompt_ids, parameters, adapter)
        except asyncio.CancelledError:
            self.suspects.withdrawn(key)
            async with self._changed:
                self._changed.notify_all()
            raise

    async def _generate(self, key: str, task: Task, prompt_ids: list[int], parameters: Any, adapter: Any) -> Any:
        from vllm import TokensPrompt
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._lost or self.suspects.may_run(key))
                process = await self._alive()
                self.suspects.started(key)
            try:
                output = await process.generate(TokensPrompt(prompt_token_ids=prompt_ids), parameters, key, adapter)
            except (EngineDeadError, EngineGenerateError) as error:
                if not process.dead:  # only this request has failed
                    await self._finished(key)
                    raise RequestFailed(first_line(error.__cause__ or error)) from error
                await self._died(process)
                if key in self.suspects.guilty:
                    self._check_guilty(task)
                    raise RequestFailed(f"alone in the engine when it died, {DEATHS_ALONE} times") from error
            except Exception:
                await self._finished(key)
                raise
            else:
                await self._finished(key)
                return output

    def take_counts(self) -> tuple[int, int]:
        """Restarts and repeated requests since the last call."""
        counts, self._restarts, self._repeated = (self._restarts, self._repeated), 0, 0
        return counts

    def end(self) -> None:
        """End the engine's processes."""
        self.process.end()

    async def _finished(self, key: str) -> None:
        async with self._changed:
            self.suspects.finished(key)
            self._changed.notify_all()

    async def _alive(self) -> EngineProcess:
        """The engine, another one if it has died. The caller holds `_changed`, so that one is started."""
        if self._lost:
            raise EngineLost(self._lost)
        if self._has_died:
            if self._starting is None:
                logger.warning("the engine died: starting another; %d groups of suspects", len(self.suspects.groups))
                self._starting = asyncio.create_task(asyncio.to_thread(self._start))
            try:  # a request may be withdrawn meanwhile; the next one waits for the same engine
                self.process = await asyncio.shield(self._starting)
            except (EngineLost, ValueError) as error:
                # The same arguments have started an engine before, so a ValueError is no user error.
                self._lost = f"the engine did not start again: {error}" if isinstance(error, ValueError) else str(error)
                self._changed.notify_all()
                raise EngineLost(self._lost) from error
            self._has_died, self._starting = False, None
            self._restarts += 1
        return self.process

    async def _died(self, dead: EngineProcess) -> None:
        """Record the death of an engine, once, whichever request notices it first."""
        async with self._changed:
            if dead is not self.process or self._has_died:
                return
            self._has_died = True
            self._repeated += len(self.suspects.running)
            self.suspects.died()
            if self.suspects.deaths_in_vain >= MAX_DEATHS_IN_VAIN:
                why = dead.last_error()
                last = f", the last time with {why}" if why else ""
                self._lost = f"the engine died {MAX_DEATHS_IN_VAIN} times and no request was finished between{last}"
            await asyncio.to_thread(dead.end)
            self._changed.notify_all()

    def _check_guilty(self, task: Task) -> None:
        """Raise StepLost where more problems of a step kill the engine than may fail, because each of them costs
        engine starts."""
        prefix = f"{task.step.directory}/"
        guilty = sorted(key.removeprefix(prefix) for key in self.suspects.guilty if key.startswith(prefix))
        if len(guilty) > task.max_failed_problems:
            raise StepLost(
                f"{task.step.name}: problems {', '.join(guilty)} kill the engine, more than the "
                f"{task.max_failed_problems} that may fail"
            )


def retried(failure: str, function: Callable[[], Result]) -> Result:
    """The result of `function`, which is tried `STARTS` times.

    Raises ValueError at once, because only the user can help, and EngineLost with the text `failure` after the last
    try.
    """
    attempt = 0
    while True:
        attempt += 1
        try:
            return function()
        except ValueError:
            raise
        except Exception as error:  # vLLM, stores and hubs share no base class for failures that may pass
            logger.exception("%s, attempt %d of %d", failure, attempt, STARTS)
            if attempt == STARTS:
                raise EngineLost(f"{failure}, {STARTS} times: {error}") from error
        time.sleep(PAUSE_SECONDS)
