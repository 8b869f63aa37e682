"""Objects of a store: paths, and whole reads, writes and exclusive creates, in a folder or a bucket that fsspec
reaches."""

# fsspec comes without types.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownParameterType=false
# pyright: reportMissingTypeStubs=false, reportUnknownLambdaType=false

import errno
import hashlib
import os
import posixpath
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import fsspec

from w2s.store import layout
from w2s.store.objects.s3 import S3, child_names
from w2s.urls import refuse_credentials

CONFLICT = {"ConditionalRequestConflict", "409"}
LOST_RACE = {"PreconditionFailed", "412"}
NOT_IMPLEMENTED = {"NotImplemented", "501"}
"""S3's codes for a conditional create that ran beside another, that found an object, and that the server does not know;
s3fs hides them in the OSError's cause."""
FULL = (errno.ENOSPC, errno.EDQUOT)
CONFLICT_TRIES, CONFLICT_SECONDS = 8, 0.2
PARALLEL = 32
"""Requests in flight for one question, such as the manifests of a graph."""

PIECE = 16 << 20
"""Bytes read at once where a whole object need not be in memory."""
PART = 50 << 20
"""Bytes of a part where an object goes to a bucket in parts, several at once: from twice this size on."""

One = TypeVar("One")
Answer = TypeVar("Answer")


def in_parallel(function: Callable[[One], Answer], values: Iterable[One], at_once: int = PARALLEL) -> list[Answer]:
    """What `function` says to each value, in their order; for requests, which wait more than they work."""
    values = list(values)
    if len(values) < 2:
        return [function(value) for value in values]
    with ThreadPoolExecutor(min(at_once, len(values))) as pool:
        return list(pool.map(function, values))


@dataclass(frozen=True)
class Entry:
    """An object as a listing shows it."""

    path: str
    bytes: int
    modified: float
    """Unix seconds by the server's clock."""


def normal(url: str) -> str:
    """One spelling of a store's place: a folder's absolute path, because workers have other working directories, or a
    URL without a slash at its end.

    Raises ValueError for an empty text, which would be the current folder, and for a URL with an empty, . or .. part,
    which would be another place than the one without it.
    """
    scheme, mark, rest = url.partition("://")
    if not mark or scheme in ("file", "local"):
        folder = rest if mark else url
        if not folder.strip():
            raise ValueError(f"the store {url!r} names no folder: give one, or a URL such as s3://bucket/prefix")
        path = Path(folder).expanduser().absolute()
        return str(path.resolve() if ".." in path.parts else path)
    rest = rest.rstrip("/")
    if wrong := [part for part in rest.split("/")[1:] if part in ("", ".", "..")]:
        raise ValueError(f"the store's URL {url} has a part {wrong[0]!r} between slashes: write it without")
    return f"{scheme}://{rest}"


@dataclass(frozen=True)
class Objects:
    """The objects under `url`: a folder, or any URL fsspec has a filesystem for.

    Raises ValueError where the URL carries credentials, or names no bucket.
    """

    url: str
    exclusive: bool = False
    """Whether the server is known to refuse a second create of one object (`check_writable` finds out); a folder always
    does."""
    s3: S3 | None = None
    """For s3:// alone, from the environment where it is not given; travels to workers, which may have other
    variables."""

    def __post_init__(self) -> None:
        refuse_credentials(self.url, "the store's URL")
        object.__setattr__(self, "url", normal(self.url))
        if self.url.startswith("s3://") and not urlsplit(self.url).netloc:
            raise ValueError(f"the store's URL {self.url} names no bucket: write s3://bucket/prefix")
        if self.url.startswith("s3://") and self.s3 is None:
            object.__setattr__(self, "s3", S3.from_environment())

    @property
    def fs(self) -> Any:
        """The fsspec filesystem; caching makes this cheap."""
        return self.s3.filesystem() if self.s3 else fsspec.core.url_to_fs(self.url)[0]

    @property
    def is_folder(self) -> bool:
        """Whether the store is a folder of this machine's file system."""
        return isinstance(self.fs, fsspec.get_filesystem_class("file"))

    @property
    def is_exclusive(self) -> bool:
        """Whether of several creates of one object exactly one succeeds."""
        return self.exclusive or self.is_folder

    def path(self, *parts: str) -> str:
        """A path inside the store, as `fs` takes it."""
        root: str = self.fs._strip_protocol(self.url)
        return posixpath.join(root, *parts)

    def absolute(self, relative: str) -> str:
        """A place in the store as a folder's absolute path or a URL, for people."""
        return self.path(relative) if self.is_folder else posixpath.join(self.url, relative)

    def write(self, path: str, data: bytes) -> None:
        """Put an object whole: a reader sees all of it or nothing."""
        if not self.is_folder:
            try:
                self.fs.pipe_file(path, data, **({"chunksize": PART} if self.s3 else {}))
            except (
                FileNotFoundError
            ):  # "NoSuchUpload": where the answer to the end of an upload in parts was lost, asking again says that
                if self.digest(path, len(data)) != (len(data), hashlib.sha256(data).hexdigest()):
                    raise
            return
        temporary = Path(layout.new_temporary(path))
        try:
            self.fs.makedirs(posixpath.dirname(path), exist_ok=True)
            temporary.write_bytes(data)
            temporary.replace(path)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink()
            if error.errno in FULL:  # without the cause, whose message names no place
                raise OSError(error.errno, f"the store {self.url} is full: make room there, then run again") from None
            raise

    def create(self, path: str, data: bytes) -> bool:
        """Put an object that must not exist yet; False where it does, and holds other bytes.

        Atomic in a folder and on a server with conditional creates. Elsewhere only a look before and one after: of two
        that create at once the later one's bytes stand, and both may hear True.
        """
        if self.is_exclusive:
            return self.create_exclusively(path, data)
        if not self.fs.exists(path):
            self.write(path, data)
        for number in range(CONFLICT_TRIES):
            try:
                return self.read(path) == data
            except FileNotFoundError:  # rclone shows no object for a moment while another write of it ends
                time.sleep(CONFLICT_SECONDS * (1 + number))
        return False

    def create_exclusively(self, path: str, data: bytes) -> bool:
        """`create` by the server's own conditional create.

        Raises OSError with a code of `NOT_IMPLEMENTED` if the server has none.
        """
        if self.is_folder:
            temporary = layout.new_temporary(path)
            self.write(temporary, data)
            try:
                os.link(temporary, path)
            except FileExistsError:
                return self.holds(path, data)
            finally:
                Path(temporary).unlink()
            return True
        for number in range(CONFLICT_TRIES):
            try:
                self.fs.pipe_file(path, data, mode="create")
                return True
            except FileExistsError:
                break
            except OSError as error:
                if error_code(error) in LOST_RACE:
                    break
                if error_code(error) not in CONFLICT or number == CONFLICT_TRIES - 1:
                    raise
            time.sleep(CONFLICT_SECONDS * (1 + number))
        return self.holds(path, data)  # a retry whose first try had got through meets its own object

    def holds(self, path: str, data: bytes) -> bool:
        """Whether an object has these bytes; False where it is gone."""
        try:
            return self.read(path) == data
        except FileNotFoundError:
            return False

    def read(self, path: str) -> bytes:
        """An object's bytes, in one request."""
        return self.fs.cat_file(
            path, **({"max_concurrency": 1} if self.s3 else {})
        )  # s3fs would ask for the size first

    def digest(self, path: str, expected: int) -> tuple[int, str]:
        """An object's size and sha256, in pieces where about `expected` bytes are many.

        Raises FileNotFoundError where it is not there.
        """
        if expected <= PIECE:
            data = self.read(path)
            return len(data), hashlib.sha256(data).hexdigest()
        size, digest = int(self.fs.size(path)), hashlib.sha256()
        for start in range(0, size, PIECE):
            digest.update(self.fs.cat_file(path, start=start, end=min(size, start + PIECE)))
        return size, digest.hexdigest()

    def remove(self, paths: Sequence[str]) -> None:
        """Delete objects; one that is gone already is no error."""

        def one(path: str) -> None:
            with suppress(FileNotFoundError):
                self.fs.rm_file(path)

        in_parallel(one, paths)

    def remove_tree(self, path: str) -> None:
        """Delete all objects under a path."""
        self.remove([entry.path for entry in self.tree(path)])
        if self.is_folder and self.fs.isdir(path):
            self.fs.rm(path, recursive=True)

    def prune(self, paths: Sequence[str]) -> None:
        """Remove folders that are empty or hold only empty ones; a bucket has none."""
        for path in paths if self.is_folder else ():
            for folder, _, _ in os.walk(path, topdown=False):
                with suppress(OSError):  # not empty, or gone
                    Path(folder).rmdir()

    def names(self, path: str) -> list[str]:
        """Names right under a path, sorted; none where there is no such path."""
        try:
            found = (
                child_names(self.fs, path)
                if self.s3
                else [posixpath.basename(one.rstrip("/")) for one in self.fs.ls(path, detail=False)]
            )
        except FileNotFoundError:
            return []
        return sorted({*found} - {""})

    def tree(self, path: str) -> list[Entry]:
        """All objects under a path, sorted."""
        found: dict[str, Any] = self.fs.find(path, detail=True)
        return [
            Entry(one, int(info["size"]), _modified(info))
            for one, info in sorted(found.items())
            if info["type"] == "file"
        ]

    def modified(self, path: str) -> float:
        """Unix time at which an object was written, by the server's clock."""
        return _modified(self.fs.info(path))


def _modified(info: dict[str, Any]) -> float:
    return float(info["mtime"]) if "mtime" in info else info["LastModified"].timestamp()


def error_code(error: OSError) -> str:
    """The S3 error code behind an OSError of s3fs; empty for other errors."""
    return str(getattr(error.__cause__, "response", {}).get("Error", {}).get("Code", ""))
