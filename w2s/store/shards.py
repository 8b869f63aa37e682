"""Tables read in parts: ranges of problem_ids, and of every table only the files that hold some of them.

Tables are written in order of problem_id, in several files where they are large, and the manifest says which ids a file holds. So a step
over any number of problems can be done shard by shard, each in memory of its own size.
"""

# pyarrow comes without types.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportMissingTypeStubs=false

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from w2s.records import Record, from_table, parse_parquet
from w2s.store.manifest import File
from w2s.store.objects.objects import in_parallel
from w2s.store.store import Store

SHARD_BYTES = 8 << 20
"""Of the largest table, compressed: about 100,000 completions of 300 characters, some 300 MB as records."""


class Shard(BaseModel):
    """The problems whose ids are above `after` and at most `last`, in code point order; None: no bound."""

    model_config = ConfigDict(frozen=True)
    after: str | None = None
    last: str | None = None

    def touches(self, file: File) -> bool:
        """Whether the file may hold rows of the shard; one without known ids may."""
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


def plan_shards(tables: Iterable[Sequence[File]], shard_bytes: int) -> list[Shard]:
    """Shards that together hold every problem once, cut where files of the largest table end, about `shard_bytes` of it each."""
    largest = max(tables, key=lambda files: sum(file.bytes for file in files))
    shards: list[Shard] = []
    after, size = None, 0
    ends = sorted((file.last, file.bytes) for file in largest if file.last is not None)
    for index, (last, more) in enumerate(ends, 1):
        size += more
        if size >= shard_bytes and index < len(ends) and last < ends[-1][0]:
            shards.append(Shard(after=after, last=last))
            after, size = last, 0
    return [*shards, Shard(after=after)]


def part_of(directory: str, files: Iterable[File], shard: Shard) -> Part:
    """What a shard needs of a table."""
    return Part(directory=directory, files=tuple(file for file in files if shard.touches(file)))


def read_part(store: Store, part: Part, shard: Shard, record: type[Record]) -> list[Record]:
    """The shard's rows of one table, in the order of its files, every file checked against its checksum."""
    rows: list[Record] = []
    for file, data in zip(
        part.files, in_parallel(lambda file: store.read_file(part.directory, file), part.files), strict=True
    ):
        table: Any = parse_parquet(data)
        if not shard.holds(file):
            ids = pc.field("problem_id")
            if shard.after is not None:
                table = table.filter(ids > shard.after)
            if shard.last is not None:
                table = table.filter(ids <= shard.last)
        rows.extend(from_table(table, record))
    return rows
