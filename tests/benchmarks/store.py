"""A store in a bucket under load: the plan of 300 steps, 200 readers and writers at once, 10,000 small tables.

python -m tests.benchmarks.store [moto] [rclone]     default: both

The servers are processes of their own on loopback; this process is all the clients.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.conftest import ROOT
from tests.s3.servers import serve
from w2s.experiments.catalog import load
from w2s.experiments.overrides import set_fields
from w2s.graph.build import build_steps
from w2s.graph.step import Step, step
from w2s.recipe import WorldProblems
from w2s.records import Problem
from w2s.store.attempt import Attempt
from w2s.store.objects.objects import Objects
from w2s.store.objects.probes import check_writable
from w2s.store.plan import plan
from w2s.store.revisions import identify
from w2s.store.store import Store

ROUNDS = 32
"""Rounds of stage I with which the quickstart has just over 300 steps."""
PLAN_SECONDS = 5.0
ROWS = 5
SEED = 42


class SmallTables(WorldProblems):
    """A recipe of ten tables."""

    tables = tuple(f"t{number}" for number in range(10))


def half_finished(store: Store, rounds: int) -> tuple[Step, ...]:
    """The steps of a quickstart of so many rounds: the first half finished, every third of the others begun."""
    steps = build_steps(identify(set_fields(load("quickstart"), [f"iterations={rounds}"]), store, network=False))
    half = len(steps) // 2
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda one: commit(store, one, "", 1), steps[:half]))
        list(
            pool.map(
                lambda one: store.objects.write(store.objects.path(one.directory, "blocks/00000.parquet"), b"block"),
                steps[half::3],
            )
        )
    return steps


def planned(store: Store, steps: Sequence[Step]) -> float:
    """Seconds that their plan takes; what it says is checked."""
    began = time.perf_counter()
    states = [one.state for one in plan(steps, store)]
    seconds = time.perf_counter() - began
    half = len(steps) // 2
    assert states[:half] == ["done"] * half and states[half:] == [
        "resume" if n % 3 == 0 else "run" for n in range(len(steps) - half)
    ], states
    return seconds


def rows(name: str, writer: str) -> list[Problem]:
    return [Problem(f"{name}-{row}", writer) for row in range(ROWS)]


def commit(store: Store, one: Step, writer: str, tables: int) -> str:
    """Commit a step of small tables; returns the name of the attempt that became the step."""
    attempt = Attempt(store, one)
    for number in range(tables):
        attempt.write_records(one.recipe.tables[number], rows(f"{one.name}-{number}", writer), Problem)
    return attempt.commit({}).attempt


def readers_and_writers(store: Store, threads: int, operations: int) -> Counter[str]:
    """So many threads, every other a writer of `operations` steps, the others reading steps at random as often.

    Where the server creates atomically, every step has two writers, one of which must lose. Counts `committed`, `read`,
    `absent` (read before its commit), and what must never be: `lost` (absent after its commit returned), `doubled` (its
    writers heard of different winners), `wrong` (other rows than one writer's), `errors`.
    """
    writers, contenders = threads // 2, 2 if store.objects.is_exclusive else 1
    steps = [
        step(f"s{number}", WorldProblems(seed=10_000 + number)) for number in range(writers * operations // contenders)
    ]
    committed: dict[str, set[str]] = {one.name: set() for one in steps}

    def write(thread: int) -> Counter[str]:
        for number in range(operations):  # contenders come to a step at about the same moment
            one = steps[(thread // contenders * operations + number) % len(steps)]
            committed[one.name].add(commit(store, one, str(thread), 1))
        return Counter(committed=operations)

    def read(one: Step, must: bool) -> str:
        if store.manifest(one) is None:
            return "lost" if must else "absent"
        found = store.records(one[one.recipe.tables[0]], Problem)
        return "read" if found == rows(f"{one.name}-0", found[0].question if found else "") else "wrong"

    def read_many(thread: int) -> Counter[str]:
        draw = random.Random(SEED + thread)
        chosen = [draw.choice(steps) for _ in range(operations)]
        return Counter(read(one, bool(committed[one.name])) for one in chosen)

    def guarded(thread: int) -> Counter[str]:
        try:
            return (read_many if thread % 2 else write)(thread // 2)
        except Exception as error:  # counted, and shown
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            return Counter(errors=1)

    with ThreadPoolExecutor(threads) as pool:
        total = sum(pool.map(guarded, range(threads)), Counter[str]())
        total += Counter(pool.map(lambda one: read(one, must=True), steps))
    for one in steps:
        manifest = store.manifest(one)
        total["doubled"] += manifest is None or committed[one.name] != {manifest.attempt}
    total["steps"] = len(steps)
    return total


def small_tables(store: Store, steps: int, tables: int) -> tuple[float, float]:
    """Seconds to write `tables` tables in each of so many steps, and to read all back and compare them."""
    every = [step(f"m{number}", SmallTables(seed=1_000_000 + number)) for number in range(steps)]
    with ThreadPoolExecutor(32) as pool:
        began = time.perf_counter()
        list(pool.map(lambda one: commit(store, one, "w", tables), every))
        wrote = time.perf_counter()
        good = pool.map(
            lambda one: all(
                store.records(one[one.recipe.tables[n]], Problem) == rows(f"{one.name}-{n}", "w") for n in range(tables)
            ),
            every,
        )
        assert all(good), "a table read back is another"
        return wrote - began, time.perf_counter() - wrote


def measure(kind: str) -> None:
    """All three on one server."""
    with tempfile.TemporaryDirectory() as folder, serve(kind, Path(folder)) as server:
        os.environ.update(server.environment)
        server.make_bucket(f"load-{kind}")
        store = Store(check_writable(Objects(f"s3://load-{kind}/plan")))
        steps = half_finished(store, ROUNDS)
        seconds = planned(store, steps)
        command = [
            sys.executable,
            "-m",
            "ray_jobs.cli",
            "plan",
            "quickstart",
            "--store",
            store.objects.url,
            "--set",
            f"iterations={ROUNDS}",
        ]
        began = time.perf_counter()
        said = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1]
        whole = time.perf_counter() - began
        print(
            f"{kind}: plan of {len(steps)} steps in {seconds:.2f} s; "
            f"`w2s plan` as a process of its own {whole:.1f} s: {said}",
            flush=True,
        )

        store = Store(check_writable(Objects(f"s3://load-{kind}/threads")))
        began = time.perf_counter()
        counts = readers_and_writers(store, threads=200, operations=10)
        never = {name: counts[name] for name in ("errors", "lost", "doubled", "wrong")}
        done = {name: counts[name] for name in ("steps", "committed", "read", "absent")}
        print(
            f"{kind}: 100 writers and 100 readers in {time.perf_counter() - began:.1f} s: {done}, {never}", flush=True
        )

        wrote, read = small_tables(Store(check_writable(Objects(f"s3://load-{kind}/tables"))), steps=1000, tables=10)
        print(
            f"{kind}: 10,000 tables of {ROWS} rows in 1,000 steps: written in {wrote:.0f} s "
            f"({10_000 / wrote:.0f}/s), read back in {read:.0f} s "
            f"({10_000 / read:.0f}/s)",
            flush=True,
        )
        assert seconds <= PLAN_SECONDS, (
            f"the plan of {len(steps)} steps took {seconds:.1f} s, more than {PLAN_SECONDS:.0f}"
        )
        assert not any(never.values()), never


if __name__ == "__main__":
    for one in sys.argv[1:] or ["moto", "rclone"]:
        measure(one)
