"""Every path of a store: below its root, and in a step's directory, which w2s/graph/directory.py names.

Paths are relative; `Objects.path` puts the store's root before them. A store made by an earlier version has the same
names, so a name that changes here makes finished work invisible.
"""

import hashlib
import re
import secrets
import time

RUNS = "runs"
REVISIONS = "revisions"
LOGS = "logs"
SCRATCH = "preflight"
"""Holds stores of their own, of tiny runs that are removed once they have ended well."""

MANIFEST = "manifest.json"
DAMAGED_MANIFEST = "damaged.json"
"""A repair keeps the manifest of a damaged step under this name until the step is finished again and gc removes it."""
LEASES = "lease"
BLOCKS = "blocks"
PLAN = "blocks/plan.json"
"""Says how many problems a block of this step has, and from which inputs the blocks were sampled."""
TRAINING = "training"
UNFINISHED = (BLOCKS, TRAINING)
"""Folders that an unfinished attempt leaves and the next attempt continues from."""

_BLOCK = re.compile(r"(\d+)(\.[0-9a-f]{8}\.part|\.parquet)")
_TEMPORARY = re.compile(r"(^probe-[0-9a-f]{16}|^runs/[^/]+\.json|\.[0-9a-f]{8}\.tmp)$")


def manifest(directory: str) -> str:
    """The manifest of the step in `directory`."""
    return f"{directory}/{MANIFEST}"


def plan(directory: str) -> str:
    """The block plan of a sampling step."""
    return f"{directory}/{PLAN}"


def blocks(directory: str) -> str:
    """The folder of a sampling step's blocks."""
    return f"{directory}/{BLOCKS}"


def block(number: int) -> str:
    """A finished block, relative to the step's directory."""
    return f"{BLOCKS}/{number:06d}.parquet"


def new_block_part(number: int) -> str:
    """A new part of an unfinished block, relative to the step's directory; no two calls return the same name."""
    return f"{BLOCKS}/{number:06d}.{secrets.token_hex(4)}.part"


def block_number(name: str) -> tuple[int, bool] | None:
    """(number, whether it is finished) of a block or block part from its name in `BLOCKS`; None for other names."""
    match = _BLOCK.fullmatch(name)
    return (int(match[1]), match[2] == ".parquet") if match else None


def training(directory: str) -> str:
    """The folder of a training step's checkpoints."""
    return f"{directory}/{TRAINING}"


def token_rows(attempt: str) -> str:
    """The folder of an attempt's token rows, relative to the step's directory; it goes with the checkpoints."""
    return f"{TRAINING}/rows-{attempt}"


def checkpoint(step: int, sha256: str) -> str:
    """Name of the checkpoint after `step` optimizer steps, in `TRAINING`; names sort by step."""
    return f"{step:08d}-{sha256}.safetensors"


def checkpoint_sha256(name: str) -> str:
    """The sha256 in a checkpoint's name."""
    return name.removesuffix(".safetensors").split("-")[1]


def leases(directory: str) -> str:
    """The folder of a step's leases."""
    return f"{directory}/{LEASES}"


def lease(directory: str, generation: int) -> str:
    """One lease of a step; the lease with the highest generation holds."""
    return f"{directory}/{LEASES}/{generation:06d}.json"


def generation(name: str) -> int | None:
    """The generation of a lease from its name in `LEASES`; None for other names."""
    return int(name.removesuffix(".json")) if name.endswith(".json") else None


def heartbeat(run: str) -> str:
    """The heartbeat of a run."""
    return f"{RUNS}/{run}.json"


def run_of_heartbeat(name: str) -> str | None:
    """The run from its heartbeat's name in `RUNS`; None for other names."""
    return name.removesuffix(".json") if name.endswith(".json") else None


def log(run: str) -> str:
    """The log of a run."""
    return f"{LOGS}/{run}.log"


def scratch(name: str) -> str:
    """The store of the tiny run `name`."""
    return f"{SCRATCH}/{name}"


def revision(kind: str, name: str) -> str:
    """The record of the revision that a model or dataset name was resolved to."""
    return f"{REVISIONS}/{hashlib.sha256(f'{kind} {name}'.encode()).hexdigest()}.json"


def new_probe() -> str:
    """An object that is removed right after it was written."""
    return f"probe-{secrets.token_hex(8)}"


def new_temporary(path: str) -> str:
    """A file beside `path` that is renamed to it once it is complete."""
    return f"{path}.{secrets.token_hex(4)}.tmp"


def is_temporary(path: str) -> bool:
    """Whether a killed process may have left this object: a probe, a heartbeat or a temporary file."""
    return _TEMPORARY.search(path) is not None


def new_name() -> str:
    """A unique name for an attempt or a run; names sort by the time (UTC) they were made."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"


def timestamp(seconds: float) -> str:
    """Unix seconds as manifests and leases write them: UTC, ISO 8601, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
