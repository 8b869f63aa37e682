"""Sampling: the steps that share a base model, in one engine start, block by block.

A block is a fixed run of a step's problems. Its file is the unit of work that is never done twice: a rerun samples the blocks
that have no file. Which problems a block holds is written down before the first one is sampled (`blocks/plan.json`), so that
another block size, cluster or driver cuts the step the same way, and no (problem, sample) can come twice.
"""

import json
from collections.abc import Sequence
from typing import Any

from ray_jobs.engine import Engine, Task, block_path
from ray_jobs.models import base_folder, context_limit
from ray_jobs.progress import Progress
from ray_jobs.resources import Resources, engine_placement
from ray_jobs.tokens import Tokens, load_tokenizer
from ray_jobs.versions import versions
from w2s.records import Completion, Demonstration, Problem
from w2s.step import Step
from w2s.step_recipes import Sample
from w2s.store import Attempt, Store

MAX_FAILED = 0.01
"""Share of a step's problems that may fail before the step does."""
BLOCKS_IN_FLIGHT = 4
"""Blocks an engine works on at once, so that the last slow problem of one does not leave it idle."""


def sample(steps: list[Step], store: Store, resources: Resources, progress: Progress) -> None:
    """Run sampling steps with one base model to their manifests.

    Raises ValueError where a prompt does not fit the context, or more than `MAX_FAILED` of a step's problems failed.
    """
    import ray
    from ray.data import ActorPoolStrategy

    attempts = [store.attempt(step) for step in steps]
    tasks = [_task(step, store) for step in steps]
    problems = [_problems(step, store) for step in steps]
    context = _context(tasks, problems)
    per_block = [_problems_per_block(step, store, resources) for step in steps]
    blocks = [[rows[i : i + size] for i in range(0, len(rows), size)] for rows, size in zip(problems, per_block, strict=True)]
    missing: list[dict[str, Any]] = []
    left = [0] * len(steps)
    spans: list[list[tuple[float, float, int]]] = [[] for _ in steps]
    for index, step in enumerate(steps):
        finished = _finished_blocks(step, store)
        for number, block in enumerate(blocks[index]):
            if number not in finished:
                left[index] += 1
                ids, questions = [p.problem_id for p in block], [p.question for p in block]
                missing.append({"task": index, "block": number, "problem_ids": ids, "questions": questions})
        resumed = sum(len(block) for number, block in enumerate(blocks[index]) if number in finished)
        progress.started(step.name, len(problems[index]), "problems", resumed)
    if missing:
        engines = min(resources.max_engines, len(missing))
        rows = ray.data.from_items(missing, override_num_blocks=len(missing))
        results = rows.map_batches(
            Engine,
            batch_size=1,
            fn_constructor_args=(tasks, store, resources, context),
            compute=ActorPoolStrategy(min_size=min(resources.min_engines, engines), max_size=engines, max_tasks_in_flight_per_actor=BLOCKS_IN_FLIGHT),
            max_concurrency=BLOCKS_IN_FLIGHT,
            **engine_placement(resources),
            max_restarts=3,
            max_task_retries=3,
        )
        for done in results.iter_rows():
            index = done["task"]
            progress.advanced(steps[index].name, done["problems"], tokens=done["completion_tokens"], since=done["began"])
            spans[index].append((done["began"], done["ended"], done["completion_tokens"]))
            left[index] -= 1
            if not left[index]:
                seconds = max(ended for _, ended, _ in spans[index]) - min(began for began, _, _ in spans[index])
                attempts[index].counts.update(sampled_tokens=sum(tokens for _, _, tokens in spans[index]), sampling_seconds=round(seconds, 3))
                _commit(attempts[index], len(blocks[index]), len(problems[index]), progress)
    for index, step in enumerate(steps):
        if store.manifest(step) is None:
            _commit(attempts[index], len(blocks[index]), len(problems[index]), progress)


def _task(step: Step, store: Store) -> Task:
    recipe = step.recipe
    assert isinstance(recipe, Sample)
    adapter, shown = step.input("adapter"), step.input("demonstrations")
    model = adapter.step.directory if adapter else f"{recipe.model.name}@{recipe.model.revision}"
    return Task(step, tuple(store.records(shown, Demonstration)) if shown else (), model)


def _problems(step: Step, store: Store) -> list[Problem]:
    return sorted(store.inputs(step, "problems", Problem), key=lambda problem: problem.problem_id)


def _context(tasks: Sequence[Task], problems: Sequence[Sequence[Problem]]) -> int:
    """Tokens of context the engine needs: the longest prompt of all tasks and its completion.

    Raises ValueError where the model has fewer: with the prompt's length, before an engine starts.
    """
    folder = base_folder(tasks[0].recipe.model, weights=False)
    tokenizer = load_tokenizer(folder)
    limit = context_limit(folder)
    needed = 0
    for task, rows in zip(tasks, problems, strict=True):
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
    """The step's block size: this run's, unless an earlier attempt has fixed one."""
    path = store.path(step.directory, "blocks/plan.json")
    store.create(path, json.dumps({"problems_per_block": resources.problems_per_block}).encode())
    return int(json.loads(store.read(path))["problems_per_block"])


def _finished_blocks(step: Step, store: Store) -> set[int]:
    folder = store.path(step.directory, "blocks")
    store.fs.invalidate_cache()
    return {int(name.rsplit("/", 1)[-1].split(".")[0]) for name in store.fs.glob(f"{folder}/*.parquet")}


def _commit(attempt: Attempt, blocks: int, problems: int, progress: Progress) -> None:
    """Check the step's blocks, count what went wrong, write the manifest.

    Raises ValueError where too many problems failed; their blocks are removed, so that a rerun samples them again.
    """
    step, store, counts = attempt.step, attempt.store, attempt.counts
    assert isinstance(step.recipe, Sample)
    seen: set[tuple[str, int]] = set()
    errors: dict[str, str] = {}
    completions = truncated = tokens = prompts = 0
    damaged: set[int] = set()
    for block in range(blocks):
        attempt.add("completions", block_path(step, block))
        for one in store.read_records(store.path(step.directory, block_path(step, block)), Completion):
            assert (one.problem_id, one.sample) not in seen, f"{step.name}: {one.problem_id} sample {one.sample} stands twice"
            seen.add((one.problem_id, one.sample))
            completions, tokens = completions + 1, tokens + one.completion_tokens
            prompts += one.prompt_tokens if one.sample == 0 else 0
            truncated += one.finish_reason == "length"
            if one.finish_reason == "error":
                errors[one.problem_id] = one.error
                damaged.add(block)
    assert completions == problems * step.recipe.sampling.n, f"{step.name}: {completions} completions for {problems} problems"
    if len(errors) > MAX_FAILED * problems:
        for block in damaged:
            store.fs.rm(store.path(step.directory, block_path(step, block)))
        listed = "; ".join(f"{problem_id}: {reason}" for problem_id, reason in list(errors.items())[:3])
        raise ValueError(f"{step.name}: {len(errors)} of {problems} problems failed, more than {MAX_FAILED:.0%}: {listed}")
    attempt.rows["completions"] = completions
    counts.update(
        problems=problems, completions=completions, truncated=truncated, failed=len(errors), completion_tokens=tokens, prompt_tokens=prompts
    )
    attempt.commit(versions("vllm"))
    progress.finished(step.name, f"{completions} completions, {truncated} truncated, {len(errors)} failed")
