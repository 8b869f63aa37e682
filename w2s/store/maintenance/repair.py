"""Mending a store: a damaged step's manifest is set aside, so that the step runs again; what is whole of it stays."""

import json
import math
from collections.abc import Sequence, Set

from w2s.graph.step import Step
from w2s.store.lease.leases import Leases
from w2s.store.maintenance.verify import PLAN, Checked, block_damage, verify
from w2s.store.objects.objects import in_parallel
from w2s.store.store import Store

SET_ASIDE = "damaged.json"
"""Where a damaged step's manifest is kept, until the step is finished again and gc takes it."""


def set_damaged_aside(steps: Sequence[Step], store: Store, leases: Leases) -> list[str]:
    """Check all finished steps, name what is damaged, and make those steps unfinished; returns the names of all that need mending.

    Among them are those that an earlier repair left unfinished. Their finished consumers stay as they are: they were made from
    what the step had been. A step that another run holds is waited for, and looked at again once it is held: another repair may have
    mended it meanwhile.
    """
    named = {step.directory: step for step in steps}
    suspected: list[Step] = []
    for checked in verify(store, list(named)):
        for finding in checked.damage:
            leases.say(f"damaged: {store.absolute(f'{finding.directory}/{finding.path}')}: {finding.what}")
        if checked.damage or _is_set_aside(store, checked):
            suspected.append(named[checked.directory])
    damaged: set[str] = set()
    for step in suspected:
        with leases.hold(step):
            (checked,) = verify(store, [step.directory])
            if checked.damage:
                _set_aside(store, checked)
            if (checked.state == "finished" and checked.damage) or _is_set_aside(store, checked):
                damaged.add(step.directory)
    return [step.name for step in steps if step.directory in damaged]


def _is_set_aside(store: Store, checked: Checked) -> bool:
    return checked.state == "unfinished" and SET_ASIDE in store.names(store.path(checked.directory))


def _set_aside(store: Store, checked: Checked) -> None:
    """Remove the blocks that are not proven whole; keep the manifest under another name, and remove it."""
    path, bad = store.path(checked.directory, "manifest.json"), {finding.path for finding in checked.damage}
    blocks = {f"blocks/{name}" for name in store.names(store.path(checked.directory, "blocks"))}
    if blocks:
        whole = _whole_blocks(store, checked, blocks - bad)
        store.remove([store.path(checked.directory, block) for block in sorted(blocks - whole)])
    if checked.state == "finished":
        store.write(store.path(checked.directory, SET_ASIDE), store.read(path))
        store.remove([path])


def _whole_blocks(store: Store, checked: Checked, blocks: Set[str]) -> Set[str]:
    """Those of `blocks` that are proven whole, by the manifest or, where there is none that can be trusted, by their own checksums; none
    where the plan is lost that says which problems each holds."""
    if PLAN not in blocks or block_damage(store, checked.directory, PLAN):
        return set()
    if checked.manifest is None:
        damages = zip(
            blocks, in_parallel(lambda block: block_damage(store, checked.directory, block), blocks), strict=True
        )
        return {block for block, what in damages if not what}
    size = json.loads(store.read(store.path(checked.directory, PLAN)))["problems_per_block"]
    named = {file.path for file in checked.manifest.files if file.path.startswith("blocks/")}
    return (
        (named | {PLAN}) & blocks
        if len(named) == math.ceil(checked.manifest.counts.get("problems", 0) / size)
        else set()
    )
