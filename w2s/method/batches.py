"""Which examples each optimizer step learns from.

The recipe alone decides it, so that the number of workers changes no batch.
"""

import random
from array import array
from math import ceil

from w2s.recipe import Optimizer
from w2s.seed import derived_seed


def steps_in_all(rows: int, optimizer: Optimizer) -> int:
    """Optimizer steps of a whole training."""
    return ceil(optimizer.epochs * ceil(rows / optimizer.batch_size))


def training_order(rows: int, optimizer: Optimizer) -> "array[int]":
    """Row numbers in training order; each run of `batch_size` numbers is one optimizer step.

    An array, because a list takes five times the memory: a gigabyte for ten million rows and three epochs.

    Each epoch has its own shuffle; the first rows of that shuffle pad its last batch. A fraction of an epoch is rounded
    up to whole batches.
    """
    assert rows, "no rows to order"
    batches, steps = ceil(rows / optimizer.batch_size), steps_in_all(rows, optimizer)
    order = array("q")
    for epoch in range(ceil(steps / batches)):
        shuffled = array("q", range(rows))
        random.Random(derived_seed(optimizer.seed, "epoch", epoch)).shuffle(shuffled)
        padded = batches * optimizer.batch_size
        order += (shuffled * ceil(padded / rows))[:padded]
    return order[: steps * optimizer.batch_size]
