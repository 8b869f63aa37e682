"""What every piece of a campaign shares: seed, folder, deadline, results, and the undisturbed runs to compare with."""

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
    """One call of the harness: a continued campaign has the same seed and folder, so that its runs and comparisons go on."""

    seed: int
    folder: Path
    seconds: float
    """After these no new fault is injected; what runs is finished and checked."""
    began: float = field(default_factory=time.monotonic)
    marker: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def results(self) -> Path:
        """The JSON lines that the table is made of."""
        return self.folder / "results.jsonl"

    def in_time(self) -> bool:
        """Whether more faults may be injected."""
        return time.monotonic() - self.began < self.seconds

    def injected(self, kind: str, during: str) -> int:
        """Faults of a kind so far, earlier calls counted."""
        return sum(run.faults for run in figures.load(self.results) if (run.kind, run.during) == (kind, during))

    def run(self, kind: str, during: str) -> tuple[Run, random.Random]:
        """A new run with a seed of its own, which says where in the campaign it stands."""
        number = sum((run.kind, run.during) == (kind, during) for run in figures.load(self.results))
        seed = f"{self.seed}/{kind}/{during}/{number}"
        return Run(kind, during, seed), random.Random(seed)

    def say(self, text: str) -> None:
        """A line on the terminal, at once."""
        print(f"[{time.monotonic() - self.began:4.0f} s] {text}", flush=True)

    def finished(self, run: Run) -> None:
        """Put a run into the results and on the terminal."""
        figures.append(self.results, run)
        self.say(run.line())

    def job(self, work: Work, run: Run, environment: dict[str, str]) -> Job:
        """A job on a new, empty store."""
        folder = self.folder / "runs" / run.seed.replace("/", "-").replace(" ", "_")
        shutil.rmtree(folder, ignore_errors=True)  # of a call that was interrupted
        folder.mkdir(parents=True)
        return Job(
            work,
            folder / "store",
            folder / "drivers.log",
            processes.ENVIRONMENT | {processes.MARKER: self.marker} | environment,
        )

    def reference(self, work: Work) -> Store:
        """The store of the same work without faults, made once a campaign."""
        store = self.folder / "undisturbed" / work.name
        if not (store / "complete").exists():
            shutil.rmtree(store, ignore_errors=True)
            self.say(f"{work.name}: a run without faults, to compare with")
            environment = processes.ENVIRONMENT | {processes.MARKER: self.marker}
            w2s("run", *replace(work, resources="local").command(str(store))[3:], check=True, **environment)
            (store / "complete").touch()
        return Store(str(store))

    def settle(self, run: Run, job: Job, cluster: LocalCluster | None = None) -> None:
        """Wait until what a finished job started has ended, and say what has not.

        A cluster's Ray lives on, and with it nothing but idle workers and no claimed CPU; without one, nothing may live.
        """
        end = time.monotonic() + 30
        while (left := self._left(job, cluster)) and time.monotonic() < end:
            time.sleep(0.5)
        run.left += left

    def _left(self, job: Job, cluster: LocalCluster | None) -> list[str]:
        if cluster is None:
            return [processes.title(process)[:150] for process in processes.marked(job.marker)]
        left = processes.left_over(job.marker)
        return left if left or not (cpus := cluster.claimed()) else [f"{cpus:g} CPUs claimed"]
