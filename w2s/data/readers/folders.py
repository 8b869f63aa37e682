"""The files that a source's name stands for: a file, a glob, a folder of `Dataset.save_to_disk`, a dataset's clone."""

import json
import posixpath
import re
from collections.abc import Collection
from typing import Any, NamedTuple

from w2s.data.location import CHECK_URL, filesystem_of, locate
from w2s.data.readers.formats import format_of, known_formats
from w2s.data.readers.hub import clone_files
from w2s.errors import first_line
from w2s.recipe import Source


class SourceFiles(NamedTuple):
    """Files in the order of their rows."""

    fs: Any
    """The fsspec file system."""
    paths: list[str]
    root: str
    """The folder they are relative to, so that they may be moved."""


def source_files(source: Source) -> SourceFiles:
    """The files of a source that is no dataset of the hub.

    Raises ValueError where there is none, where the file system cannot be had, or for a file of another format.
    """
    local = locate(source.name)
    try:
        fs, path = filesystem_of(source.name if local is None else str(local))
        matching: list[str] = [path] if fs.exists(path) else fs.glob(path)
        paths = sorted(file for file in matching if not posixpath.basename(file).startswith(".") and fs.isfile(file))
        is_folder = not paths and fs.isdir(path)
    except Exception as error:  # every file system has errors of its own; the user's way out is the same
        raise ValueError(f"cannot be read ({first_line(error)}): {CHECK_URL}") from error
    if is_folder:
        paths, root = _folder(fs, path, source, is_local=local is not None)
    else:
        root = posixpath.dirname(path if paths == [path] else re.split(r"[*?\[]", path)[0])
    if not paths:
        raise ValueError(
            "there is no such file: give a file, folder or glob, here or at a URL that fsspec reads, or a hub name"
        )
    if wrong := [file for file in paths if format_of(file) is None]:
        raise ValueError(f"{wrong[0]} ends in none of {known_formats()}: convert it, or narrow the glob")
    return SourceFiles(fs, paths, root)


def _folder(fs: Any, folder: str, source: Source, is_local: bool) -> tuple[list[str], str]:
    """The files of `source.split` in a folder, and the folder they are relative to."""
    if fs.exists(f"{folder}/dataset_dict.json"):
        saved: list[str] = _json(fs, f"{folder}/dataset_dict.json")["splits"]
        folder = f"{folder}/{_known_split(source, saved)}"
    if fs.exists(f"{folder}/state.json"):
        return [f"{folder}/{file['filename']}" for file in _json(fs, f"{folder}/state.json")["_data_files"]], folder
    if not is_local:
        raise ValueError("is a folder: give the files in it, like FOLDER/*.jsonl")
    files = clone_files(folder, source.subset)
    return files[_known_split(source, files)], folder


def _known_split(source: Source, splits: Collection[str]) -> str:
    if source.split not in splits:
        raise ValueError(f"has no split {source.split!r}; it has {', '.join(splits)}: set `split` beside `name`")
    return source.split


def _json(fs: Any, path: str) -> Any:
    try:
        return json.loads(fs.cat_file(path))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}): save the dataset again") from error
