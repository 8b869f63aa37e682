"""The block plan of a sampling step (`blocks/plan.json`): which problems each block holds.

The plan is written before the first problem is sampled, so that a rerun with another block size, cluster or driver cuts
the step into the same blocks and no (problem, sample) is sampled twice.
"""

import json
import logging
from typing import Any

from w2s.graph.step import Step
from w2s.store import layout
from w2s.store.store import Store

logger = logging.getLogger(__name__)


def problems_per_block(step: Step, store: Store, wanted: int) -> int:
    """The step's block size in problems: `wanted`, unless an earlier attempt on the same inputs has fixed another size.

    Blocks of other inputs are discarded (after a repair that trained the step's adapter again, for example), and so are
    blocks without a plan, because nobody knows which problems they hold.
    """
    folder, inputs = store.objects.path(layout.blocks(step.directory)), store.inputs_digest(step)
    path = store.objects.path(layout.plan(step.directory))
    try:
        plan: dict[str, Any] = json.loads(store.objects.read(path))
    except (FileNotFoundError, ValueError):
        plan = {}
    if plan.get("inputs") != inputs:
        discarded = [
            f"{folder}/{name}" for name in store.objects.names(folder) if f"{layout.BLOCKS}/{name}" != layout.PLAN
        ]
        if discarded:
            logger.warning(
                "%s: discarding %d files of blocks, because their plan is lost or their inputs have changed",
                step.name,
                len(discarded),
            )
        store.objects.remove(discarded)
        store.objects.remove(
            [path]
        )  # last: after a kill in between, the next run still sees that the blocks are not its own
        plan = {"problems_per_block": wanted, "inputs": inputs}
        store.objects.create(path, json.dumps(plan).encode())
    return int(plan["problems_per_block"])
