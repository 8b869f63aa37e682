"""Which examples each optimizer step learns from: the recipe's decision, whatever the number of workers."""

import random
from math import ceil

from w2s.recipe import Optimizer
from w2s.seed import derived_seed


def training_order(rows: int, optimizer: Optimizer) -> list[int]:
    """Row numbers in the order of training: each `batch_size` of them are one optimizer step.

    Every epoch is a shuffle of its own, its last batch filled up with that shuffle's first rows; a part of an epoch is rounded
    up to whole batches.
    """
    assert rows, "no rows to order"
    batches = ceil(rows / optimizer.batch_size)
    steps = ceil(optimizer.epochs * batches)
    order: list[int] = []
    for epoch in range(ceil(steps / batches)):
        shuffled = list(range(rows))
        random.Random(derived_seed(optimizer.seed, "epoch", epoch)).shuffle(shuffled)
        full = batches * optimizer.batch_size
        order += (shuffled * ceil(full / rows))[:full]
    return order[: steps * optimizer.batch_size]
