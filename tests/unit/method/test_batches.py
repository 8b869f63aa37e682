"""Which examples an optimizer step learns from, and that workers only share them out."""

import random
from collections import Counter
from math import ceil

import pytest
from accelerate.data_loader import BatchSamplerShard
from torch.utils.data import BatchSampler, SequentialSampler

from w2s.method.batches import training_order
from w2s.recipe import SFT


@pytest.mark.parametrize("seed", range(30))
def test_every_epoch_has_every_row_and_full_batches(seed: int) -> None:
    chance = random.Random(seed)
    rows, batch_size, epochs = chance.randint(1, 50), chance.choice([1, 2, 8, 16]), chance.choice([0.5, 1, 2, 2.5])
    order = training_order(rows, SFT(epochs=epochs, batch_size=batch_size, seed=seed))
    batches = ceil(rows / batch_size)
    assert len(order) == ceil(epochs * batches) * batch_size
    for epoch in range(int(epochs)):
        seen = Counter(order[epoch * batches * batch_size : (epoch + 1) * batches * batch_size])
        assert set(seen) == set(range(rows)), "a row is missing"
        assert max(seen.values()) <= ceil(batches * batch_size / rows), "a row came more often than filling up takes"
    assert order == training_order(rows, SFT(epochs=epochs, batch_size=batch_size, seed=seed))


def test_epochs_and_seeds_differ() -> None:
    two = training_order(40, SFT(epochs=2, batch_size=8))
    assert two[:40] != two[40:] and two[:40] != training_order(40, SFT(epochs=1, batch_size=8, seed=1))


@pytest.mark.parametrize(("workers", "micro_batch"), [(1, 16), (1, 4), (2, 4), (2, 8), (4, 2), (8, 2), (16, 1)])
def test_a_global_batch_is_the_same_on_any_number_of_workers(workers: int, micro_batch: int) -> None:
    """As Accelerate shards it, which is how the HF Trainer does."""
    order = training_order(100, SFT(epochs=2, batch_size=16))
    accumulation = 16 // (workers * micro_batch)
    batches: dict[int, list[int]] = {}
    for rank in range(workers):
        micro = BatchSamplerShard(BatchSampler(SequentialSampler(order), micro_batch, drop_last=False), workers, rank)
        for number, indices in enumerate(micro):
            batches.setdefault(number // accumulation, []).extend(order[index] for index in indices)
    expected = [sorted(order[i : i + 16]) for i in range(0, len(order), 16)]
    assert [sorted(batches[step]) for step in sorted(batches)] == expected
