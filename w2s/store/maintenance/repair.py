"""Repair a store: set a damaged step's manifest aside, so that the step runs again; its whole blocks stay."""

import json
import math
from collections.abc import Sequence, Set

from w2s.graph.step import Step
from w2s.store import layout
from w2s.store.lease.leases import Leases
from w2s.store.maintenance.verify import Checked, block_damage, verify
from w2s.store.objects.objects import in_parallel
from w2s.store.store import Store


def set_damaged_aside(steps: Sequence[Step], store: Store, leases: Leases) -> list[str]:
    """Verify all finished steps, log what is damaged, and make the damaged steps unfinished.

    Returns the names of all steps to run again, among them steps that an earlier repair left unfinished. Finished steps
    that read a damaged step stay: they were made from its undamaged files. Waits for steps leased by other runs and
    verifies them again afterwards, because another repair may have fixed them.
    """
    named = {step.directory: step for step in steps}
    suspected: list[Step] = []
    for checked in verify(store, list(named)):
        for finding in checked.damage:
            leases.log(f"damaged: {store.objects.absolute(f'{finding.directory}/{finding.path}')}: {finding.what}")
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
    names = store.objects.names(store.objects.path(checked.directory))
    return checked.state == "unfinished" and layout.DAMAGED_MANIFEST in names


def _set_aside(store: Store, checked: Checked) -> None:
    """Remove the blocks that are not proven whole, then move the manifest to `DAMAGED_MANIFEST`."""
    objects, bad = store.objects, {finding.path for finding in checked.damage}
    blocks = {f"{layout.BLOCKS}/{name}" for name in objects.names(objects.path(layout.blocks(checked.directory)))}
    if blocks:
        whole = _whole_blocks(store, checked, blocks - bad)
        objects.remove([objects.path(checked.directory, block) for block in sorted(blocks - whole)])
    if checked.state == "finished":
        manifest = objects.path(layout.manifest(checked.directory))
        objects.write(objects.path(checked.directory, layout.DAMAGED_MANIFEST), objects.read(manifest))
        objects.remove([manifest])


def _whole_blocks(store: Store, checked: Checked, blocks: Set[str]) -> Set[str]:
    """The blocks that are proven whole, by the manifest or, without a trusted manifest, by their own checksums.

    None are if the block plan is lost, because nothing else says which problems each block holds.
    """
    if layout.PLAN not in blocks or block_damage(store, checked.directory, layout.PLAN):
        return set()
    if checked.manifest is None:
        damages = in_parallel(lambda block: block_damage(store, checked.directory, block), blocks)
        return {block for block, damage in zip(blocks, damages, strict=True) if not damage}
    plan = json.loads(store.objects.read(store.objects.path(layout.plan(checked.directory))))
    named = {file.path for file in checked.manifest.files if file.path.startswith(f"{layout.BLOCKS}/")}
    planned = math.ceil(checked.manifest.counts.get("problems", 0) / plan["problems_per_block"])
    return (named | {layout.PLAN}) & blocks if len(named) == planned else set()
