"""Poisons some problems so that their prompts kill the engine; each must become a failed row, all others must be
sampled."""

import json
import time

from ray_jobs.models.folders import base_folder
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from tests.chaos.campaign import Campaign
from tests.chaos.checks import check
from tests.chaos.jobs.job import Work
from tests.ray.sampling import engine_plugin
from w2s.experiments.quickstart import quickstart
from w2s.records import Problem
from w2s.store.store import Store

POISONED = Work(
    "poisoned sampling",
    ("problems.test=500", "problems.train_1=8", "problems.train_2=8"),
    ("test_strong_base",),
    "local,max_num_seqs=64",
)
MOST_A_RUN = 5
"""1% of the problems, the most that may fail before the step fails."""


def poison(campaign: Campaign, faults: int) -> None:
    """Run sampling with poisoned problems until there were `faults` of them."""
    kind, during = "poison row", "sampling"
    while (more := faults - campaign.injected(kind, during)) > 0 and campaign.in_time():
        run, rng = campaign.run(kind, during)
        undisturbed = campaign.reference(POISONED)
        step = POISONED.steps(undisturbed)[-1]
        victims = rng.sample(undisturbed.inputs(step, "problems", Problem), min(more, MOST_A_RUN))
        model = quickstart().strong
        tokens = Tokens(load_tokenizer(base_folder(model)), model.prompt)
        job = campaign.job(POISONED, run, {})
        prompts = [tokens.prompt_ids(problem.question) for problem in victims]
        job.environment |= engine_plugin.install(job.log.parent / "plugin") | {"W2S_POISON": json.dumps(prompts)}
        job.start()
        while not job.done():
            time.sleep(0.5)
            job.restart_after_failure()
            if job.starts > 3:
                run.wrong.append(f"three runs have failed: {job.last_output()}")
                break
        run.faults, run.reruns = len(victims), job.starts - 1
        campaign.settle(run, job)
        check(
            run, POISONED, Store.at(str(job.store)), undisturbed, poisoned={problem.problem_id for problem in victims}
        )
        campaign.finished(run)
