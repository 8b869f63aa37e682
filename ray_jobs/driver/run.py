"""One run of an experiment: plan it, check the missing steps, run them, and name the log if a step fails."""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from ray_jobs.driver.costs.expected import expected
from ray_jobs.driver.doubts import Doubts
from ray_jobs.driver.grouping import chains, only_scored
from ray_jobs.driver.scheduler import Scheduler, StepFailed
from ray_jobs.resources.resources import Resources
from ray_jobs.runtime import local_ray
from ray_jobs.runtime.context import Context
from ray_jobs.runtime.errors import reason
from ray_jobs.runtime.logs import RunLog
from ray_jobs.runtime.progress import Progress
from ray_jobs.tracking.mirror import Mirror
from ray_jobs.tracking.record import run_key
from w2s.graph.build import build_steps
from w2s.graph.step import Step
from w2s.recipe import Experiment
from w2s.store import layout
from w2s.store.lease.leases import Leases
from w2s.store.maintenance.repair import set_damaged_aside
from w2s.store.objects.probes import check_writable
from w2s.store.plan import Planned, check_only, plan, to_run
from w2s.store.revisions import identified_steps, identify
from w2s.store.store import Store


@dataclass(frozen=True)
class Graph:
    """What a run runs: how its steps are made, and what is checked before they start."""

    name: str
    steps: Callable[[bool], Sequence[Step]]
    """The steps, given whether to read problems that are not in the store yet."""
    check: Callable[[Sequence[Step]], None]
    """Checks the missing steps before anything starts."""
    check_data: Callable[[Sequence[Step], Sequence[Step]], None] = lambda steps, missing: None
    """Checks the finished problems against all steps and the missing ones."""
    every: bool = False
    """Whether each step must be finished, even if what reads it is."""
    mirror: Mirror = field(default_factory=lambda: Mirror(()))
    """Trackers that get the curves of the run while it goes on."""


def run(
    experiment: Experiment,
    store: Store,
    resources: Resources,
    only: Sequence[str] = (),
    repair: bool = False,
    mirror: Mirror | None = None,
) -> Step:
    """Run the missing steps of an experiment. Returns its report step or, with `only`, the last step of `only`.

    With `repair`, all files of finished steps are read first, and steps with damaged files run again.

    Raises ValueError for errors that the user can correct, mostly before anything starts, and StepFailed for every
    other error of a step, after the other running steps have ended. Both name the log.
    """
    check_only(build_steps(experiment), only)
    store = opened(store)
    experiment = identify(experiment, store, network=True)

    def check(missing: Sequence[Step]) -> None:
        from ray_jobs.driver.checks.experiment import check

        check(experiment, missing, resources)

    def check_data(steps: Sequence[Step], missing: Sequence[Step]) -> None:
        from ray_jobs.driver.checks.data import check_data

        check_data(experiment, steps, missing, store)

    def steps(read: bool) -> Sequence[Step]:
        return identified_steps(experiment, store, read=read)

    graph = Graph(experiment.name, steps, check, check_data, mirror=mirror or Mirror(()))
    return run_graph(graph, store, resources, only, repair)[-1].step


def opened(store: Store) -> Store:
    """The store under a new name of a run. Raises ValueError if it cannot be written."""
    return replace(store, objects=check_writable(store.objects), run=layout.new_name())


def run_graph(
    graph: Graph, store: Store, resources: Resources, only: Sequence[str] = (), repair: bool = False
) -> list[Planned]:
    """Run the missing steps of a graph in an `opened` store. Returns its last plan; raises what `run` does."""
    steps = graph.steps(True)
    with Leases(
        store.objects, store.run, Progress().log
    ) as leases:  # before the plan, because from here on `w2s gc` knows of this run
        damaged = set_damaged_aside(steps, store, leases) if repair else []
        goals = [step.name for step in steps] if graph.every else damaged
        planning = partial(plan, store=store, only=only, also=goals)
        planned = planning(steps)
        if missing := to_run(planned):
            graph.check(missing)
            planned = _run(graph, steps, planned, planning, Context(store, resources, Progress()), leases)
        else:
            absent = [line.step.name for line in planned if line.state == "absent"]
            all_done = f"all {len(planned)} steps are done"
            done = f"done except {', '.join(absent)}, which no step needs" if absent else all_done
            leases.log(f"{graph.name}: {done}, nothing to do")
    return planned


def _run(
    graph: Graph,
    steps: Sequence[Step],
    planned: list[Planned],
    planning: Callable[[Sequence[Step]], list[Planned]],
    context: Context,
    leases: Leases,
) -> list[Planned]:
    """Run the missing of the planned steps with the libraries' output in a log file of the store.

    Returns the plan after the problems step, when the rows that name the other steps are known for certain.
    """
    store = context.store
    missing, total = to_run(planned), len(planned)
    with RunLog(store) as log, Progress(log.terminal, log.lines) as progress:
        progress.plan(graph.name, [step.name for step in missing], total)
        before, leases.log = leases.log, progress.log
        leases.show(progress.state)
        first_line = f"{graph.name}: {len(missing)} of {total} steps to run"
        progress.log(f"{first_line}, store {store.objects.url}, log {log.url}")
        progress.log(commit_rule(store))
        try:
            context = replace(context, progress=progress)
            if problems := [step for step in missing if not step.inputs]:
                Scheduler(problems, (), context).run(leases)
                steps = graph.steps(False)
                planned = planning(steps)
                missing = to_run(planned)
            graph.check_data(steps, missing)
            assert not any(step.unread for step in missing), "the problems step is finished"
            estimates = expected(steps, missing, store, context.resources)
            context = replace(context, estimates=estimates, chains=chains(missing))
            graph.mirror.begin(graph.name, run_key(steps[-1]), progress.curves, progress.log)
            look = Doubts(steps, context).look
            Scheduler(missing, only_scored(steps), context, look=look).run(leases)
        except ValueError as error:
            raise ValueError(f"{error} (log: {log.url})") from error
        except Exception as error:  # the only place that turns every library's failure into a line for the user
            traceback.print_exc()  # into the log
            raise StepFailed(
                f"{reason(error)}\nThe log is {log.url}. Finished steps stay: run the same command again to continue."
            ) from error
        finally:
            graph.mirror.pause()
            leases.log = before  # the log's terminal is closed after this block
            local_ray.stop()
    return planned


def commit_rule(store: Store) -> str:
    """Which of two commits of one step wins on this store's server, for the run's log."""
    if store.objects.is_exclusive:
        return "store: the server has conditional creates; of two commits of a step the first wins"
    return (
        "store: the server has no conditional create; of two simultaneous commits of a step the later wins, "
        "and the files of both attempts stay until w2s gc"
    )
