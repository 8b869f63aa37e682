"""What ran a step, for its manifest."""

import platform
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = ("ray", "torch", "transformers")


def versions(*more: str) -> dict[str, str]:
    """Versions of Python, w2s, the libraries all steps use and `more`; vLLM's CPU build goes under its own name."""
    found = {"python": platform.python_version()}
    for name in ("w2s", *LIBRARIES, *more):
        for package in (name, f"{name}-cpu"):
            try:
                found[package] = version(package)
                break
            except PackageNotFoundError:
                continue
    return found
