"""Records as Parquet files: one non-null column a field, rows in the order they were given.

Of w2s only this module and data/readers/arrow.py import pyarrow, because pyarrow comes without types.
"""

# pyarrow comes without types.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportMissingTypeStubs=false, reportUnknownParameterType=false

import io
from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from typing import Any, get_type_hints

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from w2s.records import FinishReason, Record

_ARROW: dict[Any, pa.DataType] = {str: pa.string(), int: pa.int64(), float: pa.float64(), FinishReason: pa.string()}


def parquet_bytes(records: Sequence[Record], record: type[Record]) -> bytes:
    """Records as a Parquet file; no records give a file with the schema and no rows."""
    schema = _schema(record)
    columns = [pa.array([getattr(row, column.name) for row in records], column.type) for column in schema]
    buffer = io.BytesIO()
    # Page checksums, because a block has no sha256 anywhere before its step has a manifest.
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), buffer, compression="zstd", write_page_checksum=True)
    return buffer.getvalue()


def parse_parquet(
    data: bytes, record: type[Record], *, after: str | None = None, last: str | None = None, checksums: bool = False
) -> list[Record]:
    """The records of a Parquet file, with `after` only those of a larger problem_id, with `last` none of a larger one.

    With `checksums` the checksums of its pages are verified too.

    Raises ValueError if the bytes are damaged, or their columns are not the record's.
    """
    try:
        # In this thread alone, because threads of Arrow (pyarrow 26.0.1) may release Python's bytes while the
        # interpreter ends, which aborts the process; tests/unit/store/test_shards.py looks for those threads.
        table: Any = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=checksums).read(use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise ValueError(str(error)) from error
    if table.column_names != _schema(record).names:
        raise ValueError(
            f"a table of {record.__name__} has the columns {_schema(record).names}, this one has {table.column_names}"
        )
    if after is not None:
        table = table.filter(pc.field("problem_id") > after)
    if last is not None:
        table = table.filter(pc.field("problem_id") <= last)
    return [record(*row) for row in zip(*(column.to_pylist() for column in table.columns), strict=True)]


def problem_id_range(data: bytes) -> tuple[str | None, str | None]:
    """(smallest, largest) problem_id of a Parquet file, from its footer's statistics; (None, None) if it has none."""
    metadata = pq.read_metadata(io.BytesIO(data))
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    columns = [group.column(index) for group in groups for index in range(group.num_columns) if group.num_rows]
    statistics = [column.statistics for column in columns if column.path_in_schema == "problem_id"]
    if not statistics or not all(column is not None and column.has_min_max for column in statistics):
        return None, None
    return min(column.min for column in statistics), max(column.max for column in statistics)


@cache
def _schema(record: type) -> pa.Schema:
    hints = get_type_hints(record)
    return pa.schema([pa.field(field.name, _ARROW[hints[field.name]], nullable=False) for field in fields(record)])
