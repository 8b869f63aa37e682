"""Tables read in parts: ranges of problem_ids, and of every table only the files that hold some of them.

Tables are written in order of problem_id, large ones in several files, and the manifest says which ids a file holds. So
a step over any number of problems runs shard by shard, in the memory that one shard needs.
"""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from w2s.graph.step import Table
from w2s.records import Record
from w2s.store.manifest import File
from w2s.store.objects.objects import in_parallel
from w2s.store.store import Store
from w2s.store.tables import parse_parquet

SHARD_BYTES = 8 << 20
"""Compressed bytes of the largest table: about 100,000 completions of 300 characters, some 300 MB as records."""


@dataclass(frozen=True)
class ShardSize:
    """How large a shard is, whichever comes first in its largest table."""

    bytes: int
    """Compressed bytes, which say how much memory the rows need, unless they repeat."""
    rows: float = math.inf
    """Rows, for work whose time follows their number."""


class Shard(BaseModel):
    """The problems whose ids are above `after` and at most `last`, in code point order; None: no bound."""

    model_config = ConfigDict(frozen=True)
    after: str | None = None
    last: str | None = None

    def touches(self, file: File) -> bool:
        """Whether the file may hold rows of the shard; a file without known ids may."""
        if file.first is None or file.last is None:
            return True
        return (self.after is None or file.last > self.after) and (self.last is None or file.first <= self.last)

    def holds(self, file: File) -> bool:
        """Whether all rows of the file are the shard's."""
        if self == Shard():
            return True
        if file.first is None or file.last is None:
            return False
        return (self.after is None or file.first > self.after) and (self.last is None or file.last <= self.last)


class Part(BaseModel):
    """The files of one table that a shard needs."""

    model_config = ConfigDict(frozen=True)
    directory: str
    """The step's."""
    files: tuple[File, ...]


def plan_shards(tables: Iterable[tuple[Sequence[File], int]], size: ShardSize) -> list[Shard]:
    """Shards that hold every problem once, cut where the files of the largest table end.

    `tables` are the files of each table and its number of rows, which the files are taken to share equally, because a
    manifest counts the rows of tables.
    """
    largest = max(
        (_parts_of_shards(files, rows, size) for files, rows in tables), key=lambda ends: sum(e[1] for e in ends)
    )
    shards: list[Shard] = []
    after, filled = None, 0.0
    for index, (last, more) in enumerate(largest, 1):
        filled += more
        if filled >= 1 and index < len(largest) and last < largest[-1][0]:
            shards.append(Shard(after=after, last=last))
            after, filled = last, 0.0
    return [*shards, Shard(after=after)]


def _parts_of_shards(files: Sequence[File], rows: int, size: ShardSize) -> list[tuple[str, float]]:
    """The last problem_id of each file that has some, in order, and what part of a shard the file is."""
    each = rows / max(1, len(files)) / size.rows
    return sorted((file.last, max(file.bytes / size.bytes, each)) for file in files if file.last is not None)


def part_of(directory: str, files: Iterable[File], shard: Shard) -> Part:
    """The files of a table that a shard needs."""
    return Part(directory=directory, files=tuple(file for file in files if shard.touches(file)))


def read_part(store: Store, part: Part, shard: Shard, record: type[Record]) -> list[Record]:
    """The shard's rows of one table, in the order of its files, every file checked against its checksum."""
    files = in_parallel(lambda file: store.read_file(part.directory, file), part.files)
    rows: list[Record] = []
    for file, data in zip(part.files, files, strict=True):
        bounds = Shard() if shard.holds(file) else shard
        rows.extend(parse_parquet(data, record, after=bounds.after, last=bounds.last))
    return rows


def rows_of_problem(store: Store, table: Table, problem_id: str, record: type[Record]) -> list[Record]:
    """The rows of one problem; of the table only the files that may hold them are read."""
    files = store.files(table)
    at = [file for file in files if file.first is None or file.last is None or file.first <= problem_id <= file.last]
    part = Part(directory=table.step.directory, files=tuple(at))
    return [row for row in read_part(store, part, Shard(last=problem_id), record) if row.problem_id == problem_id]


def rows_of_problems(
    store: Store, table: Table, problem_ids: Collection[str], record: type[Record]
) -> dict[str, list[Record]]:
    """The rows of some problems by id; of the table only the files that may hold them are read, one at a time."""
    found: dict[str, list[Record]] = {}
    for file in store.files(table):
        if file.first is None or file.last is None:
            inside = set(problem_ids)
        else:
            inside = {problem_id for problem_id in problem_ids if file.first <= problem_id <= file.last}
        if inside:
            data = store.read_file(table.step.directory, file)
            for row in parse_parquet(data, record, last=max(inside)):
                if row.problem_id in inside:
                    found.setdefault(row.problem_id, []).append(row)
    return found
