"""A Ray of our own: who can reach it, and that it ends."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.ray
CODE = """
import psutil
from ray_jobs import cluster
cluster.start()
import ray
ray.get(ray.remote(lambda: 1).remote())
here = psutil.Process()
listening = set()
for process in [here, *here.children(recursive=True)]:
    for connection in process.net_connections(kind="inet"):
        if connection.status == psutil.CONN_LISTEN:
            listening.add(connection.laddr.ip.removeprefix("::ffff:"))  # an IPv4 address on an IPv6 socket
print("LISTENING", sorted(listening))
cluster.stop()
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
