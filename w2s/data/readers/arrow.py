"""Parquet and Arrow files, and the tables of `datasets`: only the columns that are asked for, a few rows at a time."""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import json
import mmap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from w2s.data.readers.read import Read

ROWS = 1000
"""Rows that are Python objects at one time."""
DAMAGED: tuple[type[Exception], ...] = (pa.ArrowException,)
"""What pyarrow raises for a damaged or cut-off file, beside OSError."""
_MAGIC = b"ARROW1"
Labels = Mapping[str, Sequence[str]]
"""Names of class labels, by column."""


def parquet(file: Any, path: str, columns: Sequence[str]) -> Iterator[Read]:
    """Rows of a Parquet file; dotted `columns` read only that leaf of a nested one."""
    # Through a buffer, because otherwise a row group's whole column is read at once.
    source = pq.ParquetFile(file, buffer_size=1 << 20, pre_buffer=False)
    names = source.schema_arrow.names
    leaves = [source.schema.column(n).path for n in range(len(source.schema))]
    batches = source.iter_batches(ROWS, columns=_asked(columns, leaves), use_threads=False)
    yield from rows(batches, path, names, labels(source.schema_arrow))


def arrow(file: Any, path: str, columns: Sequence[str]) -> Iterator[Read]:
    """Rows of an Arrow file or stream, as `Dataset.save_to_disk` and Feather write them.

    A file of this machine is memory-mapped and its pages are given back behind the reader, because a writer may have
    put all rows into one record batch.
    """
    mapped = _mapped(file)
    source = pa.BufferReader(pa.py_buffer(mapped)) if mapped is not None else file
    is_file = source.read(len(_MAGIC)) == _MAGIC
    source.seek(0)
    reader = pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)
    names = reader.schema.names
    kept = [name for name in names if any(column == name or column.startswith(f"{name}.") for column in columns)]

    def batches() -> Iterator[Any]:
        whole = (reader.get_batch(n) for n in range(reader.num_record_batches)) if is_file else reader
        for batch in whole:
            asked = batch.select(kept)
            for start in range(0, batch.num_rows, ROWS):
                yield asked.slice(start, ROWS)
                if mapped is not None:
                    mapped.madvise(mmap.MADV_DONTNEED)

    yield from rows(batches(), path, names, labels(reader.schema))


def rows(batches: Iterable[Any], name: str, columns: Sequence[str], named: Labels) -> Iterator[Read]:
    """The rows of record batches or tables, whose schema has the `columns`; `named` are those of class labels."""
    number = 0
    for batch in batches:
        for values in _values(batch, name, number):
            number += 1
            for column in named.keys() & values.keys():
                values[column] = _label(named[column], values[column])
            yield Read(f"{name}, row {number}", values, columns)


def labels(schema: Any) -> Labels:
    """The class labels of a schema that `datasets` has written; files hold their numbers in the list of names."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {name: tuple(one["names"]) for name, one in features.items() if one.get("_type") == "ClassLabel"}
    except (KeyError, ValueError, TypeError, AttributeError):  # no such note, or of another form
        return {}


def _label(names: Sequence[str], number: Any) -> Any:
    """The name of a label; `datasets` writes -1 for a missing one."""
    if number is None or number == -1:
        return None
    return names[number] if isinstance(number, int) and 0 <= number < len(names) else number


def decompressed(file: Any) -> Any:
    """A Zstandard stream's content, as a file; the standard library has no such reader before Python 3.14."""
    return pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd")


def _asked(columns: Sequence[str], leaves: Sequence[str]) -> list[str]:
    """Paths for pyarrow, which reads every leaf whose path is one of them or lies below it.

    A dotted column that is no path, because its cells are null or lists, is asked for by its first name.
    """
    is_path = {column: any(f"{leaf}.".startswith(f"{column}.") for leaf in leaves) for column in columns}
    return [column if is_path[column] else column.partition(".")[0] for column in columns]


def _mapped(file: Any) -> mmap.mmap | None:
    """The memory map of a local file, or None."""
    try:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError, AttributeError):  # no file of this machine, or an empty one
        return None


def _values(batch: Any, name: str, before: int) -> list[dict[str, Any]]:
    """A batch's rows as Python values."""
    fields = [(field.name, field.type) for field in batch.schema if _has_short_floats(field.type)]
    try:
        values = batch.to_pylist()
    except (ValueError, OverflowError) as error:  # text that is not UTF-8, a date that Python does not have
        if batch.num_rows > 1:
            return [row for n in range(batch.num_rows) for row in _values(batch.slice(n, 1), name, before + n)]
        raise ValueError(f"{name}, row {before + 1} cannot be read ({error}): repair or remove it") from error
    for row in values:
        for field, type_ in fields:
            row[field] = _exact(row[field], type_)
    return values


def _has_short_floats(type_: Any) -> bool:
    if isinstance(type_, pa.BaseExtensionType):
        return False
    return (
        pa.types.is_float16(type_)
        or pa.types.is_float32(type_)
        or any(_has_short_floats(type_.field(n).type) for n in range(type_.num_fields))
    )


def _exact(value: Any, type_: Any) -> Any:
    """A value with its 16 and 32 bit floats as the shortest decimals: 0.1 and not 0.10000000149011612."""
    if value is None:
        return None
    if pa.types.is_float16(type_) or pa.types.is_float32(type_):
        short = np.float16(value) if pa.types.is_float16(type_) else np.float32(value)
        return Decimal(str(short)) if np.isfinite(short) else value
    if pa.types.is_struct(type_):
        return {field.name: _exact(value.get(field.name), field.type) for field in type_}
    if isinstance(value, list) and not pa.types.is_map(type_) and type_.num_fields == 1:
        return [_exact(part, type_.value_type) for part in value]
    return value
