"""Blocks and engines of a sampling step: a table, and the simulation on answers of which 2 % run to the limit."""

import pytest

from ray_jobs.resources.occupancy import block_size, blocks_in_flight, engines_for
from ray_jobs.resources.presets import load_resources
from tests.benchmarks.occupancy import Plan, occupancy, real_lengths


@pytest.mark.parametrize(
    ("preset", "problems", "n", "engines", "size"),
    [
        ("local", 400, 10, 1, 100),
        ("one-gpu", 7000, 1, 1, 100),
        ("cluster-70b", 7000, 1, 4, 32),
        ("cluster-70b", 7000, 10, 4, 4),
        ("cluster-70b", 500, 1, 1, 64),
        ("cluster-70b,max_engines=128", 7000, 1, 7, 32),  # not an engine a block
        ("cluster-70b,max_engines=128,min_engines=16", 7000, 1, 16, 32),
        ("cluster-70b,problems_per_block=3", 7000, 1, 4, 3),
        ("cluster-70b,max_num_seqs=1", 7000, 10, 4, 1),
    ],
)
def test_engines_and_blocks_follow_from_the_work(preset: str, problems: int, n: int, engines: int, size: int) -> None:
    resources = load_resources(preset)
    assert engines_for(problems * n, resources) == engines
    assert block_size(problems, n, resources) == size


@pytest.mark.parametrize(
    ("preset", "blocks", "sequences", "engines", "expected"),
    [
        ("local", 4, 400, 1, 4),
        ("local", 40, 40_000, 1, 4),  # blocks larger than a wave
        ("cluster-70b", 1000, 32_000, 4, 128),
        ("cluster-70b", 220, 7000, 4, 55),  # no more than an engine's share
        ("cluster-70b", 1, 1, 1, 4),
        ("cluster-70b", 0, 0, 1, 4),
    ],
)
def test_blocks_in_flight(preset: str, blocks: int, sequences: int, engines: int, expected: int) -> None:
    assert blocks_in_flight(blocks, sequences, engines, load_resources(preset)) == expected


@pytest.mark.slow
@pytest.mark.parametrize(("problems", "n"), [(7000, 1), (1319, 1), (7000, 10)])
@pytest.mark.parametrize("seqs", [256, 512])
def test_a_70b_engine_is_full(problems: int, n: int, seqs: int) -> None:
    lengths = real_lengths(problems, n, seed=1, run_on=0.02)
    resources = load_resources(f"cluster-70b,max_num_seqs={seqs}")
    share, plan = occupancy(lengths, resources)
    assert share >= 0.97, plan
    assert occupancy(lengths, resources, Plan(64, 4, 4))[0] < 0.95, "four blocks of 64 were not enough"
