"""The git commit of this code, for manifests."""

import os
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def code_commit() -> str:
    """40 hex digits, with `-dirty` where tracked files differ; `W2S_COMMIT` where it is set; empty where there is no
    repository.

    A job's working_dir comes to its cluster without .git, so whoever submits it sets `W2S_COMMIT`.
    """
    if given := os.environ.get("W2S_COMMIT"):
        return given
    if not (ROOT / ".git").exists():  # a git of further up would be of something else that holds this installation
        return ""
    try:
        commit = _git("rev-parse", "HEAD")
        return f"{commit}-dirty" if _git("status", "--porcelain", "--untracked-files=no") else commit
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()
