"""`w2s.run`, `w2s.plan` and `w2s.read`: experiments from Python, as the commands have them (docs/api.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ray_jobs.resources.presets import load_resources
from w2s.data.gold import check_gold
from w2s.errors import closest
from w2s.experiments.catalog import load
from w2s.experiments.overrides import set_fields
from w2s.graph.contents import record_of
from w2s.graph.directory import STEPS
from w2s.graph.step import Step, Table
from w2s.recipe import Experiment
from w2s.store import plan as planning
from w2s.store.objects.probes import check_readable
from w2s.store.revisions import identified_steps, identify
from w2s.store.store import Store


@dataclass(frozen=True)
class Run:
    """An experiment in a store, as far as it is finished."""

    experiment: Experiment
    store: Store
    steps: dict[str, Step]

    @property
    def report(self) -> dict[str, Any]:
        """The report document. Raises ValueError if the report is not finished."""
        return self.document("report", "report")

    def rows(self, step: str, table: str) -> list[Any]:
        """The rows of a table, as the records of w2s/records.py.

        Raises ValueError if the step is not finished or has no such table, and for a document.
        """
        found = self._table(step, table)
        if (record := record_of(found)) is None:
            raise ValueError(f"{step} {table} has no rows: document({step!r}, {table!r}) reads a document")
        return self.store.records(found, record)

    def document(self, step: str, name: str) -> Any:
        """A JSON document of a step. Raises ValueError if the step is not finished or has no such document."""
        return self.store.document(self._table(step, name))

    def _table(self, step: str, table: str) -> Table:
        if step not in self.steps:
            raise ValueError(f"no step {step!r}{closest(step, self.steps)}; the steps are {', '.join(self.steps)}")
        return self.steps[step][table]


def run(
    experiment: Experiment | str,
    store: Store | str,
    changes: Sequence[str] = (),
    only: Sequence[str] = (),
    resources: str = "local",
) -> Run:
    """Run the missing steps of an experiment, as `w2s run` does, and return what the store has then.

    `experiment` is an Experiment, a name of `w2s list` or `file.py:function`; `changes` are those of --set.

    Raises ValueError for what the user must change, and StepFailed (ray_jobs/driver/scheduler.py) for every other error
    of a step; finished steps stay.
    """
    from ray_jobs.driver.run import run as run_missing  # a plan needs no libraries of the jobs

    given, there = changed(experiment, changes), at(store)
    run_missing(given, there, load_resources(resources), only)
    return read(given, there)


def plan(
    experiment: Experiment | str, store: Store | str, changes: Sequence[str] = (), only: Sequence[str] = ()
) -> list[planning.Planned]:
    """The state of each step, and why, as `w2s plan` shows it; starts nothing. Arguments are those of `run`.

    Raises ValueError for what the user must change.
    """
    there = at(store)
    check_readable(there.objects)
    identified = identify(changed(experiment, changes), there, network=False)
    return planning.plan(identified_steps(identified, there, read=True), there, only)


def read(experiment: Experiment | str, store: Store | str, changes: Sequence[str] = ()) -> Run:
    """The run of an experiment in a store, to read its tables. Raises ValueError for what the user must change."""
    there = at(store)
    check_readable(there.objects)
    if not there.objects.names(there.objects.path(STEPS)):
        raise ValueError(f"{there.objects.url} has no steps: the store must be what `run` was given")
    identified = identify(changed(experiment, changes), there, network=False)
    return Run(identified, there, {step.name: step for step in identified_steps(identified, there)})


def changed(experiment: Experiment | str, changes: Sequence[str]) -> Experiment:
    """The experiment with the changes.

    Raises ValueError for unknown names and fields, and for gold answers that cannot be graded.
    """
    found = set_fields(load(experiment) if isinstance(experiment, str) else experiment, changes)
    check_gold(found)
    return found


def at(store: Store | str) -> Store:
    """The store at a folder or URL."""
    return Store.at(store) if isinstance(store, str) else store
