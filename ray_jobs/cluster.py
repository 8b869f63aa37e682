"""The Ray this run works on: the cluster it was submitted to, or one of its own on this machine's loopback."""

import logging
import os
import secrets
import sys
import threading

_starting = threading.Lock()
_abandoned = threading.Event()

LOCAL_OBJECT_STORE_BYTES = 1 << 30
"""A run of its own passes only counts and small tables through Ray; completions and models go through the store."""


def set_environment() -> bool:
    """Set what Ray reads when it is first imported, by vLLM for one; returns whether the Ray to be started is our own."""
    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"  # else a thread that outlives `stop` would start another Ray
    own = not os.environ.get("RAY_ADDRESS")
    if own:
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # else 127.0.0.1 becomes this machine's own address
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        os.environ.setdefault("RAY_TRAIN_ENABLE_PREEMPTION_WATCHER", "0")  # one process less a training; nobody takes this machine away
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
        DataContext.get_current().enable_progress_bars = False


def room() -> dict[str, float]:
    """CPUs and GPUs the cluster has now; an autoscaler may add more."""
    import ray

    return dict(ray.cluster_resources())


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
    """The exit code of a process that is about to end; where Ray was abandoned, the process ends here."""
    if _abandoned.is_set():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code
