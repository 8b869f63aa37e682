"""Datasets of the Hugging Face hub, through the `datasets` library, which downloads them once and keeps them on disk.

None of a dataset's code is run.
"""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Iterator, Sequence
from typing import Any

from w2s.data.readers import arrow
from w2s.data.readers.formats import known_formats
from w2s.data.readers.read import Read
from w2s.errors import first_line
from w2s.recipe import Source


def hub_rows(source: Source, field: str, columns: Sequence[str]) -> Iterator[Read]:
    """The rows of a dataset's split; `field` names the source in errors.

    Raises ValueError with the library's reason where the dataset cannot be loaded.
    """
    data = _load(source, field)
    kept = [name for name in data.column_names if any(c == name or c.startswith(f"{name}.") for c in columns)]
    batches = data.select_columns(kept).with_format("arrow").iter(arrow.ROWS)  # other columns may need decoders
    yield from arrow.rows(batches, f"{source.name} {source.split}", data.column_names)


def _load(source: Source, field: str) -> Any:
    import datasets

    try:
        return datasets.load_dataset(source.name, source.subset, split=source.split, revision=source.revision)
    except Exception as error:  # unknown, gated, offline, no such subset or split: the library's message says which
        where = f"subset {source.subset!r}, split {source.split!r}, revision {source.revision!r}"
        raise ValueError(
            f"{field}.name={source.name!r} ({where}) cannot be loaded ({first_line(error)}): correct one of these "
            f"fields, log in with HF_TOKEN if it is gated, or name files ({known_formats()})"
        ) from error
