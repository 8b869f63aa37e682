"""An exported folder on the Hugging Face hub, by the hub's own client: endpoint and token come from its own places."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from w2s.errors import first_line
from w2s.report.terminal import printable

T = TypeVar("T")
REFUSED = (400, 401, 402, 403, 404)
"""HTTP codes that a retry does not change."""


@dataclass(frozen=True)
class Repository:
    """A repository of a model or dataset on the Hugging Face hub, to push to."""

    api: Any
    name: str
    kind: str
    """model or dataset."""

    def push(self, folder: Path, message: str) -> str:
        """Commit the files of a folder. Returns the commit's URL."""
        upload = self.api.upload_folder
        commit = _told(
            self.name,
            lambda: upload(repo_id=self.name, repo_type=self.kind, folder_path=folder, commit_message=message),
        )
        return str(commit.commit_url)


def check_name(name: str) -> None:
    """Raise ValueError for a text that is no repository's name."""
    from huggingface_hub.utils import HFValidationError, validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise ValueError(f"--push-to-hub {name}: must be OWNER/NAME, or NAME for your own ({error})") from None


def repository(name: str, kind: str) -> Repository:
    """The repository `name`, made private if it is not there yet; one that is there keeps its visibility.

    Raises ValueError without a token, and where the hub refuses or cannot be reached.
    """
    # The client draws bars on standard error otherwise; it reads the variable when it is imported.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from huggingface_hub import HfApi, get_token

    if get_token() is None:
        raise ValueError(
            f"--push-to-hub {name}: this machine has no token of the hub: `hf auth login`, or set HF_TOKEN to a token "
            "that may write"
        )
    api = HfApi(library_name="w2s")
    made = _told(name, lambda: api.create_repo(name, repo_type=kind, private=True, exist_ok=True))
    return Repository(api, made.repo_id, kind)


def _told(name: str, request: Callable[[], T]) -> T:
    """What the request returns. Raises ValueError with the hub's reason, never with the token."""
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return request()
    except HfHubHTTPError as error:
        way = (
            "check NAME, and that your token may write there" if error.response.status_code in REFUSED else "try again"
        )
        raise ValueError(f"--push-to-hub {name}: the hub refuses it ({printable(first_line(error))}): {way}") from None
    except Exception as error:  # the client passes on whatever its HTTP library raises
        endpoint = os.environ.get("HF_ENDPOINT", "the hub")
        raise ValueError(
            f"--push-to-hub {name}: {endpoint} cannot be reached ({printable(first_line(error))}): try again, or "
            "upload an exported folder by `hf upload`"
        ) from None
