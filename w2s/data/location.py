"""Where a model's or a source's name points: a package, a path, a URL or the Hugging Face hub. And where this node's
copies lie."""

import hashlib
import importlib.resources
import json
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from w2s.data.readers.formats import format_of

CHECK_URL = "check the URL, its credentials and that the package for its protocol is installed"

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)


def is_hub_name(name: str) -> bool:
    """Whether `name` is of the Hugging Face hub: `owner/name` or `name`, and neither a data file nor an existing
    path."""
    return _HUB_NAME.fullmatch(name) is not None and format_of(name) is None and not Path(name).exists()


def locate(name: str) -> Path | None:
    """The local path of a model's or source's name, even if nothing is there; None for hub names and other URLs.

    Raises ValueError for a `package:` name whose module is not installed as files.
    """
    if name.startswith("package:"):
        module, _, folder = name.removeprefix("package:").partition("/")
        try:
            path = importlib.resources.files(module).joinpath(folder)
        except (ModuleNotFoundError, TypeError, ValueError) as error:
            raise ValueError(
                f"no Python package {module!r} here ({error}): install it, or give a folder's path"
            ) from error
        if not isinstance(path, Path):
            raise ValueError(
                f"the package {module!r} is not installed as plain files: unpack it, or give a folder's path"
            )
        return path
    if name.startswith(("file://", "local://")):
        return Path(name.partition("://")[2])
    return None if "://" in name or is_hub_name(name) else Path(name).expanduser()


def filesystem_of(url: str) -> tuple[Any, str]:
    """fsspec's file system of a URL, and the path on it."""
    import fsspec  # pyright: ignore[reportMissingTypeStubs]

    return fsspec.core.url_to_fs(url)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def cache_folder() -> Path:
    """The folder for this node's copies of models and what it remembers of files.

    `W2S_CACHE`, else `w2s-USER` in the temporary folder.

    Raises ValueError where other users could write into it.
    """
    folder = Path(os.environ.get("W2S_CACHE") or Path(tempfile.gettempdir()) / f"w2s-{os.getuid()}")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if (status := folder.stat()).st_uid != os.getuid() or status.st_mode & 0o022:
        raise ValueError(
            f"{folder} can be written by others, who could plant models there: set W2S_CACHE to a folder of your own"
        )
    return folder


def fact_file(kind: str, facts: Mapping[str, Any]) -> Path:
    """The file of the cache that remembers what follows from these facts, which are JSON values."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return cache_folder() / f"{kind}-{digest[:32]}"


def remember(file: Path, text: str) -> None:
    """Write a file of the cache in one move, so that no other process or thread reads a part of it."""
    temporary = file.with_suffix(f".{secrets.token_hex(4)}.tmp")
    temporary.write_text(text)
    temporary.replace(file)


def recall(file: Path) -> Any:
    """The JSON value that a file of the cache remembers; None where there is none, or a power cut has damaged it,
    because all that a cache holds can be found out again."""
    try:
        return json.loads(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
