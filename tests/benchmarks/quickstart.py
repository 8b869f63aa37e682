"""The quickstart, whole: seconds, peak memory of all its processes, and the second run.

    python -m tests.benchmarks.quickstart [WORLD_SEED]

Memory is the sum of proportional set sizes (shared pages counted once) of the run's process and all it started, sampled
every two seconds; SPT_NOENV keeps setproctitle, by which vLLM and Ray name theirs, from writing over the mark they are
known by. Set-up is not measured here: `time make setup` in a fresh clone is.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent.parent


def run(store: str, seed: str) -> tuple[float, float]:
    """Seconds and peak GiB of one run."""
    command = [
        sys.executable,
        "-m",
        "ray_jobs.cli",
        "run",
        "quickstart",
        "--store",
        store,
        "--set",
        f"problems.seed={seed}",
    ]
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"W2S_MARK": store, "SPT_NOENV": "1"})
    peak, stop = [0], threading.Event()

    def watch() -> None:
        while not stop.wait(2.0):
            peak[0] = max(peak[0], memory(store))

    thread = threading.Thread(target=watch)
    thread.start()
    code = process.wait()
    seconds = time.perf_counter() - began
    stop.set()
    thread.join()
    assert code == 0, f"the run ended with {code}"
    return seconds, peak[0] / 2**30


def memory(mark: str) -> int:
    """Bytes of all processes that carry the run's mark in their environment."""
    total = 0
    for process in psutil.process_iter():
        try:
            if process.environ().get("W2S_MARK") == mark:
                total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return total


def main(seed: str) -> None:
    """Run twice and print both."""
    store = tempfile.mkdtemp(prefix="w2s-quickstart-")
    first, peak = run(store, seed)
    second, _ = run(store, seed)
    print(
        f"first run {first:.1f} s, second {second:.1f} s, ratio {first / second:.0f}; "
        f"peak memory {peak:.2f} GiB; store {store}"
    )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "0")
