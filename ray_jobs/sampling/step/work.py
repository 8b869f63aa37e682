"""One sampling step in progress: its blocks, what this attempt has done, and its commit."""

import logging
import math
from collections import Counter
from dataclasses import dataclass, field

from ray_jobs.runtime.context import Context
from ray_jobs.sampling.blocks import read_counts
from ray_jobs.sampling.inputs import Task
from ray_jobs.sampling.results import BlockCounts, BlockResult
from ray_jobs.sampling.step.problems import Cut, Problems
from w2s.store.attempt import Attempt
from w2s.store.objects.objects import in_parallel

MAX_FAILED_SHARE = 0.01
"""Share of a step's problems that may fail before the step does."""

logger = logging.getLogger(__name__)


@dataclass
class Work:
    """One sampling step in progress."""

    task: Task
    attempt: Attempt
    blocks: Cut
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
        return self.blocks.problems

    @property
    def finished(self) -> int:
        """Problems of the blocks that have a file."""
        return self.problems - sum(map(self.blocks.problems_in, self.missing))

    @property
    def sequences(self) -> int:
        """Completions of the missing blocks."""
        return (self.problems - self.finished) * self.task.recipe.sampling.n

    def add(self, result: BlockResult) -> None:
        """Count one finished block."""
        assert result.counts is not None, "the result of a finished block has counts"
        self.counts[result.block] = result.counts
        self.tokens += result.sampled_tokens
        self.restarts, self.repeated = self.restarts + result.restarts, self.repeated + result.repeated
        self.began, self.ended = min(self.began, result.began), max(self.ended, result.ended)
        self.missing.discard(result.block)


def commit(work: Work, context: Context) -> None:
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

    problems = Problems(store)

    def counts(block: int) -> BlockCounts:
        if found := reported.get(block):
            return found
        ids = [problem.problem_id for problem in problems.read(step, work.blocks.rows(block))]
        return read_counts(store, step, block, ids, n)

    return in_parallel(counts, range(len(work.blocks)))
