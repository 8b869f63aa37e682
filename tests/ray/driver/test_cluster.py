"""The local Ray: it listens on loopback only, ends with its driver, and reports what it lacks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import ray

from ray_jobs.runtime import local_ray
from tests.conftest import ROOT, w2s

pytestmark = pytest.mark.ray
CODE = """
import psutil
from ray_jobs.runtime import local_ray
local_ray.start()
import ray
ray.get(ray.remote(lambda: 1).remote())
here = psutil.Process()
listening = set()
for process in [here, *here.children(recursive=True)]:
    for connection in process.net_connections(kind="inet"):
        if connection.status == psutil.CONN_LISTEN:
            listening.add(connection.laddr.ip.removeprefix("::ffff:"))  # an IPv4 address on an IPv6 socket
print("LISTENING", sorted(listening))
local_ray.stop()
try:
    ray.put(1)
    print("STARTED AGAIN")
except Exception as error:
    print("REFUSED", type(error).__name__)
print("LEFT", [p.name() for p in psutil.wait_procs(here.children(recursive=True), timeout=20)[1]])
"""


def test_our_own_ray_listens_on_loopback_and_ends() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "LISTENING ['127.0.0.1']" in done.stdout, done.stdout
    assert "REFUSED" in done.stdout and "LEFT []" in done.stdout, done.stdout


POOL = """
import asyncio, os
from ray_jobs.runtime import local_ray
local_ray.start()
import ray
from ray.data import ActorPoolStrategy

class Slow:
    async def __call__(self, batch):
        await asyncio.sleep(1)
        yield {"pid": [os.getpid()]}

rows = ray.data.from_items([{"n": n} for n in range(60)], override_num_blocks=60)
pool = ActorPoolStrategy(min_size=1, max_size=2, max_tasks_in_flight_per_actor=4)
done = rows.map_batches(Slow, batch_size=1, num_cpus=0.5, compute=pool, max_concurrency=4)
pids = [row["pid"] for row in done.iter_rows()]
print("ACTORS", len(set(pids)))
local_ray.stop()
"""


def test_a_pool_grows_while_there_is_work() -> None:
    """By default Ray Data (2.60.0) never adds an actor to a pool whose in-flight tasks equal its max_concurrency."""
    done = subprocess.run([sys.executable, "-c", POOL], cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert "ACTORS 2" in done.stdout, done.stdout + done.stderr[-2000:]


WAITS = """
import asyncio, os, time
from ray_jobs.runtime import local_ray
local_ray.start()
from ray.data import ActorPoolStrategy
from ray_jobs.sampling.pool.channel import Channel, open_dataset

class Slow:
    async def __call__(self, batch):
        await asyncio.sleep(0.5)
        yield {"pid": [os.getpid()]}

channel = Channel()
pool = ActorPoolStrategy(min_size=1, initial_size=2, max_size=2, max_tasks_in_flight_per_actor=2)
done = open_dataset(channel).map_batches(Slow, batch_size=1, num_cpus=0.5, compute=pool, max_concurrency=2)
results = iter(done.iter_batches(batch_size=None, prefetch_batches=0))
pids = []
for _ in range(2):
    channel.append({}, [b"row"] * 8)
    pids.append({int(next(results)["pid"][0]) for _ in range(8)})
    time.sleep(12)  # Ray Data waits for 10 before it ends an actor
channel.close()
print("ACTORS", len(pids[0]), "THE SAME", pids[0] == pids[1], "MORE", next(results, None))
from ray.util import list_named_actors
print("NAMED", sorted(actor["name"] for actor in list_named_actors(all_namespaces=True)))
local_ray.stop()
"""


def test_a_pool_that_waits_keeps_its_actors_and_passes_on_each_result() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "RAY_USAGE_STATS_ENABLED"}
    done = subprocess.run(
        [sys.executable, "-c", WAITS], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240
    )
    assert "ACTORS 2 THE SAME True MORE None" in done.stdout, done.stdout + done.stderr[-2000:]
    # Not DataUsageCollectionActor, which collects reports for Ray's makers: `ray.init` turns them off by itself.
    assert "NAMED ['ActorLocationTracker', 'AutoscalingCoordinator', 'datasets_stats_actor']" in done.stdout, (
        done.stdout
    )


def test_a_shortage_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def node(gpus: float, **labels: str) -> dict[str, object]:
        return {"Alive": True, "Resources": {"CPU": 32.0, "GPU": gpus}, "Labels": labels}

    nodes = [node(4, group="training"), node(4, group="training"), node(8), {**node(99), "Alive": False}]
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    training = {"group": "training"}
    assert local_ray.shortage({"GPU": 8, "CPU": 8}, {"GPU": 4, "CPU": 8}, training) == ""
    assert "a node with group=training that has 8 GPU" in local_ray.shortage(
        {"GPU": 8, "CPU": 8}, {"GPU": 8, "CPU": 8}, training
    )
    assert local_ray.shortage({"GPU": 9}, {"GPU": 1}, training) == "9 GPU, and the nodes with group=training have 8"
    assert local_ray.shortage({"GPU": 17, "CPU": 1}, {"GPU": 1, "CPU": 1}, {}) == "17 GPU, and the nodes have 16"
    assert (
        local_ray.shortage({"CPU": 1, "GPU": 0}, {"CPU": 1, "GPU": 0}, {"group": "none"})
        == "1 CPU, and the nodes with group=none have 0"
    )


def test_a_request_larger_than_this_machine_ends_the_run_at_once(tmp_path: Path) -> None:
    done = w2s(
        "run",
        "quickstart",
        "--store",
        str(tmp_path),
        "--only",
        "test_strong_base",
        "--resources",
        "one-gpu",
        check=False,
    )
    assert done.returncode == 2 and "--resources asks for" in done.stderr and "Traceback" not in done.stderr, (
        done.stderr
    )


METRICS = """
import time
from urllib.request import urlopen
from ray_jobs.runtime import local_ray
from ray_jobs.runtime.progress import Progress
progress = Progress()
progress.plan("mine", ["sampled"], 2)
local_ray.start()
progress.started("sampled", 10, "problems")
progress.advanced("sampled", 4, tokens=120, failed=1)
end, lines = time.monotonic() + 60, []
while len(lines) < 6 and time.monotonic() < end:
    time.sleep(0.5)
    with urlopen(local_ray.addresses()["metrics"]) as answer:
        lines = [line for line in answer.read().decode().splitlines() if line.startswith("ray_w2s")]
for line in lines:
    print(line.partition("{")[0], 'step="sampled"' in line, line.rpartition(" ")[2])
local_ray.stop()
"""


def test_prometheus_finds_the_metrics_on_rays_port() -> None:
    done = subprocess.run([sys.executable, "-c", METRICS], cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    for line in ("ray_w2s_tokens_total True 120.0", "ray_w2s_done True 4.0", "ray_w2s_failed True 1.0"):
        assert line in done.stdout.splitlines(), done.stdout
