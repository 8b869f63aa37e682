"""The sampling job: sample the steps that share a base model with one start of each engine, block by block.

A block is a fixed run of a step's problems. A rerun samples only the blocks that have no file, and of these only the
problems that no engine has finished (ray_jobs/sampling/blocks.py).
"""

import logging
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ray_jobs.models.configs import context_limit
from ray_jobs.models.folders import base_folder
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from ray_jobs.resources.occupancy import block_size, blocks_in_flight, engines_for
from ray_jobs.resources.vllm import engine_placement, engines_that_fit, rounded_context
from ray_jobs.runtime import local_ray
from ray_jobs.runtime.context import Context
from ray_jobs.runtime.devices import DeviceClock
from ray_jobs.runtime.progress import Progress
from ray_jobs.sampling.block_plan import problems_per_block
from ray_jobs.sampling.blocks import finished_blocks, read_counts
from ray_jobs.sampling.engine import Engine
from ray_jobs.sampling.inputs import Task
from ray_jobs.sampling.prompts import Prompts, prompted
from ray_jobs.sampling.results import BlockCounts, BlockRequest, BlockResult, from_row, to_row
from w2s.graph.recipes import Sample
from w2s.graph.step import Step
from w2s.records import Demonstration, Problem
from w2s.store.attempt import Attempt
from w2s.store.objects.objects import in_parallel

MAX_FAILED_SHARE = 0.01
"""Share of a step's problems that may fail before the step does."""
ACTOR_RESTARTS = 10
"""Restarts of a lost actor before the step fails; restarts of its engine do not count. Preempted machines cost actors
too, so this must last for a step of days; a permanent cause costs ten engine starts."""

STARTING, WAITING = "starting engine", "waiting for the other steps of its engine"
"""Phases of a step before its first block."""

logger = logging.getLogger(__name__)


@dataclass
class Work:
    """One sampling step in progress: its blocks, and what this attempt has done."""

    task: Task
    attempt: Attempt
    blocks: list[list[str]]
    """Ids of each block's problems."""
    missing: set[int]
    """Blocks without a file."""
    counts: dict[int, BlockCounts] = field(default_factory=dict[int, BlockCounts])
    """Counts of the blocks that this attempt finished."""
    tokens: int = 0
    """Completion tokens that this attempt sampled."""
    restarts: int = 0
    """Engine restarts while the step's blocks were sampled."""
    repeated: int = 0
    """Requests that were in flight then and were sampled again."""
    began: float = math.inf
    ended: float = 0.0
    too_long: frozenset[str] = frozenset()
    """Ids of problems whose prompts do not fit the context; they have no samples."""

    @property
    def problems(self) -> int:
        """Number of the step's problems."""
        return sum(map(len, self.blocks))

    @property
    def sequences(self) -> int:
        """Completions of the missing blocks."""
        return sum(len(self.blocks[block]) for block in self.missing) * self.task.recipe.sampling.n

    def add(self, result: BlockResult) -> None:
        """Count one finished block."""
        assert result.counts is not None, "the result of a finished block has counts"
        self.counts[result.block] = result.counts
        self.tokens += result.sampled_tokens
        self.restarts, self.repeated = self.restarts + result.restarts, self.repeated + result.repeated
        self.began, self.ended = min(self.began, result.began), max(self.ended, result.ended)
        self.missing.discard(result.block)


def sample(steps: Sequence[Step], context: Context) -> None:
    """Run sampling steps with one base model to their manifests.

    Raises ValueError where a prompt does not fit the context or too many problems of a step failed, RuntimeError where
    the engines could not be kept alive.
    """
    from ray.exceptions import RayError

    names = ", ".join(step.name for step in steps)
    progress = context.progress
    works, requests, max_model_len = _prepare(steps, context)
    for work in works:
        done = sum(len(block) for number, block in enumerate(work.blocks) if number not in work.missing)
        progress.started(work.task.step.name, work.problems, "problems", done, phase=STARTING)
        if not work.missing:  # an earlier attempt ended between its last block and its manifest
            _commit(work, context)
    if not requests:
        return
    resources = context.resources
    clock, engines = DeviceClock.of(resources, "sample"), set[str]()
    try:
        for result in _results(works, requests, context, max_model_len):
            engines.add(result.engine)
            devices = len(engines) * (resources.gpus_per_engine or resources.cpus_per_engine)
            clock.take(works[result.task].attempt, devices)
            if result.error:
                raise (ValueError if result.user_error else RuntimeError)(
                    f"sampling of {names} stopped: {result.error}"
                )
            work = works[result.task]
            _show(result, work, progress)
            work.add(result)
            for other in works:
                if other.missing and not other.counts:
                    progress.phase(other.task.step.name, WAITING)
            if not work.missing:
                _commit(work, context)
    except RayError as error:
        raise RuntimeError(
            f"sampling of {names} stopped: an actor died too often; its last lines are in the log"
        ) from error


def _show(result: BlockResult, work: Work, progress: Progress) -> None:
    """Show the progress that one finished block is."""
    progress.advanced(
        work.task.step.name,
        result.problems,
        tokens=result.sampled_tokens,
        since=result.began,
        engine=result.engine,
        restarts=result.restarts,
        failed=len(result.counts.errors) if result.counts else 0,
    )


def _prepare(steps: Sequence[Step], context: Context) -> tuple[list[Work], list[dict[str, Any]], int]:
    """The works, rows of BlockRequest for all missing blocks, and the tokens of context that the engine needs.

    Raises ValueError where a prompt and its completion do not fit the model's context.
    """
    recipe = steps[0].recipe
    assert isinstance(recipe, Sample)
    folder = base_folder(recipe.model, weights=False)
    tokenizer, limit = load_tokenizer(folder), context_limit(folder)
    works: list[Work] = []
    requests: list[dict[str, Any]] = []
    max_model_len = 0
    for index, step in enumerate(steps):
        assert isinstance(step.recipe, Sample)
        problems = sorted(context.store.inputs(step, "problems", Problem), key=lambda problem: problem.problem_id)
        tokens = Tokens(tokenizer, step.recipe.model.prompt)
        task = _task(step, len(problems), tokens.end_tokens, context)
        wanted = block_size(len(problems), step.recipe.sampling.n, context.resources)
        size = problems_per_block(step, context.store, wanted)
        blocks = [problems[start : start + size] for start in range(0, len(problems), size)]
        missing = set(range(len(blocks))) - finished_blocks(step, context.store)
        prompts = Prompts(task, limit)
        for number, block in enumerate(blocks):
            taken = tuple(prompts.take(prompted(task, tokens, problem)) for problem in block)
            request = BlockRequest(index, number, taken)
            if number in missing:
                requests.append(to_row(request))  # as bytes, a fraction of the memory of Python integers
        prompts.check()
        max_model_len = max(max_model_len, min(rounded_context(prompts.needed), limit))
        ids = [[problem.problem_id for problem in block] for block in blocks]
        works.append(Work(task, context.attempt(step), ids, missing, too_long=frozenset(prompts.too_long)))
    return works, requests, max_model_len


def _task(step: Step, problems: int, end_tokens: dict[int, str], context: Context) -> Task:
    assert isinstance(step.recipe, Sample)
    adapter, demonstrations = step.input("adapter"), step.input("demonstrations")
    return Task(
        step=step,
        demonstrations=tuple(context.store.records(demonstrations, Demonstration)) if demonstrations else (),
        model=adapter.step.directory if adapter else f"{step.recipe.model.name}@{step.recipe.model.revision}",
        max_failed_problems=math.floor(MAX_FAILED_SHARE * problems + 1e-9),
        end_tokens=end_tokens,
    )


def _results(
    works: list[Work], requests: list[dict[str, Any]], context: Context, max_model_len: int
) -> Iterable[BlockResult]:
    """Results of the blocks, in the order in which the engines finish them."""
    import ray
    from ray.data import ActorPoolStrategy

    resources = context.resources
    tasks, sequences = [work.task for work in works], sum(work.sequences for work in works)
    max_engines = min(engines_for(sequences, resources), len(requests))
    min_engines = min(resources.min_engines, max_engines)
    in_flight = blocks_in_flight(len(requests), sequences, max_engines, resources)
    fitting = min(max_engines, engines_that_fit(resources, local_ray.available()))
    pool = ActorPoolStrategy(
        min_size=min_engines,
        initial_size=max(min_engines, fitting),  # else the second engine waits until the first has started
        max_size=max_engines,
        max_tasks_in_flight_per_actor=in_flight,
    )
    # One row a Ray task, so that an engine takes the next block as soon as it has finished one.
    dataset = ray.data.from_items(requests, override_num_blocks=len(requests))
    rows = dataset.map_batches(
        Engine,
        batch_size=1,
        fn_constructor_args=(tasks, context.store, resources, max_model_len),
        compute=pool,
        max_concurrency=in_flight,
        max_restarts=ACTOR_RESTARTS,
        # Bounded by max_restarts: until Ray notices a lost node, for seconds, every retry fails at once and would
        # count.
        max_task_retries=-1,
        **engine_placement(resources),
    ).iter_rows()
    return (from_row(row, BlockResult) for row in rows)


def _commit(work: Work, context: Context) -> None:
    """Check the step's blocks, count failures, write the manifest.

    Raises ValueError where too many problems failed. Their reasons go to the log and their blocks are removed, so that
    a rerun samples these blocks again.
    """
    attempt, step, store = work.attempt, work.task.step, work.attempt.store
    blocks = _block_counts(work)
    reasons = {problem_id: reason for block in blocks for problem_id, reason in block.errors.items()}
    errors = {problem_id: reason for problem_id, reason in reasons.items() if problem_id not in work.too_long}
    if len(errors) > work.task.max_failed_problems:
        store.objects.remove([store.objects.path(step.directory, block.file.path) for block in blocks if block.errors])
        for problem_id, reason in errors.items():
            logger.error("%s: problem %s failed: %s", step.name, problem_id, reason)
        listed = "; ".join(f"{problem_id}: {reason}" for problem_id, reason in list(errors.items())[:3])
        more = "; all are in the log" if len(errors) > 3 else ""
        raise ValueError(
            f"{step.name}: {len(errors)} of {work.problems} problems failed, more than {MAX_FAILED_SHARE:.0%}: "
            f"{listed}{more}"
        )
    for block in blocks:
        attempt.include("completions", block.file, block.completions)
    completions, truncated = sum(block.completions for block in blocks), sum(block.truncated for block in blocks)
    if work.tokens:  # of this attempt; blocks of an earlier attempt are not in it
        attempt.counts.update(sampled_tokens=work.tokens, sampling_seconds=round(work.ended - work.began, 3))
        attempt.counts.update(engine_restarts=work.restarts, problems_repeated=work.repeated)
    attempt.counts.update(problems=work.problems, completions=completions, truncated=truncated, failed=len(errors))
    attempt.counts.update(
        completion_tokens=sum(block.completion_tokens for block in blocks),
        prompt_tokens=sum(block.prompt_tokens for block in blocks),
    )
    too_long = ""
    if work.too_long:
        attempt.counts["prompt_too_long"] = len(work.too_long)
        too_long = f", {len(work.too_long)} left out because their prompts exceed the context"
        for problem_id in sorted(work.too_long):
            logger.warning("%s: problem %s is left out, its prompt exceeds the context", step.name, problem_id)
    by_string = sum((Counter(block.stop_strings) for block in blocks), Counter[str]())
    attempt.counts.update({f"ended_by_string:{string}": count for string, count in by_string.items()})
    ended = "".join(f"{count} ended by {string!r}, " for string, count in by_string.most_common())
    context.finish(attempt, f"{completions} completions, {truncated} truncated, {ended}{len(errors)} failed{too_long}")


def _block_counts(work: Work) -> list[BlockCounts]:
    """Counts of all blocks: from this attempt's results, or from the file where an earlier attempt finished the
    block."""
    store, step, n = work.attempt.store, work.task.step, work.task.recipe.sampling.n
    # A server without conditional creates may have let a second engine overwrite a block after its result.
    reported = work.counts if store.objects.is_exclusive else {}

    def counts(block: int) -> BlockCounts:
        return reported.get(block) or read_counts(store, step, block, work.blocks[block], n)

    return in_parallel(counts, range(len(work.blocks)))
