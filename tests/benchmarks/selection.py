"""Votes and preference pairs over stored completions: seconds, and memory of the driver and of the workers.

python -m tests.benchmarks.selection [PROBLEMS ...]     default: 7000 100000 1000000, ten samples each

The completions are made up, of GSM8K's length, in blocks of 100 problems as sampling writes them. Each size
runs the job `pairs` in its own process; the time includes reading, checksums, votes, pairs, writing and the commit, but
not making the input.
"""

import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path

from w2s.experiments.catalog import load
from w2s.experiments.overrides import set_fields
from w2s.graph.build import build_steps
from w2s.graph.step import Step
from w2s.records import Completion, Problem
from w2s.seed import derived_seed
from w2s.store.attempt import Attempt, put
from w2s.store.manifest import File
from w2s.store.store import Store
from w2s.store.tables import parquet_bytes

SAMPLES = 10
PROBLEMS_PER_BLOCK = 100
PROBLEMS_PER_FILE = 50_000
SEED = 42
DRIVER_GB = 1.5
SECONDS_OF_7000 = 20
STEPS = {step.name: step for step in build_steps(set_fields(load("quickstart"), ["sampled.n=10"]))}
NAMES = ("Natalia", "Weng", "Betty", "Julie", "James", "Mark", "Albert", "Ken")


def text(problem: int, sample: int) -> str:
    """A solution of some 280 characters: 5 to 10 of ten samples give the problem's answer, in several spellings."""
    draw = derived_seed(SEED, problem, sample)
    answer = problem * 7919 % 5000 + 1
    if draw % 10 >= 5 + problem % 6:
        answer += draw // 10 % 3 + 1
    a, b = draw // 64 % 97 + 2, draw // 8192 % 89 + 2
    name = NAMES[problem % 8]
    spelled = (f"{answer}", f"{answer}", f"{answer}", f"${answer:,}", f"{answer}.00")[draw // 7 % 5]
    end = f"#### {spelled}" if draw // 11 % 25 else "so it is done"
    return (
        f"{name} starts with {a} boxes of {b} items, which makes {a} * {b} = {a * b} items in all.\n"
        f"Giving {b} of them to each of {a % 7 + 2} friends leaves "
        f"{a * b} - {b * (a % 7 + 2)} = {a * b - b * (a % 7 + 2)} items.\n"
        f"At the end of week {sample + 1} there are {answer} items left, since {answer} + {b} - {b} = {answer}.\n{end}"
    )


def completion(problem: int, sample: int) -> Completion:
    reason = "length" if derived_seed(SEED, "cut", problem, sample) % 50 == 0 else "stop"
    return Completion(f"train_2-{problem:08d}", sample, "model", text(problem, sample), reason, 80, 90, sample)  # type: ignore[arg-type]


def write_block(folder: str, block: int, count: int) -> tuple[File, File]:
    """One block of samples and one of weak completions."""
    numbers = range(block * PROBLEMS_PER_BLOCK, min(count, (block + 1) * PROBLEMS_PER_BLOCK))
    found = [
        put(
            Store.at(folder).objects,
            STEPS[step].directory,
            f"blocks/{block:06d}.parquet",
            parquet_bytes(rows, Completion),
        )
        for step, rows in (
            ("sampled", [completion(n, s) for n in numbers for s in range(SAMPLES)]),
            ("weak_completions", [completion(n, SAMPLES) for n in numbers]),
        )
    ]
    return found[0], found[1]


def write_problems(folder: str, part: int, count: int) -> File:
    numbers = range(part * PROBLEMS_PER_FILE, min(count, (part + 1) * PROBLEMS_PER_FILE))
    rows = [
        Problem(
            f"train_2-{n:08d}", f"{NAMES[n % 8]} has {n} items in boxes and gives some of them away. How many are left?"
        )
        for n in numbers
    ]
    return put(
        Store.at(folder).objects, STEPS["problems"].directory, f"made/{part:05d}.parquet", parquet_bytes(rows, Problem)
    )


def make(folder: str, count: int) -> None:
    """The three input tables, finished."""
    store = Store.at(folder)
    with ProcessPoolExecutor(2) as pool:
        blocks = range(-(-count // PROBLEMS_PER_BLOCK))
        parts = range(-(-count // PROBLEMS_PER_FILE))
        problems = list(pool.map(write_problems, [folder] * len(parts), parts, [count] * len(parts)))
        both = list(pool.map(write_block, [folder] * len(blocks), blocks, [count] * len(blocks), chunksize=20))
    tables: list[tuple[Step, str, list[File]]] = [
        (STEPS["problems"], "train_2", problems),
        (STEPS["sampled"], "completions", [one for one, _ in both]),
        (STEPS["weak_completions"], "completions", [other for _, other in both]),
    ]
    for step, table, files in tables:
        attempt = Attempt(store, step)
        for file in files:
            attempt.include(table, file)
        attempt.commit({})


def workers_peak(stop: threading.Event) -> Iterator[float]:
    """GB of the largest Ray worker so far, at every look until `stop`."""
    import psutil

    peak = 0.0
    while not stop.wait(0.5):
        for process in psutil.Process().children(recursive=True):
            try:
                if process.cmdline()[:1] and process.cmdline()[0].startswith("ray::"):
                    peak = max(peak, process.memory_info().rss / 1e9)
            except psutil.Error:
                continue
        yield peak


def run(folder: str) -> None:
    """The job, measured; prints one line: seconds, GB of driver, GB of the largest worker, pairs."""
    from ray_jobs.driver.scheduler import run_steps
    from ray_jobs.resources.presets import load_resources
    from ray_jobs.runtime import local_ray
    from ray_jobs.runtime.context import Context
    from ray_jobs.runtime.progress import Progress
    from ray_jobs.sampling.pool.pools import Pools
    from ray_jobs.training.group.groups import Groups

    stop, peaks = threading.Event(), [0.0]
    watch = threading.Thread(target=lambda: peaks.extend(workers_peak(stop)))
    watch.start()
    began = time.perf_counter()
    context = Context(Store.at(folder), load_resources("local"), Progress(sys.stderr))
    run_steps([STEPS["pairs"]], context, Pools([], ()), Groups())
    seconds = time.perf_counter() - began
    stop.set()
    watch.join()
    local_ray.stop()
    manifest = Store.at(folder).manifest(STEPS["pairs"])
    assert manifest is not None
    driver = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(seconds, driver, max(peaks), manifest.rows["pairs"])


def measure(count: int) -> float:
    """Print one size's figures and return its seconds."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        make(folder, count)
        made = time.perf_counter() - began
        stored = sum(path.stat().st_size for path in Path(folder).rglob("*.parquet")) / 1e6
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.selection", "run", folder],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        seconds, driver, worker, pairs = map(float, done.stdout.split()[-4:])
    print(
        f"{count:,} problems x {SAMPLES} samples, {stored:,.0f} MB stored (made in {made:.0f} s): {pairs:,.0f} pairs "
        f"in {seconds:.1f} s, "
        f"{count * SAMPLES / seconds:,.0f} samples/s; driver at most {driver:.2f} GB, a worker at most {worker:.2f} GB",
        flush=True,
    )
    if count == 7000:
        assert seconds <= SECONDS_OF_7000, (
            f"votes and pairs over 7,000 problems took {seconds:.1f} s, more than {SECONDS_OF_7000}"
        )
    assert driver <= DRIVER_GB, f"the driver took {driver:.2f} GB, more than {DRIVER_GB}"
    return seconds


def main(counts: list[int]) -> None:
    """All sizes, and how time grows from one to the next."""
    seconds = {count: measure(count) for count in counts}
    for small, large in pairwise(counts):
        print(
            f"{small:,} -> {large:,} problems: {large / small:.1f} times the problems, "
            f"{seconds[large] / seconds[small]:.1f} times the seconds"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        run(sys.argv[2])
    elif sys.argv[1:2] == ["make"]:
        make(sys.argv[2], int(sys.argv[3]))
    else:
        main([int(count) for count in sys.argv[1:]] or [7000, 100_000, 1_000_000])
