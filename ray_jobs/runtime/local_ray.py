"""The Ray this run works on: the cluster it was submitted to, or one of its own on this machine's loopback."""

import ctypes
import logging
import os
import secrets
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress

_starting = threading.Lock()
_abandoned = threading.Event()

PR_SET_PDEATHSIG = 1
"""Linux's prctl.h."""
LOCAL_OBJECT_STORE_BYTES = 1 << 30
"""A run of its own passes only counts and small tables through Ray; completions and models go through the store."""


def set_environment() -> bool:
    """Set what Ray reads when it is first imported, by vLLM for one; returns whether the Ray to be started is our own."""
    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"  # else a thread that outlives `stop` would start another Ray
    own = is_own()
    if own:
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # else 127.0.0.1 becomes this machine's own address
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        os.environ.setdefault(
            "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER", "0"
        )  # one process less a training; nobody takes this machine away
        # What runtime_env's worker_process_setup_hook sets, but for the workers that Ray starts ahead of any task too.
        os.environ["__RAY_WORKER_PROCESS_SETUP_HOOK_ENV_VAR"] = f"{__name__}.{end_with_raylet.__name__}"
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    return own


def start() -> None:
    """Connect to the cluster that `RAY_ADDRESS` or the job's environment names; without one, start Ray here.

    A Ray of our own listens on loopback only, asks for a token nobody else has, and writes none to the home folder.
    """
    own = set_environment()
    import ray
    from ray.data import DataContext

    with _starting:  # the scheduler and a step of its own thread may come at once
        if ray.is_initialized():
            return
        if own:
            ray.init(
                address="local",
                include_dashboard=False,
                logging_level=logging.WARNING,
                object_store_memory=LOCAL_OBJECT_STORE_BYTES,
            )
        else:
            ray.init(logging_level=logging.WARNING)
        context = DataContext.get_current()
        context.enable_progress_bars = False
        # A pool's use is its tasks over what it works on at once, and ours are as many: never above 1. Ray (2.60.0) lets a pool grow from 1.75.
        context.autoscaling_config.actor_pool_util_upscaling_threshold = 1.0


def end_with_raylet() -> None:
    """Have the kernel kill this worker when the raylet that started it dies; each worker of our own Ray calls this first.

    Ray (2.60.0, IsProcessAlive) takes a dead raylet for alive until somebody asks for its exit code. After a killed or stopped driver
    that is the machine's first process, which in a container may never do so: its workers would stay (tests/ray/driver/test_kill.py).
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def capacity() -> dict[str, float]:
    """CPUs and GPUs the cluster has now; an autoscaler may add more."""
    import ray

    return dict(ray.cluster_resources())


def available() -> dict[str, float]:
    """CPUs and GPUs that nobody claims just now."""
    import ray

    return dict(ray.available_resources())


def shortage(claim: Mapping[str, float], on_one_node: Mapping[str, float], labels: Mapping[str, str]) -> str:
    """What the cluster has not, now, of a claim or of the part of it that one node with these labels must have; empty where it has all."""
    import ray

    nodes = [node for node in ray.nodes() if node["Alive"] and labels.items() <= node["Labels"].items()]
    most = {key: sum(node["Resources"].get(key, 0) for node in nodes) for key in claim}
    where = f" with {' '.join(f'{key}={value}' for key, value in labels.items())}" if labels else ""
    for key, amount in claim.items():
        if amount > most[key]:
            return f"{amount:g} {key}, and the nodes{where} have {most[key]:g}"
    if not any(all(node["Resources"].get(key, 0) >= amount for key, amount in on_one_node.items()) for node in nodes):
        return f"a node{where} that has {' and '.join(f'{amount:g} {key}' for key, amount in on_one_node.items() if amount)}"
    return ""


def is_own() -> bool:
    """Whether this run's Ray is its own, on this machine, and will never have more than it has."""
    return not os.environ.get("RAY_ADDRESS")


def stop() -> None:
    """Leave the cluster, or end our own; what was abandoned stays as it is."""
    if "ray" in sys.modules and not _abandoned.is_set():
        import ray

        ray.shutdown()


def abandon() -> None:
    """Give up what runs, in threads that are still in Ray: the process must end with `leave`, and our own Ray ends with it.

    Ray (2.60.0) that is shut down under another thread ends the process with code 1, or that thread spins for ever.
    """
    _abandoned.set()


def leave(code: int) -> int:
    """The exit code of a process that is about to end; where Ray was abandoned, the process ends here.

    With it the kernel kills our own Ray; but for the raylet's agents (Ray 2.60.0, process_watcher.py), which would try for a minute to tell
    a server that is gone too. They are killed here, for a raylet that is asked to end ends this process, with code 1.
    """
    if _abandoned.is_set():
        import psutil

        raylets = [child for child in psutil.Process().children() if child.name() == "raylet"]
        for process in [below for raylet in raylets for below in raylet.children()]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code
