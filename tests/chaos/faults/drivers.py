"""Runs two drivers on one store: the second starts at a random moment of the first, which is killed in half of the
runs."""

import random
import time

from tests.chaos.campaign import Campaign
from tests.chaos.checks import check, uncommitted
from tests.chaos.figures import Run
from tests.chaos.jobs.job import Job, Work
from tests.chaos.jobs.template import CURATION, finished_copy
from w2s.store.store import Store

MOST_SECONDS = 4.0
"""The second driver starts after 0 to this many seconds; curation takes about as long."""
PATIENCE_SECONDS = 240.0


def race(campaign: Campaign, work: Work, faults: int) -> None:
    """Run pairs of drivers over the steps that need no Ray; each pair counts as one fault."""
    kind, during = "two drivers", "curation"
    while campaign.injected(kind, during) < faults and campaign.in_time():
        run, rng = campaign.run(kind, during)
        first = campaign.job(work, run, {})
        finished_copy(campaign, work, first.store, without=CURATION)
        second = Job(work, first.store, first.log.with_name("second.log"), first.environment)
        killed = _race(run, rng, first, second)
        run.faults = 1
        campaign.settle(run, first)
        store = Store.at(str(first.store))
        check(run, work, store, campaign.reference(work))
        if not killed:
            run.wrong += [f"{path} is in no manifest" for path in uncommitted(work, store)]
        campaign.finished(run)


def _race(run: Run, rng: random.Random, first: Job, second: Job) -> bool:
    """Run both drivers until they end. Returns whether the first was killed."""
    first.start()
    first.wait(rng.uniform(0, MOST_SECONDS))
    second.start()
    killed = rng.random() < 0.5 and first.wait(rng.uniform(0, MOST_SECONDS))
    moment = time.time()
    if killed and first.driver is not None:
        first.driver.kill()
        first.driver.wait()
    end = time.monotonic() + PATIENCE_SECONDS
    while first.running() or second.running():
        if killed and not run.seconds and second.last_progress() > moment:
            run.seconds.append(round(second.last_progress() - moment, 2))
        if time.monotonic() > end:
            run.wrong.append(
                f"the drivers still run after {PATIENCE_SECONDS:.0f} s: {first.last_output()} / {second.last_output()}"
            )
            for job in (first, second):
                assert job.driver is not None
                job.driver.kill()
        time.sleep(0.2)
    run.wrong += [
        f"a driver ended with {job.ended}: {job.last_output()}"
        for job in (second, *([] if killed else [first]))
        if job.ended != 0
    ]
    return killed
