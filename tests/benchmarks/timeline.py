"""Where the seconds of a quickstart go: processor seconds by kind of process, and what ran beside what.

    python -m tests.benchmarks.timeline [CHECKOUT]

Runs `w2s run quickstart` of this checkout, or of another in the folder CHECKOUT, in a fresh store. Every process of the
run carries a mark in its environment; each half second the growth of its processor time goes to the title that it then
has. What processes use after their last sample is lost; the total of all that were waited for stands beside the sum.
Idle is the share of the machine's cores that nothing used, other programs included.
"""

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks.goal import Goal

ROOT = Path(__file__).parent.parent.parent
SAMPLE_SECONDS = 0.5
KINDS = (
    (r"runtime_env.agent|[Dd]ashboard|log_monitor|monitor\.py", "Ray: agents, dashboard, monitors"),
    (r"gcs_server|raylet", "Ray: gcs_server, raylet"),
    (r"ray::IDLE|default_worker\.py|setup_worker\.py", "Ray: idle and starting workers"),
    (r"ray::TrainController|PlacementGroupCleaner|SynchronizationActor|DatasetManager|ray::Reporter", "Ray Train"),
    (r"ray::.*(StatsActor|AutoscalingRequester|AutoscalingCoordinator|StateActor)", "Ray Data's and Train's actors"),
    (r"ray::.*TrainWorker", "training workers"),
    (r"VLLM::|EngineCore|spawn_main", "engine processes"),
    (r"ray::.*Engine", "engine actors"),
    (r"guard\.py|resource_tracker", "guards and trackers"),
    (r"ray_jobs\.driver|checks", "check of vLLM's support"),
    (r"ray::", "tasks on tables"),
    (r"ray_jobs|w2s", "driver"),
)
"""A pattern in a process's title or command, and its kind; the first that fits counts."""


class Seconds(defaultdict[str, float]):
    """Processor seconds by name."""

    def __init__(self) -> None:
        super().__init__(float)

    def largest(self) -> list[tuple[str, float]]:
        """Names and seconds, the most seconds first."""
        return sorted(self.items(), key=lambda item: -item[1])


@dataclass
class Used:
    """Processor seconds of the run, by kind and title of process and by sample."""

    kinds: Seconds = field(default_factory=Seconds)
    titles: Seconds = field(default_factory=Seconds)
    started: Counter[str] = field(default_factory=Counter[str])
    """Processes by kind, each counted once for every kind that it was."""
    beside: list[tuple[float, Seconds]] = field(default_factory=list[tuple[float, Seconds]])
    """Seconds since the start, and what each kind used in the sample."""


def kind_of(title: str) -> str:
    """The kind of the process with this title."""
    return next((kind for pattern, kind in KINDS if re.search(pattern, title)), "other")


def watch(run: subprocess.Popen[bytes], mark: str, began: float) -> Used:
    """Sample the run's processes until it ends."""
    used, seen = Used(), dict[psutil.Process, float]()
    known, ours = set[tuple[psutil.Process, str]](), dict[psutil.Process, bool]()
    while run.poll() is None:
        now = Seconds()
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process not in ours:
                    ours[process] = process.environ().get("W2S_MARK") == mark
                if not ours[process]:
                    continue
                times, title = process.cpu_times(), " ".join(process.cmdline())
                if not title:
                    continue
                grown = times.user + times.system - seen.get(process, 0.0)
                seen[process] = times.user + times.system
                kind = kind_of(title)
                now[kind] += grown
                used.kinds[kind] += grown
                used.titles[re.sub(r"\d+", "N", title)[:70]] += grown
                if (process, kind) not in known:
                    known.add((process, kind))
                    used.started[kind] += 1
        used.beside.append((time.time() - began, now))
        time.sleep(SAMPLE_SECONDS)
    return used


def steps_of(store: Path, began: float) -> list[dict[str, Any]]:
    """The manifests of all steps by their end, with `from` and `to` in seconds since the run's start."""
    manifests = [json.loads(path.read_bytes()) for path in store.glob("steps/*/manifest.json")]
    for manifest in manifests:
        manifest["from"] = datetime.fromisoformat(manifest["started"]).timestamp() - began
        manifest["to"] = manifest["from"] + manifest["seconds"]
    return sorted(manifests, key=lambda manifest: manifest["to"])


def show(used: Used, steps: list[dict[str, Any]], wall: float, waited: float, idle: float) -> None:
    """Print the tables."""
    total = sum(used.kinds.values())
    cores = psutil.cpu_count() or 1
    print(f"wall {wall:.0f} s, processor {total:.0f} s sampled ({waited:.0f} s of processes that were waited for)")
    print(f"idle {idle:.0%} of {cores} cores\n")
    print(f"{'kind of process':<36} {'processor s':>11} {'share':>6} {'processes':>9}")
    for kind, seconds in used.kinds.largest():
        print(f"{kind:<36} {seconds:>11.1f} {seconds / total:>6.0%} {used.started[kind]:>9}")
    print("\ntitles")
    for title, seconds in used.titles.largest()[:16]:
        print(f"  {seconds:>7.1f} s  {title}")
    print(f"\n{'step':<20} {'from':>6} {'to':>6} {'wall s':>7}")
    for step in steps:
        print(f"{step['step']:<20} {step['from']:>6.0f} {step['to']:>6.0f} {step['seconds']:>7.1f}")
    print("\nevery 20 s: processor seconds of the kinds that used more than one")
    for start in range(0, int(wall) + 1, 20):
        window = Seconds()
        for second, now in used.beside:
            for kind, seconds in now.items():
                window[kind] += seconds * (start <= second < start + 20)
        parts = ", ".join(f"{kind} {seconds:.0f}" for kind, seconds in window.largest() if seconds >= 1)
        print(f"  {start:>4} s  {sum(window.values()):>4.0f}  {parts}")


def compare(checkout: str) -> list[Goal]:
    """The quickstart of this checkout beside another's."""
    (wall, processor), (other_wall, other_processor) = main(), main(checkout)
    return [
        Goal("quickstart, seconds", wall, "the other checkout", other_wall, "at most", 0.5),
        Goal("quickstart, processor seconds", processor, "the other checkout", other_processor, "at most", 0.5),
    ]


def main(checkout: str = str(ROOT)) -> tuple[float, float]:
    """Run, sample and print. Returns the seconds of the run and of processors."""
    store = tempfile.mkdtemp(prefix="w2s-timeline-")
    # Without SPT_NOENV, setproctitle writes the title over the environment, and the mark is gone.
    environment = os.environ | {"W2S_MARK": store, "SPT_NOENV": "1", "PYTHONPATH": checkout}
    command = [sys.executable, "-m", "ray_jobs.cli", "run", "quickstart", "--store", store]
    before, began = psutil.cpu_times(), time.time()
    run = subprocess.Popen(command, cwd=checkout, env=environment)
    used = watch(run, store, began)
    wall, after = time.time() - began, psutil.cpu_times()
    assert run.returncode == 0, f"the run ended with {run.returncode}"
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    idle = (after.idle - before.idle) / (wall * (psutil.cpu_count() or 1))
    print()
    show(used, steps_of(Path(store), began), wall, children.ru_utime + children.ru_stime, idle)
    return wall, sum(used.kinds.values())


if __name__ == "__main__":
    main(*sys.argv[1:])
