"""The token of a cluster: used where Ray would find one, refused where others can read it.

Ray's clients (2.60.0) send no token unless RAY_AUTH_MODE says so, and `ray get-auth-token --generate` writes a file
that every user of the machine can read.
"""

import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path

REFUSED = re.compile(r"Authentication (required|failed)|Unauthorized|\b401\b")
"""What Ray's job server answers to a missing or a wrong token."""


def token_file(environment: Mapping[str, str]) -> Path:
    """Where Ray's clients look for a token."""
    given = environment.get("RAY_AUTH_TOKEN_PATH")
    return Path(given) if given else Path(environment.get("HOME", "~")).expanduser() / ".ray/auth_token"


def use_token(environment: MutableMapping[str, str]) -> None:
    """Turn token mode on where a token is given, unless a mode is set. Call it before anything imports Ray.

    Raises ValueError for a token file that other users can read.
    """
    path = token_file(environment)
    if not environment.get("RAY_AUTH_TOKEN"):
        if not path.is_file():
            return
        if environment.get("RAY_AUTH_MODE", "token") == "token" and (mode := path.stat().st_mode & 0o777) & 0o077:
            raise ValueError(
                f"{path} has mode {mode:04o}, and whoever reads this token can run anything on the cluster: "
                f"chmod 600 {path}, here and on every node"
            )
    environment.setdefault("RAY_AUTH_MODE", "token")


def refusal(error: Exception) -> str:
    """What to do about an error, where the job server refused the token; else empty."""
    if not REFUSED.search(str(error)):
        return ""
    return (
        "it refused the token: copy ~/.ray/auth_token from the cluster's head to this machine (or set RAY_AUTH_TOKEN "
        "to what is in it), and leave RAY_AUTH_MODE out or at token"
    )
