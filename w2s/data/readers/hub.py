"""Datasets of the Hugging Face hub and clones of them, through the `datasets` library; none of their code is run."""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Iterator, Sequence
from typing import Any

from w2s.data.readers import arrow
from w2s.data.readers.formats import known_formats
from w2s.data.readers.read import Read
from w2s.errors import first_line
from w2s.recipe import Source


def hub_rows(source: Source, field: str, columns: Sequence[str]) -> Iterator[Read]:
    """The rows of a dataset's split, which is downloaded once and kept on disk; `field` names the source in errors.

    Raises ValueError with the library's reason where the dataset cannot be loaded.
    """
    data = _load(source, field)
    kept = [name for name in data.column_names if any(c == name or c.startswith(f"{name}.") for c in columns)]
    batches = data.select_columns(kept).with_format("arrow").iter(arrow.ROWS)  # other columns may need decoders
    labels = {name: feature.names for name, feature in data.features.items() if hasattr(feature, "names")}
    yield from arrow.rows(batches, f"{source.name} {source.split}", data.column_names, labels)


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


def clone_files(folder: str, subset: str | None) -> dict[str, list[str]]:
    """Paths by split in a folder laid out as on the hub: by its README, else by the names of files and folders.

    The library knows the hub's rules and reads no data here. Raises ValueError with its reason where it finds none.
    """
    import datasets

    try:
        builder = datasets.load_dataset_builder(folder, subset)
        return {str(split): [str(path) for path in paths] for split, paths in (builder.config.data_files or {}).items()}
    except Exception as error:  # no data files, an unknown subset: the library's message says which
        reason = " ".join(str(error).split())
        raise ValueError(
            f"is a folder whose data cannot be told ({reason:.300}): set `subset` beside `name`, or give the files in "
            "it, like FOLDER/*.jsonl"
        ) from error
