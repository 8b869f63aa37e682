"""How large the engines of a base and their pool must be, so that all steps that a run still has can join them.

Pure functions over the graph: context, adapters and rank of an engine, number of engines, blocks in flight.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ray_jobs.resources.occupancy import block_size, blocks_in_flight, engines_for
from ray_jobs.resources.resources import Resources
from ray_jobs.resources.vllm import EngineSize, engines_that_fit, rounded_context
from w2s.graph.recipes import FineTune, ForeignAdapter, Prefer, Sample
from w2s.graph.step import Step
from w2s.graph.trained import base_name


@dataclass(frozen=True)
class PoolSize:
    """How many engines a pool has, and how many blocks an engine works on at once."""

    min_engines: int
    wanted: int
    """Engines that the first group is worth."""
    max_engines: int
    in_flight: int

    def initial(self, free: Mapping[str, float], resources: Resources) -> int:
        """Engines to start at once, of those that fit into the free CPUs and GPUs; else the second engine waits until
        the first has started."""
        return max(self.min_engines, min(self.wanted, engines_that_fit(resources, free)))


def base_of(step: Step) -> str:
    """The base that a sampling step needs an engine of; empty for any other step."""
    return base_name(step) if isinstance(step.recipe, Sample) else ""


def engine_size(steps: Sequence[Step], prompt: int, limit: int, rank_of: Callable[[Step], int]) -> EngineSize:
    """What an engine needs for `steps` whose longest prompt has `prompt` tokens, in a context of at most `limit`.

    `rank_of` tells the rank of the adapter that a step writes.
    """
    completion = max(step.recipe.sampling.max_tokens for step in steps if isinstance(step.recipe, Sample))
    tables = [step.input("adapter") for step in steps]
    adapters = {table.step.directory: table.step for table in tables if table is not None}
    return EngineSize(
        max_model_len=min(rounded_context(prompt + completion), limit),
        adapters=len(adapters),
        rank=max(map(rank_of, adapters.values()), default=0),
    )


def adapter_rank(step: Step, foreign: Callable[[Step], int]) -> int:
    """The rank of the adapter that a step writes; `foreign` tells that of an adapter from elsewhere."""
    if isinstance(step.recipe, ForeignAdapter):
        return foreign(step)
    if isinstance(step.recipe, FineTune):
        assert step.recipe.sft.lora is not None, "a whole model is no adapter"
        return step.recipe.sft.lora.rank
    assert isinstance(step.recipe, Prefer)
    adapter = step.input("adapter")
    assert adapter is not None, "an adapter is trained further, or new"
    return adapter_rank(adapter.step, foreign)


def pool_size(blocks: int, sequences: int, others: Sequence[tuple[int, int]], resources: Resources) -> PoolSize:
    """A pool for a group of `blocks` with `sequences` together; `others` are the problems and the samples a problem of
    each step that may join later."""
    wanted = min(engines_for(sequences, resources), blocks)
    max_engines = max([wanted, *(engines_for(problems * n, resources) for problems, n in others)])
    in_flight = [blocks_in_flight(blocks, sequences, max_engines, resources)]
    for problems, n in others:
        later = math.ceil(problems / block_size(problems, n, resources))
        in_flight.append(blocks_in_flight(later, problems * n, max_engines, resources))
    return PoolSize(min(resources.min_engines, max_engines), wanted, max_engines, max(in_flight))
