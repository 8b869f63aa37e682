"""URLs of stores, models and datasets: none may carry credentials."""

import re

CREDENTIALS = re.compile(
    r"://[^/@]*@|://[^@]*:[^@]*@"
    r"|[?&](x-amz-(signature|credential|security-token)|x-goog-signature|signature|sig|([a-z]+_)?token|(api_?)?key"
    r"|pass(word|wd)?|secret)=",
    re.IGNORECASE,
)
"""A secret key may contain "/" and "#", which end a URL's host part."""


def has_credentials(url: str) -> bool:
    """Whether a URL carries a user, a password, or the signature or token of a presigned one."""
    return CREDENTIALS.search(url) is not None


def refuse_credentials(url: str, name: str) -> None:
    """Raise ValueError, without the URL's text, if it carries credentials: URLs appear in logs and in `ps`."""
    if has_credentials(url):
        raise ValueError(
            f"{name} carries credentials: remove them, and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
            "AWS_PROFILE, in the environment"
        )
