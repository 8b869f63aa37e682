"""Recovery from a dead engine: start another one and give it the requests that were in flight.

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
    """An engine that is started again when it dies.

    `start` starts the processes of one engine; what it raises at the first start goes to the caller.
    """

    def __init__(self, start: Callable[[], EngineProcess]) -> None:
        self._start = start
        self._changed = asyncio.Condition()
        """Notified when `suspects` may let other requests run."""
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
                await self._changed.wait_for(lambda: self.suspects.may_run(key))
                self.suspects.started(key)
                process = self.process
            try:
                output = await process.generate(TokensPrompt(prompt_token_ids=prompt_ids), parameters, key, adapter)
            except (EngineDeadError, EngineGenerateError) as error:
                if not process.dead:  # only this request has failed
                    await self._finished(key)
                    raise RequestFailed(first_line(error.__cause__ or error)) from error
                await self._restart(process)
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

    async def _restart(self, dead: EngineProcess) -> None:
        """Replace `dead` by another engine, once, whichever request notices the death first."""
        async with self._changed:
            if dead is not self.process:
                return
            self._repeated += len(self.suspects.running)
            self._restarts += 1
            self.suspects.died()
            if self.suspects.deaths_in_vain >= MAX_DEATHS_IN_VAIN:
                why = dead.last_error()
                last = f", the last time with {why}" if why else ""
                raise EngineLost(
                    f"the engine died {MAX_DEATHS_IN_VAIN} times and no request was finished between{last}"
                )
            logger.warning("the engine died: starting another; %d groups of suspects", len(self.suspects.groups))
            await asyncio.to_thread(dead.end)
            try:
                self.process = await asyncio.to_thread(self._start)
            except ValueError as error:  # the same arguments have started an engine before, so this is no user error
                raise EngineLost(f"the engine did not start again: {error}") from error
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
