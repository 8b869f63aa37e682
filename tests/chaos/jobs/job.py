"""One experiment on one store, run by drivers one after another, and its progress as the store's files show it."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.chaos.jobs import processes
from tests.conftest import ROOT
from w2s.experiments.catalog import load
from w2s.experiments.overrides import set_fields
from w2s.graph.build import build_steps
from w2s.graph.step import Step, with_upstream
from w2s.store.revisions import identify
from w2s.store.store import Store

POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Work:
    """What a job computes: the quickstart's shipped models with other sizes."""

    name: str
    sets: tuple[str, ...]
    only: tuple[str, ...]
    resources: str = "local"
    signs: str = "steps/*/manifest.json"
    """Glob of the store's files that show progress."""

    def command(self, store: str) -> list[str]:
        """The command line a user would type."""
        chosen = [*(["--set", *self.sets] if self.sets else []), *(["--only", *self.only] if self.only else [])]
        return [
            sys.executable,
            "-m",
            "ray_jobs.run",
            "quickstart",
            "--store",
            store,
            "--resources",
            self.resources,
            *chosen,
        ]

    def steps(self, store: Store) -> tuple[Step, ...]:
        """The job's steps and what they need, inputs first."""
        experiment = identify(set_fields(load("quickstart"), self.sets), store, network=False)
        every = build_steps(experiment)
        return with_upstream([step for step in every if step.name in self.only] if self.only else every)


PROBLEMS_PER_BLOCK = 8
SAMPLING = Work(
    "sampling",
    ("problems.test=900", "problems.train_1=8", "problems.train_2=8"),
    ("test_strong_base",),
    f"local,problems_per_block={PROBLEMS_PER_BLOCK},max_num_seqs=2",
    "steps/*/blocks/[0-9]*.parquet",
)
TRAINING = Work(
    "training",
    ("problems.test=8", "problems.train_1=8", "problems.train_2=320", "sft.epochs=10"),
    ("ceiling",),
    "local,cpus_per_worker=1,save_minutes=0.05,max_failures=1000",
    "steps/*/training/*.safetensors",
)


@dataclass
class Job:
    """`work` on the folder store `store`; each `start` is one driver, whose words go to `log`."""

    work: Work
    store: Path
    log: Path
    environment: dict[str, str]
    starts: int = 0
    ended: int | None = field(default=None)
    driver: subprocess.Popen[bytes] | None = None
    url: str = ""
    """Where the drivers find the store, if that is not the folder."""

    @property
    def marker(self) -> str:
        """The marker of all its processes."""
        return self.environment[processes.MARKER]

    def start(self) -> None:
        """Give the command, the first time or again."""
        self.starts += 1
        command, environment = self.work.command(self.url or str(self.store)), os.environ | self.environment
        with self.log.open("ab") as log:
            self.driver = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    def running(self) -> bool:
        """Whether the driver lives."""
        assert self.driver is not None
        self.ended = self.driver.poll()
        return self.ended is None

    def again_where_it_failed(self) -> None:
        """Give the command again where the driver has ended with an error, as `w2s submit` or a user does."""
        if not self.running() and self.ended != 0:
            self.start()

    def done(self) -> bool:
        """Whether a driver has ended well."""
        return not self.running() and self.ended == 0

    def wait(self, seconds: float) -> bool:
        """Let `seconds` go by; False at once where the driver ends meanwhile."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.running():
                return False
            time.sleep(min(POLL_SECONDS, max(0.0, end - time.monotonic())))
        return self.running()

    def last_progress(self) -> float:
        """Unix time of the newest sign of progress; 0 where there is none."""
        return max(self.progress().values(), default=0.0)

    def progress(self) -> dict[str, float]:
        """When each block, checkpoint or manifest was written, by its path."""
        times: dict[str, float] = {}
        for path in self.store.glob(self.work.signs):
            try:
                times[str(path)] = path.stat().st_mtime
            except FileNotFoundError:  # an old checkpoint that was just removed
                continue
        return times

    def at_work(self) -> set[psutil.Process]:
        """The processes that compute: an engine's worker, or training workers."""
        return set(
            processes.engine_workers(self.marker)
            if self.work.name.startswith("sampling")
            else processes.training_workers(self.marker)
        )

    def went_on_without(self, earlier: Collection[psutil.Process]) -> bool:
        """Whether a process that is none of the `earlier` ones has finished a block or a checkpoint."""
        younger = processes.created(self.at_work() - set(earlier))
        return bool(younger) and self.last_progress() > min(younger)

    def words(self) -> str:
        """What the drivers have said."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def last_words(self) -> str:
        """The end of what the drivers said, in one line."""
        return re.sub(r"\s+", " ", self.words()[-400:])
