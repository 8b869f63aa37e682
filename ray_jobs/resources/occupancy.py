"""How a sampling step is cut into blocks and spread over engines, so that the engines stay full and end together.

Pure arithmetic, chosen with tests/benchmarks/occupancy.py, which simulates it on the lengths of real answers.
"""

import math

from ray_jobs.resources.resources import Resources

WAVES_IN_FLIGHT = 8
"""An engine holds requests for this many times `max_num_seqs` sequences.

A block counts until its longest answer ends. Where 2 % of answers run to 1,024 tokens and the others to 90, most blocks
wait for such an answer, and two waves leave half of the engine empty. Requests that wait in an engine cost nothing.
"""
WAVES_PER_ENGINE = 2
"""Fewest waves of sequences for which another engine is worth its start of minutes."""
BLOCKS_PER_WAVE = 16
"""Where several engines share a step, a block holds a sixteenth of a wave, so that few blocks wait for a long answer
and engines end together."""
FEWEST_IN_FLIGHT = 4
"""Fewest blocks that an engine works on at once, so that the last slow problem of one leaves no gap."""


def engines_for(sequences: int, resources: Resources) -> int:
    """The most engines that this many sequences are worth, within `min_engines` and `max_engines`."""
    worth = math.ceil(sequences / (WAVES_PER_ENGINE * resources.max_num_seqs))
    return min(max(worth, resources.min_engines), resources.max_engines)


def block_size(problems: int, n: int, resources: Resources) -> int:
    """Problems of a block, at most `problems_per_block`; smaller where several engines share the step's problems."""
    if engines_for(problems * n, resources) == 1:
        return resources.problems_per_block
    return min(resources.problems_per_block, math.ceil(resources.max_num_seqs / (BLOCKS_PER_WAVE * n)))


def blocks_in_flight(blocks: int, sequences: int, engines: int, resources: Resources) -> int:
    """Blocks that an engine works on at once, of `blocks` with `sequences` together; never more than its share.

    Without the share, the engine that starts first would take what the others could sample.
    """
    wanted = math.ceil(WAVES_IN_FLIGHT * resources.max_num_seqs * blocks / max(1, sequences))
    return max(FEWEST_IN_FLIGHT, min(wanted, math.ceil(blocks / engines)))
