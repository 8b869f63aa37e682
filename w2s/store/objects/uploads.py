"""Incomplete multipart uploads: invisible in object listings, billed until aborted."""

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
    """An upload to `path`, begun at `modified`, with `bytes` in its parts. `path` may hold an object besides."""

    number: str
    """S3's UploadId."""


def unfinished_uploads(objects: Objects) -> list[Upload]:
    """All uploads to a bucket store, of writers at work and of killed writers; a folder has none.

    Raises ValueError if the server's policy does not let them be listed.
    """
    if objects.s3 is None:
        return []
    bucket, _, prefix = objects.path("").partition("/")

    def upload(entry: dict[str, Any]) -> Upload:
        key, number = entry["Key"], entry["UploadId"]
        parts = _entries(objects, "list_parts", "Parts", Bucket=bucket, Key=key, UploadId=number)
        size = sum(int(part["Size"]) for part in parts)
        return Upload(f"{bucket}/{key}", size, entry["Initiated"].timestamp(), number)

    try:
        entries = _entries(objects, "list_multipart_uploads", "Uploads", Bucket=bucket, Prefix=prefix)
        return in_parallel(upload, entries)
    except PermissionError as error:
        raise ValueError(
            f"{objects.url}: incomplete multipart uploads cannot be listed: "
            "the policy must allow s3:ListBucketMultipartUploads"
        ) from error


def abort(objects: Objects, uploads: Sequence[Upload]) -> None:
    """Remove uploads with their parts; an upload that has ended already is no error."""

    def abort_one(upload: Upload) -> None:
        bucket, _, key = upload.path.partition("/")
        with suppress(FileNotFoundError):
            objects.fs.call_s3("abort_multipart_upload", Bucket=bucket, Key=key, UploadId=upload.number)

    in_parallel(abort_one, uploads)


def _entries(objects: Objects, request: str, field: str, **parameters: str) -> Iterator[dict[str, Any]]:
    """All entries of a listing, from `field` of each page."""
    # FileNotFoundError: "NoSuchUpload" of an upload that has ended meanwhile; of rclone (v1.74.4), no uploads at all.
    with suppress(FileNotFoundError):
        for page in pages(objects.fs, request, **parameters):
            yield from page.get(field, ())
