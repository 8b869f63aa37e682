"""The state that all parts of a campaign share: seed, folder, deadline, results and reference runs without faults."""

import random
import secrets
import shutil
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.chaos import figures
from tests.chaos.figures import Run
from tests.chaos.jobs import processes
from tests.chaos.jobs.cluster import LocalCluster
from tests.chaos.jobs.job import Job, Work
from tests.conftest import w2s
from w2s.store.store import Store


@dataclass
class Campaign:
    """One call of `python -m tests.chaos`. A later call with the same seed and folder reuses its results and reference
    runs."""

    seed: int
    folder: Path
    seconds: float
    """No new fault is injected after this time; running jobs are still finished and checked."""
    began: float = field(default_factory=time.monotonic)
    marker: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def results(self) -> Path:
        """The file with one JSON line for each run."""
        return self.folder / "results.jsonl"

    def in_time(self) -> bool:
        """Whether new faults may still be injected."""
        return time.monotonic() - self.began < self.seconds

    def injected(self, kind: str, during: str) -> int:
        """Number of faults of a kind so far, including earlier calls."""
        return sum(run.faults for run in figures.load(self.results) if (run.kind, run.during) == (kind, during))

    def run(self, kind: str, during: str) -> tuple[Run, random.Random]:
        """A new run and its random generator. The seed names the campaign, the kind, the work and the run's number."""
        number = sum((run.kind, run.during) == (kind, during) for run in figures.load(self.results))
        seed = f"{self.seed}/{kind}/{during}/{number}"
        return Run(kind, during, seed), random.Random(seed)

    def log(self, text: str) -> None:
        """Print a line with the time."""
        print(f"[{time.monotonic() - self.began:4.0f} s] {text}", flush=True)

    def finished(self, run: Run) -> None:
        """Add a run to the results and print it."""
        figures.append(self.results, run)
        self.log(run.line())

    def job(self, work: Work, run: Run, environment: dict[str, str]) -> Job:
        """A job on a new, empty store."""
        folder = self.folder / "runs" / run.seed.replace("/", "-").replace(" ", "_")
        shutil.rmtree(folder, ignore_errors=True)  # left by an interrupted call
        folder.mkdir(parents=True)
        return Job(
            work,
            folder / "store",
            folder / "drivers.log",
            processes.ENVIRONMENT | {processes.MARKER: self.marker} | environment,
        )

    def reference(self, work: Work) -> Store:
        """The store of the same work without faults, made once for each campaign."""
        store = self.folder / "undisturbed" / work.name
        if not (store / "complete").exists():
            shutil.rmtree(store, ignore_errors=True)
            self.log(f"{work.name}: a reference run without faults")
            environment = processes.ENVIRONMENT | {processes.MARKER: self.marker}
            w2s("run", *replace(work, resources="local").command(str(store))[3:], check=True, **environment)
            (store / "complete").touch()
        return Store.at(str(store))

    def settle(self, run: Run, job: Job, cluster: LocalCluster | None = None) -> None:
        """Wait up to 30 seconds until all processes of a finished job have ended, and record those that have not.

        With a cluster, only the processes of an idle Ray may live, and no CPU may be reserved; without a cluster, none
        may.
        """
        end = time.monotonic() + 30
        while (left := self._left(job, cluster)) and time.monotonic() < end:
            time.sleep(0.5)
        run.left += left

    def _left(self, job: Job, cluster: LocalCluster | None) -> list[str]:
        if cluster is None:
            return [processes.title(process)[:150] for process in processes.marked(job.marker)]
        left = processes.left_over(job.marker)
        return left if left or not (cpus := cluster.reserved()) else [f"{cpus:g} CPUs reserved"]
