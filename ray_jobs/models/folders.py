"""Model folders on this node: bases from a package, a folder, a URL or the hub; trained models from the store."""

import hashlib
import posixpath
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, TypeVar

import fsspec
from filelock import FileLock

from w2s.data.location import CHECK_URL, cache_folder, locate
from w2s.errors import first_line
from w2s.graph.step import Table
from w2s.graph.trained import is_whole
from w2s.recipe import Model
from w2s.store.objects.objects import in_parallel
from w2s.store.objects.s3 import S3
from w2s.store.store import Store

T = TypeVar("T")
LIGHT = ("*.json", "*.model", "*.jinja", "*merges.txt")
"""Files of a model that are no weights: configuration and tokenizer."""
HUB_REFUSES = (400, 401, 403, 404, 410)
"""HTTP codes that a retry does not change: no such model or revision, or no access for this user."""
GATED = (
    "for a gated model accept its licence on the hub, then log in on every node "
    "(`hf auth login` there, or HF_TOKEN in its environment)"
)


def base_folder(model: Model, weights: bool = True) -> Path:
    """The base model as a local folder, downloaded if necessary; without `weights` only configuration and tokenizer.

    Raises ValueError where the user must change something (no such model, or no access to it), and what the file system
    or the hub raises where a retry may help.
    """
    if (folder := locate(model.name)) is not None:
        if not folder.is_dir():
            raise ValueError(
                f"there is no folder {folder} on {socket.gethostname()}: "
                "put the model there on every node, or give a URL or a hub name"
            )
        return folder
    patterns = [*LIGHT, *(["*.safetensors"] if weights else [])]
    return _from_url(model, patterns, weights) if "://" in model.name else _from_hub(model, patterns)


def copy_folder(model: Model, weights: bool = True) -> Path:
    """Where this node's copy of a URL's model lies, once it is made."""
    key = hashlib.sha256(f"{model.name}@{model.revision}".encode()).hexdigest()[:16]
    return cache_folder() / f"base-{key}{'' if weights else '-light'}"


def _from_url(model: Model, patterns: Sequence[str], weights: bool) -> Path:
    """A copy in the cache. One process of the node makes it and the others wait; after a kill the next one starts
    over."""
    folder = copy_folder(model, weights)
    if not folder.exists():
        with FileLock(f"{folder}.lock"):
            if not folder.exists():
                _copy(model.name, patterns, temporary := folder.with_name(f"{folder.name}.tmp"))
                temporary.rename(folder)
    return folder


def _copy(url: str, patterns: Sequence[str], folder: Path) -> None:
    if folder.exists():  # a killed process left it
        shutil.rmtree(folder)
    folder.mkdir()
    # s3fs (2026.9) continues after a cut response only where it gets a file in one piece.
    whole = {"max_concurrency": 1} if url.startswith("s3://") else {}
    try:
        fs, root = file_system(url)
        paths = [path for path in fs.ls(root, detail=False) if any(fnmatch(path, pattern) for pattern in patterns)]
        if not paths:
            raise FileNotFoundError(f"no file matches {', '.join(patterns)}")
        in_parallel(lambda path: fs.get_file(path, str(folder / posixpath.basename(path)), **whole), paths)
    except (FileNotFoundError, PermissionError, ImportError, ValueError) as error:
        raise ValueError(f"{url} cannot be fetched ({first_line(error)}): {CHECK_URL}") from error


def fetched(what: str, way: str, fetch: Callable[[], T]) -> T:
    """What `fetch` returns; a failure of the network or of a server becomes a ValueError, which ends with `way`."""
    try:
        return fetch()
    except ValueError:
        raise
    except Exception as error:  # each file system and the hub raise types of their own
        raise ValueError(
            f"{what} cannot be fetched ({first_line(error)}): check that this machine reaches its server{way}"
        ) from error


def file_system(url: str) -> tuple[Any, str]:
    """fsspec's file system of a model's URL, and the path on it."""
    return fsspec.core.url_to_fs(url, **(S3.from_environment().options() if url.startswith("s3://") else {}))


def _from_hub(model: Model, patterns: Sequence[str]) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        return Path(snapshot_download(model.name, revision=model.revision, allow_patterns=list(patterns)))
    except (HfHubHTTPError, LocalEntryNotFoundError) as error:
        cause = (error.__cause__ or error) if isinstance(error, LocalEntryNotFoundError) else error
        status = cause.response.status_code if isinstance(cause, HfHubHTTPError) else 0
        if not isinstance(cause, OfflineModeIsEnabled) and status not in HUB_REFUSES:
            raise
        raise ValueError(
            f"{model.name} at revision {model.revision} cannot be fetched from the Hugging Face hub "
            f"({first_line(cause)}): "
            f"check name and revision; {GATED}; or give a folder or URL instead"
        ) from error


def trained_folder(store: Store, table: Table) -> Path:
    """A trained adapter or whole model as a local folder, whose name holds a hash of the files, so that other weights
    get another path."""
    content = "".join(f"{posixpath.basename(file.path)} {file.sha256}\n" for file in store.files(table))
    kind = "model" if is_whole(table) else "adapter"
    return store.fetch(table, cache_folder() / f"{kind}-{hashlib.sha256(content.encode()).hexdigest()[:16]}")


def without_weights(folder: Path) -> Iterator[Path]:
    """The files of a model's folder that are no weights, and no index of them."""
    for path in sorted(folder.iterdir()):
        if any(fnmatch(path.name, pattern) for pattern in LIGHT) and not path.name.endswith(".index.json"):
            yield path
