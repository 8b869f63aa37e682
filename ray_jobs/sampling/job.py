"""Sampling: the steps that share a base model, in one engine start, block by block.

A block is a fixed run of a step's problems. A rerun samples the blocks that have no file, without the problems that an engine had
finished of them (ray_jobs/sampling/blocks.py). Which problems a block holds is written down before the first one is sampled
(`blocks/plan.json`), so that another block size, cluster or driver cuts the step the same way, and no (problem, sample) comes twice.
"""

import json
import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ray_jobs.models.folders import base_folder, context_limit
from ray_jobs.models.tokens import Tokens, load_tokenizer
from ray_jobs.resources.resources import Resources
from ray_jobs.resources.vllm import engine_placement, engines_that_fit
from ray_jobs.runtime import local_ray
from ray_jobs.runtime.context import Context
from ray_jobs.sampling.blocks import count_block, finished_blocks
from ray_jobs.sampling.engine import Engine, Task
from w2s.graph.recipes import Sample
from w2s.graph.step import Step
from w2s.records import Demonstration, Problem
from w2s.store.attempt import Attempt
from w2s.store.maintenance.verify import PLAN
from w2s.store.objects.objects import in_parallel
from w2s.store.store import Store

MAX_FAILED = 0.01
"""Share of a step's problems that may fail before the step does."""
ACTOR_RESTARTS = 10
"""Times a lost actor is started again before the step fails; its engine's deaths do not count. Machines that are taken away cost
actors too, so it must last for a step of days; a cause that stays costs ten engine starts."""
BLOCKS_IN_FLIGHT = 4
"""Blocks an engine works on at once, so that the last slow problem of one does not leave it idle."""


logger = logging.getLogger(__name__)


@dataclass
class Work:
    """One sampling step on its way: its problems in blocks, and what this attempt has done."""

    task: Task
    attempt: Attempt
    blocks: list[list[Problem]]
    missing: set[int]
    """Blocks that have no file yet."""
    tokens: int = 0
    restarts: int = 0
    """Engines that died, and were started again, while the step's blocks were sampled."""
    repeated: int = 0
    """Problems that were in flight then and were sampled again."""
    began: float = field(default=math.inf)
    ended: float = 0.0

    @property
    def problems(self) -> list[Problem]:
        """All problems of the step, in the order of the blocks."""
        return [problem for block in self.blocks for problem in block]


def sample(steps: Sequence[Step], context: Context) -> None:
    """Run sampling steps with one base model to their manifests.

    Raises ValueError where a prompt does not fit the context, or more than `MAX_FAILED` of a step's problems failed; RuntimeError
    where the engines could not be kept alive.
    """
    from ray.exceptions import RayError

    names = ", ".join(step.name for step in steps)
    progress = context.progress
    works = [_work(step, context) for step in steps]
    max_model_len = _max_model_len(works)
    for work in works:
        done = sum(len(block) for number, block in enumerate(work.blocks) if number not in work.missing)
        progress.started(work.task.step.name, len(work.problems), "problems", done)
        if not work.missing:  # an attempt that ended between its last block and its manifest
            _commit(work, context)
    if not any(work.missing for work in works):
        return
    try:
        for done in _results(works, context, max_model_len):
            if done["error"]:
                raise (ValueError if done["refused"] else RuntimeError)(f"sampling of {names} stopped: {done['error']}")
            work = works[done["task"]]
            progress.advanced(
                work.task.step.name, done["problems"], tokens=done["completion_tokens"], since=done["began"]
            )
            work.tokens += done["completion_tokens"]
            work.restarts, work.repeated = work.restarts + done["restarts"], work.repeated + done["repeated"]
            work.began, work.ended = min(work.began, done["began"]), max(work.ended, done["ended"])
            work.missing.discard(done["block"])
            if not work.missing:
                _commit(work, context)
    except RayError as error:
        raise RuntimeError(
            f"sampling of {names} stopped: an actor died too often; its last lines are in the log"
        ) from error


def _results(works: Sequence[Work], context: Context, max_model_len: int) -> Iterable[dict[str, Any]]:
    """What the engines report, a row a block, as blocks are finished."""
    import ray
    from ray.data import ActorPoolStrategy

    resources = context.resources
    rows: list[dict[str, Any]] = []
    for index, work in enumerate(works):
        for number in sorted(work.missing):
            ids, questions = [p.problem_id for p in work.blocks[number]], [p.question for p in work.blocks[number]]
            rows.append({"task": index, "block": number, "problem_ids": ids, "questions": questions})
    most = min(resources.max_engines, len(rows))
    least = min(resources.min_engines, most)
    pool = ActorPoolStrategy(
        min_size=least,
        initial_size=max(
            least, min(most, engines_that_fit(resources, local_ray.available()))
        ),  # else the second waits for the first one's start
        max_size=most,
        max_tasks_in_flight_per_actor=BLOCKS_IN_FLIGHT,
    )
    dataset = ray.data.from_items(
        rows, override_num_blocks=len(rows)
    )  # one row a task: the engine takes the next when one is done
    return dataset.map_batches(
        Engine,
        batch_size=1,
        fn_constructor_args=([work.task for work in works], context.store, resources, max_model_len),
        compute=pool,
        max_concurrency=BLOCKS_IN_FLIGHT,
        max_restarts=ACTOR_RESTARTS,
        max_task_retries=-1,  # restarts bound it: while a lost node goes unnoticed, for seconds, every retry fails at once and would count
        **engine_placement(resources),
    ).iter_rows()


def _work(step: Step, context: Context) -> Work:
    store = context.store
    assert isinstance(step.recipe, Sample)
    adapter, shown = step.input("adapter"), step.input("demonstrations")
    model = adapter.step.directory if adapter else f"{step.recipe.model.name}@{step.recipe.model.revision}"
    problems = sorted(store.inputs(step, "problems", Problem), key=lambda problem: problem.problem_id)
    task = Task(
        step,
        tuple(store.records(shown, Demonstration)) if shown else (),
        model,
        math.floor(MAX_FAILED * len(problems) + 1e-9),
    )
    size = _problems_per_block(step, store, context.resources)
    blocks = [problems[i : i + size] for i in range(0, len(problems), size)]
    return Work(task, context.attempt(step), blocks, set(range(len(blocks))) - finished_blocks(step, store))


def _max_model_len(works: Sequence[Work]) -> int:
    """Tokens of context the engine needs: the longest prompt of all tasks and its completion.

    Raises ValueError where the model has fewer: with the prompt's length, before an engine starts.
    """
    folder = base_folder(works[0].task.recipe.model, weights=False)
    tokenizer = load_tokenizer(folder)
    limit = context_limit(folder)
    needed = 0
    for work in works:
        task, rows = work.task, work.problems
        tokens = Tokens(tokenizer, task.recipe.model.prompt)
        lengths = [(_prompt_tokens(tokens, p, task), p.problem_id) for p in rows]
        longest, problem_id = max(lengths, default=(0, ""))
        task_needs = longest + task.recipe.sampling.max_tokens
        if task_needs > limit:
            over = sum(length + task.recipe.sampling.max_tokens > limit for length, _ in lengths)
            raise ValueError(
                f"{task.step.name}: {over} of {len(rows)} prompts do not fit {task.recipe.model.name}'s context of {limit} tokens; the longest, "
                f"problem {problem_id}, has {longest} tokens with {len(task.demonstrations)} demonstrations, and max_tokens is "
                f"{task.recipe.sampling.max_tokens}: lower demonstrations.count or max_tokens, or take a model with a longer context"
            )
        needed = max(needed, task_needs)
    return needed


def _prompt_tokens(tokens: Tokens, problem: Problem, task: Task) -> int:
    """Tokens of a problem's prompt; 0 where it cannot be made, which the engine will say in the problem's rows."""
    try:
        return len(tokens.prompt_ids(problem.question, task.demonstrations))
    except ValueError:
        return 0


def _problems_per_block(step: Step, store: Store, resources: Resources) -> int:
    """The step's block size: this run's, unless an earlier attempt on the same inputs has fixed one.

    Blocks that were sampled on other inputs (of an adapter that a repair trained again, say), or whose plan is lost, are removed.
    """
    folder, inputs = store.path(step.directory, "blocks"), store.inputs_digest(step)
    try:
        planned: dict[str, Any] = json.loads(store.read(store.path(step.directory, PLAN)))
    except (FileNotFoundError, ValueError):
        planned = {}
    if planned.get("inputs") != inputs:
        blocks = [f"{folder}/{name}" for name in store.names(folder) if f"blocks/{name}" != PLAN]
        if blocks:
            logger.warning(
                "%s: %d files of blocks are of other inputs, or their plan is lost: sampled again",
                step.name,
                len(blocks),
            )
        store.remove(blocks)  # and the plan after them, for whoever comes after a kill in between
        store.remove([store.path(step.directory, PLAN)])
        planned = {"problems_per_block": resources.problems_per_block, "inputs": inputs}
        store.create(store.path(step.directory, PLAN), json.dumps(planned).encode())
    return int(planned["problems_per_block"])


def _commit(work: Work, context: Context) -> None:
    """Check the step's blocks, count what went wrong, write the manifest.

    Raises ValueError where too many problems failed, all of them in the log; their blocks are removed, so that a rerun samples them again.
    """
    attempt, step, problems = work.attempt, work.task.step, len(work.problems)
    store, n = attempt.store, work.task.recipe.sampling.n
    blocks = in_parallel(lambda block: count_block(store, step, block, work.blocks[block], n), range(len(work.blocks)))
    errors = {problem_id: reason for block in blocks for problem_id, reason in block.errors.items()}
    if len(errors) > work.task.most_failed:
        store.remove([store.path(step.directory, block.file.path) for block in blocks if block.errors])
        for problem_id, reason in errors.items():
            logger.error("%s: problem %s failed: %s", step.name, problem_id, reason)
        listed = "; ".join(f"{problem_id}: {reason}" for problem_id, reason in list(errors.items())[:3])
        more = "; all are in the log" if len(errors) > 3 else ""
        raise ValueError(
            f"{step.name}: {len(errors)} of {problems} problems failed, more than {MAX_FAILED:.0%}: {listed}{more}"
        )
    for block in blocks:
        attempt.include("completions", block.file, block.completions)
    completions, truncated = (sum(getattr(block, name) for block in blocks) for name in ("completions", "truncated"))
    if work.tokens:  # of this attempt; an earlier one's blocks are not in it
        attempt.counts.update(sampled_tokens=work.tokens, sampling_seconds=round(work.ended - work.began, 3))
        attempt.counts.update(engine_restarts=work.restarts, problems_repeated=work.repeated)
    attempt.counts.update(problems=problems, completions=completions, truncated=truncated, failed=len(errors))
    attempt.counts.update(
        {name: sum(getattr(block, name) for block in blocks) for name in ("completion_tokens", "prompt_tokens")}
    )
    context.finish(attempt, f"{completions} completions, {truncated} truncated, {len(errors)} failed")
