"""A Ray cluster of several nodes on this machine's loopback, whose nodes can be killed and added while jobs run on it.

python -m tests.chaos.jobs.cluster NODES     # started by LocalCluster: commands on stdin, JSON on stdout
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.chaos.jobs.processes import ENVIRONMENT, MARKER, kill_at_once, with_children
from tests.conftest import ROOT
from tests.ray.sampling import engine_plugin


class LocalCluster:
    """A head without CPUs, to which drivers connect, and nodes of one CPU each, behind a random token."""

    def __init__(self, nodes: int, marker: str) -> None:
        self.folder = tempfile.mkdtemp(prefix="w2sc-", dir="/tmp")  # Ray's socket paths must be short
        own = ENVIRONMENT | {
            MARKER: marker,
            "RAY_TMPDIR": self.folder,
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # else Ray replaces 127.0.0.1 by the machine's address
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "GLOO_SOCKET_IFNAME": "lo",
        }
        plugin = engine_plugin.install(Path(self.folder, "plugin")) | {
            "W2S_FINISHED": str(Path(self.folder, "finished"))
        }
        self.log = Path(self.folder, "cluster.log")
        self._finished = Path(self.folder, "finished")
        inherited = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
        command = [sys.executable, "-m", "tests.chaos.jobs.cluster", str(nodes)]
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=inherited | own | plugin,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        started = self._answer()
        self.raylets: list[int] = started["raylets"]
        self.environment: dict[str, str] = own | {"RAY_ADDRESS": started["address"]}
        """The environment variables of a driver on this cluster."""

    def forget_requests(self) -> None:
        """Remove the record of finished requests."""
        self._finished.unlink(missing_ok=True)

    def finished_requests(self) -> list[tuple[float, str]]:
        """Unix time and name of each request that any engine, dead or alive, has finished since `forget_requests`, in
        order."""
        lines = self._finished.read_text().splitlines() if self._finished.exists() else []
        return [(float(moment), name) for moment, name in (line.split(" ", 1) for line in lines)]

    def lose_node(self, raylet: int) -> None:
        """Kill a whole node: its raylet and every process under it."""
        kill_at_once(with_children(raylet))
        self.raylets.remove(raylet)
        self._ask("forget", raylet)

    def add_node(self) -> None:
        """Add a node of one CPU."""
        self.raylets.append(self._ask("add")["raylet"])

    def reserved(self) -> float:
        """CPUs of living nodes that tasks and actors hold."""
        return self._ask("reserved")["cpus"]

    def close(self) -> None:
        """End all nodes and remove their files."""
        if self._process.poll() is None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                kill_at_once(with_children(self._process.pid))
        shutil.rmtree(self.folder, ignore_errors=True)

    def _ask(self, *words: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise RuntimeError(f"the cluster's process has ended: {self.log.read_text()[-1000:]}")


def serve(nodes: int) -> None:
    """Start the cluster and obey commands until standard input ends."""
    from ray._private import ray_constants
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "node_ip_address": "127.0.0.1", "include_dashboard": False}
    )
    by_raylet: dict[int, Any] = {}

    def add() -> int:
        node = cluster.add_node(num_cpus=1, node_ip_address="127.0.0.1")
        pid = node.all_processes[ray_constants.PROCESS_TYPE_RAYLET][0].process.pid
        by_raylet[pid] = node
        return pid

    answer(address=cluster.address, raylets=[add() for _ in range(nodes)])
    for line in sys.stdin:
        order, *rest = line.split()
        if order == "add":
            answer(raylet=add())
        elif order == "forget":
            cluster.remove_node(by_raylet.pop(int(rest[0])), allow_graceful=False)
            answer()
        elif order == "reserved":
            total, free = cluster.global_state.cluster_resources(), cluster.global_state.available_resources()
            answer(cpus=total.get("CPU", 0.0) - free.get("CPU", 0.0))
    cluster.shutdown()


def answer(**values: object) -> None:
    """Write one JSON line as the answer."""
    print(json.dumps(values), flush=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
