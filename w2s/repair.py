"""Mending a store: a damaged step's manifest is set aside, so that the step runs again; what is whole of it stays."""

import json
import math
from collections.abc import Callable, Sequence

from w2s.manifest import Manifest
from w2s.step import Step
from w2s.store import Store
from w2s.verify import Finding, verify

SET_ASIDE = "damaged.json"
"""Where a damaged step's manifest is kept, until the step is finished again and gc takes it."""


def set_damaged_aside(steps: Sequence[Step], store: Store, say: Callable[[str], None]) -> list[str]:
    """Check all finished steps, name what is damaged, and make those steps unfinished; returns the names of all that need mending.

    Among them are those that an earlier repair left unfinished. Their finished consumers stay as they are: they were made from
    what the step had been.
    """
    directories = list(dict.fromkeys(step.directory for step in steps))
    damaged: set[str] = set()
    for checked in verify(store, directories):
        findings = [finding for finding in checked.findings if finding.is_damage]
        for finding in findings:
            say(f"damaged: {store.absolute(f'{finding.directory}/{finding.path}')}: {finding.what}")
        if findings:
            _set_aside(store, checked.directory, findings)
            damaged.add(checked.directory)
        elif checked.state == "unfinished" and SET_ASIDE in store.names(store.path(checked.directory)):
            damaged.add(checked.directory)
    return [step.name for step in steps if step.directory in damaged]


def _set_aside(store: Store, directory: str, findings: Sequence[Finding]) -> None:
    """Keep the manifest under another name, remove the blocks that are not proven whole, and then the manifest."""
    path = store.path(directory, "manifest.json")
    data = store.read(path)
    store.write(store.path(directory, SET_ASIDE), data)
    bad = {finding.path for finding in findings}
    blocks = [f"blocks/{name}" for name in store.names(store.path(directory, "blocks"))]
    if blocks:
        whole = _whole_blocks(store, directory, data) - bad
        store.remove([store.path(directory, block) for block in blocks if block not in whole])
    store.remove([path])


def _whole_blocks(store: Store, directory: str, data: bytes) -> set[str]:
    """Blocks whose checksums the manifest has, and the plan that says which problems each holds; none where that cannot be trusted."""
    try:
        manifest = Manifest.from_json(data)
        size = json.loads(store.read(store.path(directory, "blocks/plan.json")))["problems_per_block"]
        blocks = {file.path for file in manifest.files if file.path.startswith("blocks/")}
        return blocks | {"blocks/plan.json"} if len(blocks) == math.ceil(manifest.counts["problems"] / size) else set()
    except (FileNotFoundError, ValueError, KeyError, TypeError, ZeroDivisionError):
        return set()
