"""Kills a driver, an engine, a sampling actor, a training worker or a whole node at a random moment of a job."""

import random
import time
from collections.abc import Collection, Sequence

import psutil

from tests.chaos.campaign import Campaign
from tests.chaos.checks import check
from tests.chaos.figures import Run
from tests.chaos.jobs import processes
from tests.chaos.jobs.cluster import LocalCluster
from tests.chaos.jobs.job import PROBLEMS_PER_BLOCK, SAMPLING, TRAINING, Job, Work
from w2s.store.store import Store

NODES = 2
"""Nodes of the cluster, each with one CPU: enough for an engine and a spare node, or for two training workers."""
MOST_SECONDS = 5.0
"""A fault comes 0 to this many seconds after work was seen to resume."""
PATIENCE_SECONDS = 240.0
"""A job without progress for this long counts as hung."""
FAULTS_A_RUN = 10


def kill(campaign: Campaign, kind: str, work: Work, faults: int, cluster: LocalCluster) -> None:
    """Run `work` and kill its processes, until there were `faults` faults or time is up."""
    while (more := faults - campaign.injected(kind, work.name)) > 0 and campaign.in_time():
        run, rng = campaign.run(kind, work.name)
        job = campaign.job(work, run, cluster.environment)
        disturb(campaign, run, rng, job, cluster, [kind] * min(more, FAULTS_A_RUN))
        campaign.settle(run, job, cluster)
        campaign.finished(run)


def disturb(
    campaign: Campaign, run: Run, rng: random.Random, job: Job, cluster: LocalCluster, kinds: Sequence[str]
) -> None:
    """Inject each of `kinds` in turn while the job has work to do; then let it finish and check its store."""
    reference = campaign.reference(job.work)
    cluster.forget_requests()
    earlier, moments = set[psutil.Process](), list[float]()
    job.start()
    while not job.done():
        if not _resumes(job, earlier):
            run.wrong.append(f"no progress for {PATIENCE_SECONDS:.0f} s: {job.last_output()}")
            processes.kill_at_once(processes.with_children(job.driver.pid) if job.driver else [])
            break
        if run.faults < len(kinds) and campaign.in_time() and job.wait(rng.uniform(0, MOST_SECONDS)):
            kind, saved, moment = kinds[run.faults], job.last_progress(), time.time()
            engines, at_work = processes.engines(job.marker), job.at_work()
            victim = _strike(kind, rng, job, cluster)
            if victim is None:
                continue  # the job is between two engines, or at its end
            run.faults, earlier = run.faults + 1, earlier | at_work
            moments.append(moment)
            if job.work.name == "training":
                run.seconds_again.append(round(moment - saved, 2))
            if _resumes(job, earlier):
                run.seconds.append(round(time.time() - moment, 2))
                campaign.log(
                    f"{kind}, {run.during}: fault {run.faults}, killed {victim}, work resumed after {run.seconds[-1]} s"
                )
                run.left += [f"{name} outlived its owner" for name in _remaining(job, engines)]
        elif job.running():
            time.sleep(0.5)
        else:
            job.restart_after_failure()
    run.reruns = job.starts - 1
    run.problems_again = _again(job, cluster, moments)
    run.wrong += [
        f"a fault cost {cost} finished problems, a block or more"
        for cost in run.problems_again
        if cost >= PROBLEMS_PER_BLOCK
    ]
    check(run, job.work, Store.at(str(job.store)), reference)


def _again(job: Job, cluster: LocalCluster, moments: Sequence[float]) -> list[int]:
    """For each moment of a fault, the number of problems that were finished before it and sampled again after it."""
    again, last = [0] * len(moments), dict[str, float]()
    for finished, problem in cluster.finished_requests():
        if problem in last and (
            earlier := [i for i, moment in enumerate(moments) if last[problem] < moment <= finished]
        ):
            again[earlier[-1]] += 1
        last[problem] = finished
    return again if job.work.name == "sampling" else []


def _remaining(job: Job, engines: Sequence[psutil.Process]) -> list[str]:
    """Titles of `engines` that are still alive half a minute after work resumed."""
    end = time.monotonic() + 30
    while alive := [engine for engine in processes.engines(job.marker) if engine in engines]:
        if time.monotonic() > end or not job.running():
            return [processes.title(engine) for engine in alive] if job.running() else []
        time.sleep(0.5)
    return []


def _resumes(job: Job, earlier: Collection[psutil.Process]) -> bool:
    """Wait until a process that is not in `earlier` has finished a piece of work; failed drivers are started again."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if job.done() or job.resumed_without(earlier):
            return True
        job.restart_after_failure()
        time.sleep(0.25)
    return False


def _strike(kind: str, rng: random.Random, job: Job, cluster: LocalCluster) -> str | None:
    """Kill one process or one node that is at work. Returns its title, or None if there is none."""
    if kind == "driver":
        assert job.driver is not None
        job.driver.kill()
        job.driver.wait()
        return "driver"
    found = {
        "engine": processes.engines,
        "sampling actor": processes.sampling_actors,
        "training worker": processes.training_workers,
        "node": processes.engines if job.work.name == "sampling" else processes.training_workers,
    }[kind](job.marker)
    if not found:
        return None
    victim = rng.choice(sorted(found, key=lambda process: process.pid))
    name = processes.title(victim)
    if kind == "node":
        raylet = next(pid for pid in cluster.raylets if victim in processes.with_children(pid))
        cluster.lose_node(raylet)
        cluster.add_node()
        return f"node of {name[:60]}"
    processes.kill_at_once([victim])
    return name[:60]


PLACES: dict[str, tuple[Work, ...]] = {
    "driver": (SAMPLING, TRAINING),
    "engine": (SAMPLING,),
    "sampling actor": (SAMPLING,),
    "training worker": (TRAINING,),
    "node": (SAMPLING, TRAINING),
}
"""The works in which each kind of process exists."""
