"""Finds the processes of one campaign by a marker in their environment, so that no other process is ever killed."""

import re
from collections.abc import Callable, Iterable

import psutil

MARKER = "W2S_CHAOS"
"""Environment variable of the campaign's Ray and drivers, which all their children inherit."""
ENVIRONMENT = {"RAY_worker_niceness": "0", "SPT_NOENV": "1"}
"""Of all drivers and clusters: Ray's workers are as urgent as what started them, or a busy machine lets them wait for
everything else; and setproctitle, by which vLLM names its processes, leaves the marker alone: it writes over the
environment as far as that is unchanged."""
IDLE_CLUSTER = re.compile(
    r"tests\.chaos\.jobs\.cluster|/raylet/raylet |/gcs/gcs_server "
    r"|/(monitor|log_monitor|dashboard|default_worker)\.py|resource_tracker"
    r"|^ray::(IDLE|DashboardAgent|RuntimeEnvAgent|_AutoscalingCoordinatorActor|ActorLocationTracker|_StatsActor"
    r"|_UsageCollectionActor|PlacementGroupCleaner)$"
)
"""Titles of what a Ray of several nodes consists of while nothing runs on it.

`default_worker.py` is a worker that waits for its first task; the four with an underscore or `Tracker` are Ray Data's
own detached actors, one each a cluster. Ray Train's PlacementGroupCleaner (ray 2.60) outlives a killed driver until the
dashboard's state API says that its controller is dead; this Ray has no dashboard. It reserves no CPU, which is checked.
"""


def marked(marker: str) -> list[psutil.Process]:
    """Living processes with `marker` in their environment."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARKER) == marker and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:  # has ended, or belongs to another user
            continue
    return found


def title(process: psutil.Process) -> str:
    """A process's command line or the title it set; empty if the process has ended."""
    try:
        return " ".join(process.cmdline()).strip()
    except psutil.Error:
        return ""


def engines(marker: str) -> list[psutil.Process]:
    """vLLM's own processes: the engine core, which holds the model.

    By their title or, where they have none, by how they were started: setproctitle (1.3.8) looks for the command line
    below the first variable of the environment, and sets no title where the process has changed that variable; Ray's
    workers have them in any order.
    """
    return titled(marker, lambda name: name.startswith("VLLM::") or "from multiprocessing.spawn import" in name)


def sampling_actors(marker: str) -> list[psutil.Process]:
    """Ray Data's actors that hold an engine."""
    return titled(marker, lambda name: name.startswith("ray::") and "Engine" in name)


def training_workers(marker: str) -> list[psutil.Process]:
    """Ray Train's workers, one a rank."""
    return titled(marker, lambda name: name.startswith("ray::RayTrainWorker"))


def titled(marker: str, fits: Callable[[str], bool]) -> list[psutil.Process]:
    """The campaign's processes whose title fits."""
    return [process for process in marked(marker) if fits(title(process))]


def created(processes: Iterable[psutil.Process]) -> list[float]:
    """Unix times at which the processes started, to about a second; without those that have ended."""
    times: list[float] = []
    for process in processes:
        try:
            times.append(process.create_time())
        except psutil.Error:
            continue
    return times


def with_children(pid: int) -> list[psutil.Process]:
    """A process and all its descendants; for a raylet that is its whole node."""
    try:
        top = psutil.Process(pid)
        return [*top.children(recursive=True), top]
    except psutil.Error:
        return []


def kill_at_once(processes: Iterable[psutil.Process]) -> None:
    """Send SIGKILL, as the kernel does when memory runs out: no process can clean up."""
    for process in processes:
        try:
            process.kill()
        except psutil.Error:
            continue


def left_over(marker: str) -> list[str]:
    """Titles of the campaign's processes that do not belong to an idle Ray, so a job has left them."""
    names = [title(process) for process in marked(marker)]
    return [name[:150] for name in names if name and not IDLE_CLUSTER.search(name)]
