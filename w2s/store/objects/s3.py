"""How a bucket is reached: endpoint, region, retries and timeouts, from the usual AWS variables; credentials are never
held here."""

# s3fs and fsspec come without types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from w2s.urls import refuse_credentials

RETRIES = 10
"""Times a request is tried again, adaptively (slower after SlowDown), and again by s3fs where an answer is cut off."""
CONNECT_SECONDS, READ_SECONDS = 10.0, 60.0
CONNECTIONS = 64
"""Requests in flight from one process."""
MARKERS = ("ContinuationToken", "KeyMarker", "UploadIdMarker", "PartNumberMarker")
"""Where a page of a listing begins; an answer names the next page's with `Next` before it."""


@dataclass(frozen=True)
class S3:
    """Where the server is. Travels to workers inside a store; each process finds credentials for itself, in botocore's
    order (`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, `AWS_PROFILE`, files, the instance's role)."""

    endpoint: str = ""
    """Empty: AWS itself, or what the profile in ~/.aws/config names."""
    region: str = ""

    def __post_init__(self) -> None:
        refuse_credentials(self.endpoint, "AWS_ENDPOINT_URL")

    @classmethod
    def from_environment(cls) -> "S3":
        """From AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, and AWS_REGION or AWS_DEFAULT_REGION.

        Raises ValueError where the endpoint carries credentials.
        """
        get = os.environ.get
        return cls(
            get("AWS_ENDPOINT_URL_S3") or get("AWS_ENDPOINT_URL") or "",
            get("AWS_REGION") or get("AWS_DEFAULT_REGION") or "",
        )

    def options(self) -> dict[str, Any]:
        """s3fs's keyword arguments."""
        config: dict[str, Any] = {
            "retries": {"mode": "adaptive", "max_attempts": RETRIES},
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": READ_SECONDS,
            "max_pool_connections": CONNECTIONS,
        }
        if self.endpoint:
            # Other servers than AWS often know neither bucket host names nor trailing checksums; every file has its
            # sha256 anyway.
            config |= {"s3": {"addressing_style": "path"}, "request_checksum_calculation": "when_required"}
            config |= {"response_checksum_validation": "when_required"}
        # A listing that is minutes old would hide what others wrote.
        options: dict[str, Any] = {"config_kwargs": config, "use_listings_cache": False}
        if self.endpoint:
            options["endpoint_url"] = self.endpoint
        if self.region:
            options["client_kwargs"] = {"region_name": self.region}
        return options

    def filesystem(self) -> Any:
        """The s3fs filesystem, one a process: fsspec's own cache would make one a thread, each with its connections."""
        return _filesystem(self, os.getpid())


def child_names(fs: Any, path: str) -> list[str]:
    """Names right under `bucket/key`, in one request a thousand; s3fs's `ls` lists the folder above too where there are
    none."""
    bucket, _, key = path.partition("/")
    prefix = f"{key.rstrip('/')}/" if key else ""
    found: list[str] = []
    for page in pages(fs, "list_objects_v2", Bucket=bucket, Prefix=prefix, Delimiter="/"):
        found += [one["Prefix"] for one in page.get("CommonPrefixes", ())] + [
            one["Key"] for one in page.get("Contents", ())
        ]
    return [one.removeprefix(prefix).rstrip("/") for one in found]


def pages(fs: Any, request: str, **asked: str) -> Iterator[dict[str, Any]]:
    """All pages of a listing, each of which says where the next one begins."""
    more: dict[str, Any] = {}
    while True:
        page = fs.call_s3(request, **asked, **more)
        yield page
        if not page.get("IsTruncated"):
            return
        if not (more := {name: page[f"Next{name}"] for name in MARKERS if page.get(f"Next{name}")}):
            raise OSError(f"{request}: a page that is not the last does not say where the next one begins")


@lru_cache
def _filesystem(settings: S3, process: int) -> Any:
    import s3fs

    fs = s3fs.S3FileSystem(**settings.options(), skip_instance_cache=True)
    fs.retries = RETRIES
    return fs
