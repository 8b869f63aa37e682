"""One experiment on one store, run by one driver after another; its progress is read from the files of the store."""

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
from w2s.graph.step import Step, with_upstream
from w2s.store.revisions import identified_steps, identify
from w2s.store.store import Store

POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Work:
    """The work of a job: the quickstart with its shipped models and other sizes."""

    name: str
    sets: tuple[str, ...]
    only: tuple[str, ...]
    resources: str = "local"
    signs: str = "steps/*/manifest.json"
    """Glob of the files that show progress."""

    def command(self, store: str) -> list[str]:
        """The command line of a driver."""
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

    def every_step(self, store: Store) -> tuple[Step, ...]:
        """The steps of the experiment, of which the job may run some; the last one is its report."""
        experiment = identify(set_fields(load("quickstart"), self.sets), store, network=False)
        return identified_steps(experiment, store, read=True)

    def steps(self, store: Store) -> tuple[Step, ...]:
        """The steps of the job and the steps they need, inputs first."""
        every = self.every_step(store)
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
    "local,workers=2,save_minutes=0.05,max_failures=1000",
    "steps/*/training/*.safetensors",
)


@dataclass
class Job:
    """`work` on the folder `store`. Each `start` starts one driver, whose output is appended to `log`."""

    work: Work
    store: Path
    log: Path
    environment: dict[str, str]
    starts: int = 0
    ended: int | None = field(default=None)
    driver: subprocess.Popen[bytes] | None = None
    url: str = ""
    """The store's URL for the drivers, if it is not the folder."""

    @property
    def marker(self) -> str:
        """The marker in the environment of all processes of the job."""
        return self.environment[processes.MARKER]

    def start(self) -> None:
        """Start a driver, the first one or another."""
        self.starts += 1
        command, environment = self.work.command(self.url or str(self.store)), os.environ | self.environment
        with self.log.open("ab") as log:
            self.driver = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    def running(self) -> bool:
        """Whether the driver is alive."""
        assert self.driver is not None
        self.ended = self.driver.poll()
        return self.ended is None

    def restart_after_failure(self) -> None:
        """Start another driver if the last one failed, as `w2s submit` or a user would."""
        if not self.running() and self.ended != 0:
            self.start()

    def done(self) -> bool:
        """Whether a driver has succeeded."""
        return not self.running() and self.ended == 0

    def wait(self, seconds: float) -> bool:
        """Wait for `seconds`. Returns False at once if the driver ends."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.running():
                return False
            time.sleep(min(POLL_SECONDS, max(0.0, end - time.monotonic())))
        return self.running()

    def last_progress(self) -> float:
        """Unix time of the newest progress; 0 if there is none."""
        return max(self.progress().values(), default=0.0)

    def progress(self) -> dict[str, float]:
        """Unix time at which each block, checkpoint or manifest was written, by path."""
        times: dict[str, float] = {}
        for path in self.store.glob(self.work.signs):
            try:
                times[str(path)] = path.stat().st_mtime
            except FileNotFoundError:  # the job has just removed an old checkpoint
                continue
        return times

    def at_work(self) -> set[psutil.Process]:
        """The processes that compute: engine cores or the workers of a training."""
        return set(
            processes.engines(self.marker)
            if self.work.name.startswith("sampling")
            else processes.training_workers(self.marker)
        )

    def resumed_without(self, earlier: Collection[psutil.Process]) -> bool:
        """Whether a process that is not in `earlier` has finished a block or a checkpoint."""
        younger = processes.created(self.at_work() - set(earlier))
        return bool(younger) and self.last_progress() > min(younger)

    def output(self) -> str:
        """The output of all drivers."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def last_output(self) -> str:
        """The last 400 characters of the output, in one line."""
        return re.sub(r"\s+", " ", self.output()[-400:])
