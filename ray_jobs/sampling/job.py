"""The sampling job: sample steps that share a base model on its engines, block by block.

A block is a fixed run of a step's problems. A rerun samples only the blocks that have no file, and of these only the
problems that no engine has finished (ray_jobs/sampling/blocks.py). The engines may be there already
(ray_jobs/sampling/pool/pools.py).
"""

import math
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field

from ray_jobs.models.configs import context_limit
from ray_jobs.models.folders import base_folder
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from ray_jobs.resources.occupancy import block_size
from ray_jobs.runtime.context import Context
from ray_jobs.runtime.progress import Progress
from ray_jobs.sampling.blocks import finished_blocks
from ray_jobs.sampling.inputs import Task
from ray_jobs.sampling.pool.pools import Pools
from ray_jobs.sampling.results import COLUMN, BlockRequest, BlockResult, to_row
from ray_jobs.sampling.step.block_plan import problems_per_block
from ray_jobs.sampling.step.problems import Cut, Problems, Run, runs_of
from ray_jobs.sampling.step.prompts import ALL_ENCODED, Lengths
from ray_jobs.sampling.step.work import MAX_FAILED_SHARE, Work, commit
from w2s.graph.recipes import Sample
from w2s.graph.step import Step
from w2s.graph.trained import trained_model
from w2s.records import Demonstration

STARTING, WAITING = "starting engine", "waiting for the other steps of its engine"
"""Phases of a step before its first block, without and with engines that are alive."""


@dataclass
class Prepared:
    """A group of steps before its engines are asked."""

    limit: int
    """The model's context in tokens."""
    works: list[Work] = field(default_factory=list[Work])
    requests: list[bytes] = field(default_factory=list[bytes])
    """Rows of BlockRequest for all missing blocks; as bytes, a fraction of the memory of Python integers."""
    longest: int = 0
    """No prompt that fits has more tokens."""


def sample(steps: Sequence[Step], context: Context, pools: Pools) -> None:
    """Run sampling steps with one base model to their manifests.

    Raises ValueError where a prompt does not fit the context or too many problems of a step failed, RuntimeError where
    the engines could not be kept alive.
    """
    from ray.exceptions import RayError

    names = ", ".join(step.name for step in steps)
    progress = context.progress
    prepared = _prepare(steps, context)
    works = {work.task.step.directory: work for work in prepared.works}
    phase = WAITING if pools.alive(steps[0]) else STARTING
    for work in works.values():
        progress.started(work.task.step.name, work.problems, "problems", work.finished, phase)
        if not work.missing:  # an earlier attempt ended between its last block and its manifest
            commit(work, context)
    if not prepared.requests:
        return
    try:
        with closing(
            pools.submit(prepared.works, prepared.requests, prepared.longest, prepared.limit, context)
        ) as results:
            for result in results:
                if result.error:
                    raise (ValueError if result.user_error else RuntimeError)(
                        f"sampling of {names} stopped: {result.error}"
                    )
                work = works[result.step]
                _show(result, work, progress)
                work.add(result)
                for other in works.values():
                    if other.missing and not other.counts:
                        progress.phase(other.task.step.name, WAITING)
                if not work.missing:
                    commit(work, context)
    except RayError as error:
        raise RuntimeError(
            f"sampling of {names} stopped: an actor died too often; its last lines are in the log"
        ) from error


def _show(result: BlockResult, work: Work, progress: Progress) -> None:
    """Show the progress that one finished block is."""
    progress.advanced(
        work.task.step.name,
        work.blocks.problems_in(result.block),
        tokens=result.sampled_tokens,
        since=result.began,
        engine=result.engine,
        restarts=result.restarts,
        failed=len(result.counts.errors) if result.counts else 0,
    )


def _prepare(steps: Sequence[Step], context: Context) -> Prepared:
    """The works and requests of a group.

    Raises ValueError where a prompt and its completion do not fit the model's context.
    """
    recipe = steps[0].recipe
    assert isinstance(recipe, Sample)
    folder = base_folder(recipe.model, weights=False)
    tokenizer, prepared = load_tokenizer(folder), Prepared(context_limit(folder))
    source = Problems(context.store)
    for step in steps:
        assert isinstance(step.recipe, Sample)
        table = dict(step.inputs)["problems"]
        problems = context.store.rows(table)
        tokens = Tokens(tokenizer, step.recipe.model.prompt)
        task = _task(step, problems, tokens.end_tokens, context)
        lengths = Lengths(task, tokens, prepared.limit, all_encoded=problems <= ALL_ENCODED)
        runs: list[tuple[Run, int]] = []
        for run in runs_of(context.store.files(table)):
            part = source.run(step, run)
            runs.append((run, len(part)))
            lengths.look(part)
        lengths.check()
        wanted = block_size(problems, step.recipe.sampling.n, context.resources)
        blocks = Cut(tuple(runs), problems_per_block(step, context.store, wanted))
        missing = set(range(len(blocks))) - finished_blocks(step, context.store)
        requests = [BlockRequest(step.directory, number, blocks.rows(number)) for number in sorted(missing)]
        prepared.requests += [to_row(request)[COLUMN] for request in requests]
        prepared.longest = max(prepared.longest, lengths.longest)
        work = Work(task, context.attempt(step), blocks, missing, too_long=frozenset(lengths.too_long))
        prepared.works.append(work)
    return prepared


def _task(step: Step, problems: int, end_tokens: dict[int, str], context: Context) -> Task:
    assert isinstance(step.recipe, Sample)
    trained, demonstrations = trained_model(step), step.input("demonstrations")
    return Task(
        step=step,
        demonstrations=tuple(context.store.records(demonstrations, Demonstration)) if demonstrations else (),
        model=trained.step.directory if trained else f"{step.recipe.model.name}@{step.recipe.model.revision}",
        max_failed_problems=math.floor(MAX_FAILED_SHARE * problems + 1e-9),
        end_tokens=end_tokens,
    )
