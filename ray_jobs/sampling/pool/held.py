"""The requests of all groups that share engines, in an actor that imports nothing else."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

AT_ONCE = 100
"""Requests that the source fetches at once."""


class Held:
    """Rows of BlockRequest by index, and references to the tasks of their steps by the step's directory."""

    def __init__(self) -> None:
        self.rows: list[bytes] = []
        self.tasks: dict[str, Any] = {}
        self.steps_dropped: list[str] = []
        self.closed = False
        self._changed = asyncio.Condition()

    async def append(self, tasks: Mapping[str, Any], rows: Sequence[bytes]) -> None:
        """Take the requests of another group."""
        async with self._changed:
            self.tasks |= tasks
            self.rows += rows
            self._changed.notify_all()

    async def close(self) -> None:
        """Let the source end after the last request."""
        async with self._changed:
            self.closed = True
            self._changed.notify_all()

    async def rows_from(self, index: int) -> list[bytes]:
        """Some requests from this index on, once there are any; none after the last one."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.closed or index < len(self.rows))
            return self.rows[index : index + AT_ONCE]

    async def drop(self, steps: Sequence[str]) -> None:
        """Want no more blocks of these steps."""
        async with self._changed:
            self.steps_dropped += steps
            self._changed.notify_all()

    async def dropped(self, known: int) -> list[str]:
        """All steps that were dropped, once there are more than `known`."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.steps_dropped) > known)
            return self.steps_dropped

    async def task(self, step: str) -> Any:
        """A reference to the task of the step with this directory."""
        return self.tasks[step]
