"""Start a cluster with Ray's launcher and wait for its hosts; stop Ray on every host and show that nothing is left."""

import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from ray_jobs.cluster import probe
from ray_jobs.cluster.checks import Row
from ray_jobs.cluster.config import Cluster
from ray_jobs.cluster.ssh import Done, ask, on_all
from ray_jobs.cluster.token import use_token
from ray_jobs.cluster.tunnel import Tunnel, ray_program

JOIN_SECONDS = 300.0
"""The head's autoscaler starts one worker after the other, some 10 s each."""

PLAIN = ("--log-style", "pretty", "--log-color", "false")
"""Else the launcher writes each of its ssh commands where its output is no terminal."""


def up(cluster: Cluster) -> list[Row]:
    """Start the cluster; with named hosts, wait until each has joined.

    Raises ValueError where the head runs a Ray already, because the launcher would end it and its jobs.
    """
    if cluster.hosts:
        found = ask(cluster, cluster.head, probe.ray_state)
        if not isinstance(found, Done) and found["ray"]:
            raise ValueError(
                f"a Ray runs on {cluster.head} already ({len(found['ray'])} processes), and `up` would end its jobs: "
                f"submit to it, or first `w2s cluster down --config {cluster.file}`"
            )
        _forget(cluster)  # else the launcher updates hosts that it believes to be running
    use_token(os.environ)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else each host reports to Ray's makers once an hour
    done = subprocess.run([ray_program(), "up", "-y", *PLAIN, str(cluster.file)], stdin=subprocess.DEVNULL)
    if done.returncode:
        return [Row(cluster.head if cluster.hosts else "head", "up", False, "`ray up` failed, see above")]
    return _joined(cluster) if cluster.hosts else [Row("head", "up", True, "workers start with the work")]


def down(cluster: Cluster) -> list[Row]:
    """Stop every host, the head first, because its autoscaler would start the others again."""
    if not cluster.hosts:
        done = subprocess.run([ray_program(), "down", "-y", *PLAIN, str(cluster.file)], stdin=subprocess.DEVNULL)
        return [Row("all", "down", not done.returncode, "ended, see above" if not done.returncode else "see above")]
    head = on_all([cluster.head], lambda host: ask(cluster, host, probe.stop))
    answers = head | on_all(cluster.hosts[1:], lambda host: ask(cluster, host, probe.stop))
    _forget(cluster)
    return [_stopped(host, found) for host, found in answers.items()]


def _stopped(host: str, found: dict[str, Any] | Done) -> Row:
    if isinstance(found, Done):
        return Row(host, "down", False, f"not reached ({found.why}): run this again when it is back")
    if found["left"]:
        left = "; ".join(f"{pid} {what}" for pid, what in found["left"].items())
        return Row(host, "down", False, f"still there: {left}")
    killed = f", killed {len(found['killed'])} that `ray stop` left ({found['killed'][0]})" if found["killed"] else ""
    return Row(host, "down", True, f"{found['before']} processes stopped{killed}, none left")


def _joined(cluster: Cluster) -> list[Row]:
    """A row for each host: when it joined, with its label, or that it did not."""
    began, joined, why = time.monotonic(), dict[str, str](), ""
    with Tunnel(cluster) as tunnel:
        while len(joined) < len(cluster.hosts) and time.monotonic() - began < JOIN_SECONDS:
            try:
                nodes = _nodes(tunnel.url())
            except Exception as error:  # of Ray or requests: the head has just started
                nodes, why = [], str(error)
            addresses = {node.node_ip: node for node in nodes if node.state == "ALIVE"}
            for host in cluster.hosts:
                if host not in joined and (node := addresses.get(_address(host))):
                    labels = {key: value for key, value in (node.labels or {}).items() if not key.startswith("ray.io/")}
                    said = ", ".join(f"{key}={value}" for key, value in labels.items()) or "no label"
                    joined[host] = f"joined after {time.monotonic() - began:.0f} s, {said}"
            time.sleep(1)
    look = f"ssh {cluster.user}@{cluster.head} tail /tmp/ray/session_latest/logs/monitor.*"
    missing = f"not in the cluster after {JOIN_SECONDS:.0f} s{f' ({why})' if why and not joined else ''}: {look}"
    return [Row(host, "up", host in joined, joined.get(host, missing)) for host in cluster.hosts]


def _nodes(url: str) -> list[Any]:
    from ray.util.state import list_nodes

    return list_nodes(address=url, limit=10000, timeout=10)


def _address(host: str) -> str:
    """As Ray names nodes: by address."""
    try:
        return socket.gethostbyname(host)
    except OSError:
        return host


def _forget(cluster: Cluster) -> None:
    """Remove the launcher's file of what runs where (Ray 2.60.0, autoscaler/_private/local/config.py).

    It says what this machine last believed, while the hosts say what is; a reboot of this machine loses it too.
    """
    Path(f"/tmp/ray/cluster-{cluster.name}.state").unlink(missing_ok=True)  # noqa: S108
