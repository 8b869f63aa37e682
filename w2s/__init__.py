"""w2s: weak-to-strong reasoning as a graph of steps over a store. This package is pure: no ray, torch, transformers or
vllm."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Store": "w2s.store.store",
    "load": "w2s.experiments.catalog",
    "plan": "ray_jobs.api",
    "read": "ray_jobs.api",
    "run": "ray_jobs.api",
}
"""Names of docs/api.md and their modules, which are imported when a name is first used. Nothing of w2s itself uses
them, because arrows go from the jobs to w2s."""


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'w2s' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
