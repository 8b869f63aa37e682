"""Uploads in parts that never ended: no listing of objects shows them, and their parts are paid for until they are aborted."""

# s3fs and fsspec come without types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from w2s.store.objects.objects import Entry, Objects, in_parallel
from w2s.store.objects.s3 import pages


@dataclass(frozen=True)
class Upload(Entry):
    """An upload to `path` that has begun at `modified`; its parts have `bytes` so far. There may be a whole object at `path` besides."""

    number: str
    """S3's UploadId."""


def unfinished_uploads(store: Objects) -> list[Upload]:
    """All of a store in a bucket, of writers at work and of writers that were killed; a folder has none.

    Raises ValueError where the server does not let them be listed.
    """
    if store.s3 is None:
        return []
    bucket, _, prefix = store.path("").partition("/")

    def described(found: dict[str, Any]) -> Upload:
        key, number = found["Key"], found["UploadId"]
        sizes = [
            int(part["Size"])
            for part in _entries(store, "list_parts", "Parts", Bucket=bucket, Key=key, UploadId=number)
        ]
        return Upload(f"{bucket}/{key}", sum(sizes), found["Initiated"].timestamp(), number)

    try:
        return in_parallel(
            described, _entries(store, "list_multipart_uploads", "Uploads", Bucket=bucket, Prefix=prefix)
        )
    except PermissionError as error:
        raise ValueError(
            f"{store.url}: uploads that never ended cannot be listed: the policy must allow s3:ListBucketMultipartUploads"
        ) from error


def abort(store: Objects, uploads: Sequence[Upload]) -> None:
    """Remove uploads with their parts; one that has ended already is no error."""

    def one(upload: Upload) -> None:
        bucket, _, key = upload.path.partition("/")
        with suppress(FileNotFoundError):
            store.fs.call_s3("abort_multipart_upload", Bucket=bucket, Key=key, UploadId=upload.number)

    in_parallel(one, uploads)


def _entries(store: Objects, request: str, what: str, **asked: str) -> Iterator[dict[str, Any]]:
    """All entries of a listing."""
    with suppress(
        FileNotFoundError
    ):  # "NoSuchUpload": an upload that has ended meanwhile; of rclone (v1.74.4), a bucket that has none
        for page in pages(store.fs, request, **asked):
            yield from page.get(what, ())
