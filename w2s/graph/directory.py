"""The directory of a step in a store, `steps/KIND-FINGERPRINT`: made and read here alone.

w2s/store/layout.py has the paths in this directory and all other paths of a store.
"""

import re

STEPS = "steps"
"""The folder of a store that holds one directory a step."""
FINGERPRINT_DIGITS = 16
"""Hex digits of a fingerprint in a directory's name; the manifest in the directory has all 64."""

_IN_STEP = re.compile(rf"({STEPS}/[^/]+)/(.+)")


def step_directory(kind: str, fingerprint: str) -> str:
    """The directory of a step, relative to the store."""
    return listed_directory(f"{kind}-{fingerprint[:FINGERPRINT_DIGITS]}")


def listed_directory(name: str) -> str:
    """The directory of a step from its name in the listing of `STEPS`."""
    return f"{STEPS}/{name}"


def kind_of(directory: str) -> str:
    """The kind of the step in a directory; empty for a directory that no step has."""
    return directory.removeprefix(f"{STEPS}/").rpartition("-")[0]


def split_step(path: str) -> tuple[str, str] | None:
    """(step directory, path in that directory) of an object's path; None for objects outside all steps."""
    match = _IN_STEP.fullmatch(path)
    return (match[1], match[2]) if match else None
