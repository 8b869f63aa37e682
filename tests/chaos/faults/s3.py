"""Injects faults between a job and its bucket: errors, resets, slow, truncated and lost answers."""

import shutil
import time
from collections.abc import Collection, Mapping
from pathlib import Path

from tests.chaos.campaign import Campaign
from tests.chaos.checks import check
from tests.chaos.jobs.job import SAMPLING, TRAINING, Work
from tests.chaos.jobs.template import CURATION, WHOLE, finished_copy
from tests.s3.proxy import FaultProxy
from tests.s3.servers import Server, serve
from w2s.store.store import Store

RATES: Mapping[str, Mapping[str, float]] = {
    "S3 errors": dict.fromkeys(("error_500", "slow_down", "reset", "slow", "cut"), 0.03),
    "lost S3 answers": {"lost": 0.3},
}
"""Probability of each fault for each request. Only answers to writes are lost, after the server has done the write."""
SMALL_SAMPLING = Work(
    "small sampling",
    ("problems.test=96", "problems.train_1=8", "problems.train_2=8"),
    SAMPLING.only,
    "local,problems_per_block=4",
)
SMALL_TRAINING = Work(
    "small training",
    ("problems.test=8", "problems.train_1=8", "problems.train_2=160"),
    TRAINING.only,
    "local,save_minutes=0.02",
)
BUCKET = "w2s-chaos"


def disturb(campaign: Campaign, kind: str, faults: int, during: Collection[str]) -> None:
    """Disturb one sampling and one training, then the steps between them until there were `faults` faults."""
    for phase, work in (("sampling", SMALL_SAMPLING), ("training", SMALL_TRAINING)):
        if phase in during and not campaign.injected(kind, phase) and campaign.in_time():
            run_behind_proxy(campaign, kind, work, phase)
    done = sum(campaign.injected(kind, phase) for phase in ("sampling", "training", "curation"))
    while "curation" in during and done < faults and campaign.in_time():
        done += run_behind_proxy(campaign, kind, WHOLE, "curation")


def run_behind_proxy(campaign: Campaign, kind: str, work: Work, during: str) -> int:
    """Run one job behind the proxy. Returns the number of faults it met."""
    run, rng = campaign.run(kind, during)
    job = campaign.job(work, run, {})
    folder = job.store.parent
    # moto has conditional writes and rclone has not; the store writes by different rules.
    with serve(rng.choice(("moto", "rclone")), folder / "server") as server:
        server.make_bucket(BUCKET)
        if during == "curation":
            upload(server, finished_copy(campaign, work, folder / "start", without=CURATION))
        with FaultProxy(server.endpoint, rng.randrange(2**32), RATES[kind]) as proxy:
            job.environment |= server.environment | {"AWS_ENDPOINT_URL": proxy.endpoint}
            job.url = f"s3://{BUCKET}/store"
            job.start()
            while not job.done():
                time.sleep(0.2)
                job.restart_after_failure()
                if job.starts > 10:
                    run.wrong.append(f"ten runs have failed: {job.last_output()}")
                    break
            run.faults = sum(proxy.faults.values())
            run.seconds = proxy.asked_again
        download(server, job.store)
    run.reruns = job.starts - 1
    campaign.settle(run, job)
    check(run, work, Store.at(str(job.store)), campaign.reference(work))
    shutil.rmtree(folder / "server")
    campaign.finished(run)
    return run.faults


def upload(server: Server, folder: Path) -> None:
    """Copy all files of a folder into the bucket, under store/."""
    client = server.client()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            client.put_object(Bucket=BUCKET, Key=f"store/{path.relative_to(folder)}", Body=path.read_bytes())


def download(server: Server, folder: Path) -> None:
    """Copy all objects under store/ of the bucket into a folder."""
    client = server.client()
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="store/"):
        for entry in page.get("Contents", []):
            path = folder / entry["Key"].removeprefix("store/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(client.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read())
