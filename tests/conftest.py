"""Helpers of all test tiers: a small experiment, the `w2s` command in a process of its own, waiting for a condition."""

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

# A shell's background jobs ignore Ctrl-C, and so would every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
# No Ray of a test, a cluster's either, reports its use to anybody.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
# A worker holds hundreds of thousands of objects of torch and pytest: walking them took a quarter of the unit tests'
# time.
gc.set_threshold(100_000, 50, 100)
ROOT = Path(__file__).parent.parent
SMALL = [
    "problems.train_1=48",
    "problems.train_2=48",
    "problems.test=24",
    "iterations=2",
    "sft.epochs=1",
    "sampled.n=4",
    "agreement.min_kept=1",
    "pairs.min_pairs=1",
    "pairs.min_confidence=0.25",
    "pairs.min_confidence_against_weak=0.25",
]
"""`--set` values with which the quickstart takes a few minutes: every step has work, but the results mean nothing."""


IN_ORDER = (
    "chaos/test_chaos",
    # These leave most of a core to the file beside them.
    "ray/driver/test_cluster",
    "ray/sampling/test_engine",
    "ray/sampling/test_join",
    "ray/selection/test_shards",
    "ray/models/test_models",
    "ray/training/test_resume",
    "ray/driver/test_job",
    "ray/driver/test_kill",
    "ray/driver/test_faults",
    "ray/driver/test_submit",
)
"""Files of the tests with Ray. Two workers share them, and would end minutes apart if a long one came last."""


@pytest.hookimpl(tryfirst=True)  # before pytest deselects by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test with its tier, the name of its folder under tests/: unit, s3, ray or chaos.

    The files of `IN_ORDER` come first, then those with slow tests.
    """
    for item in items:
        item.add_marker(place(item).parts[0])
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    rank = {Path(name): number for number, name in enumerate(IN_ORDER)}
    items.sort(key=lambda item: (rank.get(place(item), len(rank)), item.path not in slow))


def place(item: pytest.Item) -> Path:
    """The test's file below tests/, without its suffix."""
    return item.path.relative_to(ROOT / "tests").with_suffix("")


def pytest_collection_finish() -> None:
    """Take what was imported and collected out of all further garbage collections."""
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Leave the rest to the end of the process: pytest and Python each collect it whole, for seconds."""
    gc.freeze()


def w2s(*arguments: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the `w2s` command in a process of its own, as a user does."""
    done = subprocess.run(
        [sys.executable, "-m", "ray_jobs.cli", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=1500,
    )
    if check:
        assert done.returncode == 0, (
            f"w2s {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        )
    return done


def fresh(code: str, **environment: str) -> str:
    """The output of `code` in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Poll until `condition` holds; fails the test after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds:.0f} s in vain for {what}"
        time.sleep(0.1)


def quickest(call: Callable[[], object], tries: int = 3) -> float:
    """Seconds of this thread's processor time that `call` takes, the least of `tries`.

    In a worker that has loaded engines and trainers, one collection of garbage takes a second, and helper threads of
    torch go on beside the test: neither is the call's own time.
    """
    seconds = []
    for _ in range(tries):
        began = time.thread_time()
        call()
        seconds.append(time.thread_time() - began)
    return min(seconds)


@pytest.fixture
def store_folder(tmp_path: Path) -> Path:
    return tmp_path / "store"
