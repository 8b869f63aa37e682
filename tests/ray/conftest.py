"""A Ray cluster for submitted jobs."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from ray_jobs.runtime.local_ray import set_environment
from tests.conftest import wait_for
from tests.s3.servers import free_port

set_environment()  # before any test imports Ray
RAY = str(Path(sys.executable).parent / "ray")


def answers(environment: dict[str, str]) -> bool:
    return subprocess.run([RAY, "job", "list"], env=environment, capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A Ray head with a job server, on loopback, with a token; returns the environment of its clients."""
    port, dashboard, agent = free_port(), free_port(), free_port()
    temporary = f"/tmp/w2s-ray-{port}"  # Ray's socket paths must be short
    environment = os.environ | {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # else Ray replaces 127.0.0.1 by the machine's address
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",  # a job must run this interpreter
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": "f" * 64,
        "RAY_TMPDIR": temporary,
        "RAY_ADDRESS": f"127.0.0.1:{port}",
        "RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{dashboard}",
    }
    head = [
        RAY,
        "start",
        "--head",
        "--block",
        f"--port={port}",
        f"--dashboard-port={dashboard}",
        "--dashboard-host=127.0.0.1",
    ]
    head += [
        "--node-ip-address=127.0.0.1",
        f"--dashboard-agent-listen-port={agent}",
        "--num-cpus=2",
        f"--temp-dir={temporary}",
        "--disable-usage-stats",
    ]
    log = (tmp_path_factory.mktemp("head") / "log").open("w")
    starting = {key: value for key, value in environment.items() if key != "RAY_ADDRESS"}
    process = subprocess.Popen(head, env=starting, stdout=log, stderr=log)
    try:
        wait_for(lambda: answers(environment), 240, "the cluster's job server")
        yield environment
    finally:
        below = psutil.Process(process.pid).children(recursive=True)
        for member in (process, *below):  # killed, because `ray start` takes half a minute to end by itself
            with suppress(psutil.NoSuchProcess):
                member.kill()
        process.wait(60)
        shutil.rmtree(temporary, ignore_errors=True)
