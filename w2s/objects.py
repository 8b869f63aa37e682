"""Objects of a store: paths, and whole reads, writes and exclusive creates, in a folder or a bucket that fsspec reaches."""

# fsspec comes without types.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownParameterType=false
# pyright: reportMissingTypeStubs=false

import os
import posixpath
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec

LOST_RACE = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
"""S3's codes for a conditional create that found an object; s3fs hides them in the OSError's cause."""


@dataclass(frozen=True)
class Objects:
    """The objects under `url`: a folder, or any URL fsspec has a filesystem for."""

    url: str

    def __post_init__(self) -> None:
        if "://" not in self.url:  # workers have other working directories
            object.__setattr__(self, "url", str(Path(self.url).expanduser().absolute()))

    @property
    def fs(self) -> Any:
        """The fsspec filesystem; `instance caching` makes this cheap."""
        options: dict[str, Any] = {}
        if self.url.startswith("s3://"):
            options = {"config_kwargs": {"retries": {"mode": "adaptive", "max_attempts": 10}}}
        return fsspec.core.url_to_fs(self.url, **options)[0]

    @property
    def is_folder(self) -> bool:
        """Whether the store is a folder of this machine's file system."""
        return isinstance(self.fs, fsspec.get_filesystem_class("file"))

    def path(self, *parts: str) -> str:
        """A path inside the store, as `fs` takes it."""
        root: str = self.fs._strip_protocol(self.url)
        return posixpath.join(root, *parts)

    def absolute(self, relative: str) -> str:
        """A place in the store as a folder's absolute path or a URL, as Ray Train takes it."""
        return self.path(relative) if self.is_folder else posixpath.join(self.url, relative)

    def check_writable(self) -> None:
        """Write and delete a small object.

        Raises ValueError, naming the store and the cause, where that fails.
        """
        try:
            probe = self.path(f"probe-{secrets.token_hex(8)}")
            self.write(probe, b"w2s")
            self.fs.rm(probe)
        except Exception as error:  # whatever a file system raises here means the same to the user
            raise ValueError(f"the store {self.url} cannot be written ({type(error).__name__}: {error}): choose another --store") from error

    def check_readable(self) -> None:
        """Look for an object that need not be there.

        Raises ValueError, naming the store and the cause, where even that fails.
        """
        try:
            self.fs.exists(self.path("steps"))
        except Exception as error:  # as above
            raise ValueError(f"the store {self.url} cannot be read ({type(error).__name__}: {error}): choose another --store") from error

    def write(self, path: str, data: bytes) -> None:
        """Put an object whole: a reader sees all of it or nothing."""
        if not self.is_folder:
            self.fs.pipe_file(path, data)
            return
        self.fs.makedirs(posixpath.dirname(path), exist_ok=True)
        temporary = f"{path}.{secrets.token_hex(4)}.tmp"
        Path(temporary).write_bytes(data)
        Path(temporary).replace(path)

    def create(self, path: str, data: bytes) -> bool:
        """Put an object that must not exist yet; False where it does. Atomic in a folder and on S3 with If-None-Match."""
        if self.is_folder:
            temporary = f"{path}.{secrets.token_hex(4)}.tmp"
            self.write(temporary, data)
            try:
                os.link(temporary, path)
            except FileExistsError:
                return False
            finally:
                Path(temporary).unlink()
            return True
        try:
            self.fs.pipe_file(path, data, mode="create")
        except FileExistsError:
            return False
        except OSError as error:
            response = getattr(error.__cause__, "response", {})
            if response.get("Error", {}).get("Code") not in LOST_RACE:
                raise
            return self.read(path) == data  # a retry whose first try had got through meets its own object
        return True

    def read(self, path: str) -> bytes:
        """An object's bytes."""
        return self.fs.cat_file(path)
