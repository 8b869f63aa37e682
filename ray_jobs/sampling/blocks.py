"""Completion files of a sampling step: one file for each finished block, and parts of the blocks in progress.

An engine works on several blocks at once and finishes their problems in any order. It writes finished problems as parts
before they amount to half a block, so a lost engine, actor, node or driver costs less than a block, however many blocks
are in progress.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress

from ray_jobs.sampling.results import BlockCounts
from w2s.graph.step import Step
from w2s.records import Completion
from w2s.store import layout
from w2s.store.manifest import describe
from w2s.store.store import Store
from w2s.store.tables import parquet_bytes

Key = tuple[str, int]
"""A step's directory and the number of a block."""


def finished_blocks(step: Step, store: Store) -> set[int]:
    """Numbers of the step's blocks that have a file."""
    names = store.objects.names(store.objects.path(layout.blocks(step.directory)))
    return {block[0] for name in names if (block := layout.block_number(name)) and block[1]}


def read_counts(store: Store, step: Step, block: int, problem_ids: Sequence[str], n: int) -> BlockCounts:
    """Counts of a block's file, which is read and checked.

    Raises ValueError where the file is damaged or does not hold `n` samples of each of the block's problems.
    """
    path = store.objects.path(step.directory, layout.block(block))
    data = store.objects.read(path)
    return _counts(path, block, data, store.parse_records(path, data, Completion), problem_ids, n)


def _counts(
    path: str, block: int, data: bytes, completions: Sequence[Completion], problem_ids: Sequence[str], n: int
) -> BlockCounts:
    """Counts of a block's file with the bytes `data`, which hold `completions`."""
    expected = sorted((problem_id, sample) for problem_id in problem_ids for sample in range(n))
    if sorted((completion.problem_id, completion.sample) for completion in completions) != expected:
        raise ValueError(
            f"{path} does not hold the {n} samples of each of its {len(problem_ids)} problems: delete it and run again"
        )
    return BlockCounts(
        file=describe(layout.block(block), data),
        completions=len(completions),
        completion_tokens=sum(completion.completion_tokens for completion in completions),
        prompt_tokens=sum(completion.prompt_tokens for completion in completions if completion.sample == 0),
        truncated=sum(completion.finish_reason == "length" for completion in completions),
        stop_strings=dict(Counter(completion.stop_string for completion in completions if completion.stop_string)),
        errors={
            completion.problem_id: completion.error for completion in completions if completion.finish_reason == "error"
        },
    )


class Blocks:
    """The files of the blocks that one engine samples.

    A step's files are listed once, when the engine gets its first block, so parts of earlier engines are used.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._unwritten = defaultdict[Key, list[Completion]](list)
        """Completions that are in no file yet."""
        self._unwritten_problems = 0
        self._size = 0
        """Problems of the largest block begun."""
        self._files = defaultdict[Key, list[str]](list)
        """Paths of each block's parts, and of the block's file where an engine wrote it but its result was lost."""
        self._writing = asyncio.Lock()

    def open(self, step: Step) -> None:
        """List the files of a step, before its first block."""
        folder = self.store.objects.path(layout.blocks(step.directory))
        for name in self.store.objects.names(folder):
            if block := layout.block_number(name):
                self._files[step.directory, block[0]].append(f"{folder}/{name}")

    async def begin(self, step: Step, block: int, problems: int) -> dict[str, list[Completion]]:
        """The completions of a block of `problems` problems that are in the store already, by problem_id.

        Raises ValueError where a file is damaged.
        """
        self._size = max(self._size, problems)
        stored: dict[str, list[Completion]] = {}
        for path in self._files[step.directory, block]:
            rows = defaultdict[str, list[Completion]](list)
            with suppress(FileNotFoundError):  # another driver has finished the block and removed its parts
                for completion in await asyncio.to_thread(self.store.read_records, path, Completion):
                    rows[completion.problem_id].append(completion)
            stored = rows | stored  # where two engines have sampled a problem, the first part's completions count
        return stored

    async def add(self, step: Step, block: int, completions: Sequence[Completion]) -> None:
        """Take the completions of a finished problem; write parts once half a block of problems is unwritten."""
        self._unwritten[step.directory, block] += completions
        self._unwritten_problems += 1
        async with self._writing:
            if 2 * self._unwritten_problems < self._size:
                return
            unwritten, self._unwritten_problems = self._unwritten.copy(), 0
            self._unwritten.clear()
            for (directory, number), rows in unwritten.items():
                path = self.store.objects.path(directory, layout.new_block_part(number))
                await asyncio.to_thread(self.store.objects.write, path, parquet_bytes(rows, Completion))
                self._files[directory, number].append(path)

    async def finish(
        self, step: Step, block: int, completions: Sequence[Completion], problem_ids: Sequence[str], n: int
    ) -> BlockCounts:
        """Write the file of a block, remove the block's parts, and return the counts of the file.

        Where another engine has written the block first, its file counts. Raises ValueError as `read_counts` does.
        """
        key, path = (step.directory, block), self.store.objects.path(step.directory, layout.block(block))
        async with self._writing:
            self._unwritten_problems -= len({completion.problem_id for completion in self._unwritten.pop(key, [])})
            parts = [part for part in self._files.pop(key, []) if part != path]
        data = parquet_bytes(completions, Completion)
        is_ours = await asyncio.to_thread(self.store.objects.create, path, data)
        await asyncio.to_thread(self.store.objects.remove, parts)
        if is_ours:
            return _counts(path, block, data, completions, problem_ids, n)
        return await asyncio.to_thread(read_counts, self.store, step, block, problem_ids, n)
