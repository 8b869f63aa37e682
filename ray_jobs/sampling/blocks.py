"""Files of a sampling step's completions: one a finished block, and parts of the blocks that an engine is at.

An engine works on several blocks at once and finishes their problems in any order. Whatever it has finished is written as parts
before it is as much as half a block, so that a lost engine, actor, node or driver costs less than a block, however many are begun.
"""

import asyncio
import re
import secrets
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from w2s.graph.step import Step
from w2s.records import Completion, Problem
from w2s.store.attempt import described, parquet_bytes
from w2s.store.manifest import File
from w2s.store.store import Store

PART = re.compile(r"(\d{6})\.[0-9a-f]{8}\.part")
WHOLE = re.compile(r"(\d{6})\.parquet")

Key = tuple[str, int]
"""A step's directory and the number of a block."""


def block_path(block: int) -> str:
    """Where a block's completions are, relative to the step's directory."""
    return f"blocks/{block:06d}.parquet"


def finished_blocks(step: Step, store: Store) -> set[int]:
    """Numbers of the step's blocks that have their file."""
    return {
        int(match[1]) for name in store.names(store.path(step.directory, "blocks")) if (match := WHOLE.fullmatch(name))
    }


@dataclass(frozen=True)
class Counts:
    """What stands in one block's file."""

    file: File
    completions: int
    completion_tokens: int
    prompt_tokens: int
    """Of each problem once."""
    truncated: int
    errors: dict[str, str]
    """Reasons by problem_id."""


def count_block(store: Store, step: Step, block: int, problems: Sequence[Problem], n: int) -> Counts:
    """Read a block's file.

    Raises ValueError where it is damaged or does not hold `n` samples of each of the block's problems.
    """
    relative = block_path(block)
    path = store.path(step.directory, relative)
    data = store.read(path)
    rows = store.parse_records(path, data, Completion)
    if sorted((one.problem_id, one.sample) for one in rows) != sorted(
        (one.problem_id, i) for one in problems for i in range(n)
    ):
        raise ValueError(
            f"{path} does not hold the {n} samples of each of its {len(problems)} problems: delete it and run again"
        )
    return Counts(
        file=described(relative, data),
        completions=len(rows),
        completion_tokens=sum(one.completion_tokens for one in rows),
        prompt_tokens=sum(one.prompt_tokens for one in rows if one.sample == 0),
        truncated=sum(one.finish_reason == "length" for one in rows),
        errors={one.problem_id: one.error for one in rows if one.finish_reason == "error"},
    )


class Blocks:
    """What one engine has finished of its blocks, and what earlier engines have left of them in the store as it was at the start."""

    def __init__(self, steps: Sequence[Step], store: Store) -> None:
        self.store = store
        self._loose = defaultdict[Key, list[Completion]](list)
        """Completions that no file has yet."""
        self._problems = 0
        """How many problems these are of."""
        self._size = 0
        """Problems of the largest block begun."""
        self._files = defaultdict[Key, list[str]](list)
        """Paths by block: of its parts, and of itself where it was finished but not reported."""
        self._writing = asyncio.Lock()
        for step in steps:
            folder = store.path(step.directory, "blocks")
            for name in store.names(folder):
                if match := PART.fullmatch(name) or WHOLE.fullmatch(name):
                    self._files[step.directory, int(match[1])].append(f"{folder}/{name}")

    async def begin(self, step: Step, block: int, problems: int) -> dict[str, list[Completion]]:
        """The block's completions by problem_id as far as they are in the store.

        Raises ValueError where a file of them is damaged.
        """
        self._size = max(self._size, problems)
        found: dict[str, list[Completion]] = {}
        for path in self._files[step.directory, block]:
            rows = defaultdict[str, list[Completion]](list)
            with suppress(FileNotFoundError):  # another driver has finished the block
                for one in await asyncio.to_thread(self.store.read_records, path, Completion):
                    rows[one.problem_id].append(one)
            found = rows | found  # two engines may have sampled a problem: the first part's completions stand
        return found

    async def add(self, step: Step, block: int, completions: Sequence[Completion]) -> None:
        """A problem is finished."""
        self._loose[step.directory, block] += completions
        self._problems += 1
        async with self._writing:
            if 2 * self._problems < self._size:
                return
            loose, self._problems = self._loose.copy(), 0
            self._loose.clear()
            for (directory, number), rows in loose.items():
                path = self.store.path(directory, f"blocks/{number:06d}.{secrets.token_hex(4)}.part")
                await asyncio.to_thread(self.store.write, path, parquet_bytes(rows, Completion))
                self._files[directory, number].append(path)

    async def finish(self, step: Step, block: int, completions: Sequence[Completion]) -> None:
        """All problems of the block are finished: write its file, of which the first writer's stands, and remove its parts."""
        key, path = (step.directory, block), self.store.path(step.directory, block_path(block))
        async with self._writing:
            self._problems -= len({one.problem_id for one in self._loose.pop(key, [])})
            parts = [one for one in self._files.pop(key, []) if one != path]
        await asyncio.to_thread(self.store.create, path, parquet_bytes(completions, Completion))
        await asyncio.to_thread(self.store.remove, parts)
