"""The Ray of this run: the cluster it was submitted to or, without one, a local Ray that only this process can reach.

Most of this file makes a local Ray end with its driver, however the driver ends; Ray (2.60.0) alone does not.
"""

import ctypes
import logging
import os
import secrets
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from w2s.errors import first_line

NODE_ID = "ray.io/node-id"
"""Label that Ray gives to every node."""
NODE_GROUP = "ray.io/node-group"
"""Label that Ray gives to the nodes of a launcher or of KubeRay, so to those of a cluster that can grow."""

_starting = threading.Lock()
_abandoned = threading.Event()

PR_SET_PDEATHSIG = 1
"""From Linux's prctl.h: the signal that a process gets when its parent dies."""
NODE_SECONDS = 3600
"""How long a training waits for its nodes. After Ray Train's own 60 s it would ask anew, with a traceback in the log
each time, while a GPU node boots and loads its image for ten minutes or another training holds the node."""
CONTAINER_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Files with a container's limit of memory in bytes, by the second and by the first version of Linux's cgroups."""
LOCAL_OBJECT_STORE_BYTES = 1 << 30
"""1 GiB is enough, because completions and models go through the store; Ray carries counts and small tables."""


def set_environment() -> bool:
    """Set the variables that Ray reads at import. Call it before anything imports Ray, as vLLM does.

    Returns whether this run starts a local Ray.
    """
    os.environ.setdefault("RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S", str(NODE_SECONDS))
    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"  # else a thread that outlives `stop` starts another Ray
    own = is_own()
    if own:
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # else Ray replaces 127.0.0.1 by the machine's address
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        # Ray runs engines and training workers at nice 15, so any other process of the machine would slow them.
        os.environ.setdefault("RAY_worker_niceness", "0")
        # This machine is not preempted, so a training needs no process that watches for it.
        os.environ.setdefault("RAY_TRAIN_ENABLE_PREEMPTION_WATCHER", "0")
        # The variable behind runtime_env's worker_process_setup_hook: set here, it also reaches workers that Ray
        # prestarts.
        os.environ["__RAY_WORKER_PROCESS_SETUP_HOOK_ENV_VAR"] = f"{__name__}.{end_with_raylet.__name__}"
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    return own


def start() -> None:
    """Connect to the cluster that RAY_ADDRESS names, which Ray sets for a submitted job; without it, start a local Ray.

    The local Ray listens on loopback only and requires a random token, which is written to no file.
    """
    own = set_environment()
    import ray
    from ray.data import DataContext

    with _starting:  # the scheduler and the thread of a step may call it at the same time
        if ray.is_initialized():
            return
        if own:
            try:
                ray.init(
                    address="local",
                    include_dashboard=bool(os.environ.get("W2S_DASHBOARD")),
                    logging_level=logging.WARNING,
                    object_store_memory=LOCAL_OBJECT_STORE_BYTES,
                )
            except Exception as error:  # Ray (2.60.0) raises a plain Exception where the machine is too slow
                raise TimeoutError(f"Ray did not start on this machine: {first_line(error)}") from None
        else:
            ray.init(logging_level=logging.WARNING)
        context = DataContext.get_current()
        context.enable_progress_bars = False
        # Ray (2.60.0) scales a pool up at utilization 1.75; ours never exceeds 1.0, because in-flight tasks equal
        # max_concurrency.
        context.autoscaling_config.actor_pool_util_upscaling_threshold = 1.0


def started() -> Any:
    """Ray's module if this process is connected, without importing it; else None."""
    ray = sys.modules.get("ray")
    return ray if ray is not None and ray.is_initialized() else None


def addresses() -> dict[str, str]:
    """Where a browser finds Ray's dashboard, if it has one, and Prometheus the metrics of this process's node; empty
    without Ray."""
    if (ray := started()) is None:
        return {}
    here = ray.get_runtime_context().get_node_id()
    node = next(node for node in ray.nodes() if node["NodeID"] == here)
    found = {"metrics": f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics"}
    dashboard = ray._private.worker.get_dashboard_url()
    return found | ({"dashboard": f"http://{dashboard}"} if dashboard else {})


def end_with_raylet() -> None:
    """Let the kernel kill this worker when its raylet dies. Every worker of a local Ray calls this first.

    Ray (2.60.0, IsProcessAlive) takes a dead raylet for alive until its parent has asked for its exit code. After the
    driver's death that parent is process 1, which in a container may never ask, so the workers would stay
    (tests/ray/driver/test_kill.py).
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass(frozen=True)
class Node:
    """A node that is alive: all its CPUs and GPUs, free or not, and its labels."""

    cpus: float
    gpus: float
    labels: Mapping[str, str] = field(default_factory=dict[str, str])

    def has(self, labels: Mapping[str, str]) -> bool:
        """Whether the node has all these labels."""
        return labels.items() <= self.labels.items()


def nodes() -> list[Node]:
    """The nodes of the cluster now; an autoscaler may add more."""
    import ray

    alive = [node for node in ray.nodes() if node["Alive"]]
    return [
        Node(node["Resources"].get("CPU", 0), node["Resources"].get("GPU", 0), dict(node["Labels"])) for node in alive
    ]


def driver_node() -> dict[str, str]:
    """Label selector of the node of this process."""
    import ray

    return {NODE_ID: ray.get_runtime_context().get_node_id()}


def can_grow(nodes: Sequence[Node]) -> bool:
    """Whether an autoscaler adds nodes to the cluster, and takes away nodes on which nothing runs."""
    return any(NODE_GROUP in node.labels for node in nodes)


def machine(with_gpus: bool) -> dict[str, float]:
    """CPUs, GPUs and bytes of memory of this machine, before Ray has started; in a container Ray may count fewer
    CPUs. Counting GPUs takes an import of torch."""
    memory = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for limit in CONTAINER_LIMITS:
        with suppress(OSError, ValueError):  # no such file, or no limit in it
            memory = min(memory, float(Path(limit).read_text()))
    return {"CPU": float(os.cpu_count() or 1), "GPU": float(_gpus() if with_gpus else 0), "memory": memory}


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()


def available() -> dict[str, float]:
    """CPUs and GPUs of the cluster that are free now."""
    import ray

    return dict(ray.available_resources())


def shortage(request: Mapping[str, float], on_one_node: Mapping[str, float], labels: Mapping[str, str]) -> str:
    """What the cluster lacks now of a resource request, as text; empty if nothing.

    `on_one_node` is the part of the request that a single node must have. Only nodes with all `labels` count.
    """
    import ray

    nodes = [node for node in ray.nodes() if node["Alive"] and labels.items() <= node["Labels"].items()]
    total = {key: sum(node["Resources"].get(key, 0) for node in nodes) for key in request}
    where = f" with {' '.join(f'{key}={value}' for key, value in labels.items())}" if labels else ""
    for key, amount in request.items():
        if amount > total[key]:
            return f"{amount:g} {key}, and the nodes{where} have {total[key]:g}"
    if not any(all(node["Resources"].get(key, 0) >= amount for key, amount in on_one_node.items()) for node in nodes):
        parts = [f"{amount:g} {key}" for key, amount in on_one_node.items() if amount]
        return f"a node{where} that has {' and '.join(parts)}"
    return ""


def is_own() -> bool:
    """Whether this run uses a local Ray, whose resources never grow."""
    return not os.environ.get("RAY_ADDRESS")


def stop() -> None:
    """Disconnect from the cluster, or end the local Ray. Does nothing after `abandon`."""
    if "ray" in sys.modules and not _abandoned.is_set():
        import ray

        ray.shutdown()


def abandon() -> None:
    """Give up the running steps, whose threads are inside Ray. The process must then end with `leave`.

    If Ray (2.60.0) is shut down while another thread uses it, the process ends with code 1, or that thread spins
    forever.
    """
    _abandoned.set()


def leave(code: int) -> int:
    """Return `code`, the exit code of this process; after `abandon`, end the process here.

    The kernel then kills the local Ray, except the raylet's agents (Ray 2.60.0, process_watcher.py), which try for a
    minute to reach a server that is gone. They are killed here and not by their raylet, because a raylet that is asked
    to end ends this process with code 1.
    """
    if _abandoned.is_set():
        import psutil

        raylets = [child for child in psutil.Process().children() if child.name() == "raylet"]
        for process in [agent for raylet in raylets for agent in raylet.children()]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code
