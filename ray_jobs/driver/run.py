"""The job's entry point: plan, skip, run, finish. `python -m ray_jobs.run EXPERIMENT --store URL` is `w2s run` for `ray job submit`."""

import traceback
from collections.abc import Sequence
from dataclasses import replace

from ray_jobs.driver.scheduler import Scheduler, StepFailed
from ray_jobs.resources.resources import Resources
from ray_jobs.runtime import local_ray
from ray_jobs.runtime.errors import reason
from ray_jobs.runtime.logs import RunLog
from ray_jobs.runtime.progress import Progress
from w2s.graph.build import build_steps
from w2s.graph.step import Step
from w2s.recipe import Experiment
from w2s.store.lease.leases import Leases, new_run
from w2s.store.maintenance.repair import set_damaged_aside
from w2s.store.plan import plan
from w2s.store.revisions import identify
from w2s.store.store import Store


def run(
    experiment: Experiment, store: Store, resources: Resources, only: Sequence[str] = (), repair: bool = False
) -> Step:
    """Do what is missing of an experiment and return its report step (or, with `only`, the last step asked for).

    With `repair` the finished steps' files are read first, and those steps run again whose files are damaged.

    Raises ValueError for what the user must change, mostly before anything starts, and StepFailed for all else a step raised,
    after the others that were running have ended; both name the log.
    """
    store = replace(store.check_writable(), run=new_run())
    experiment = identify(experiment, store, network=True)
    steps = build_steps(experiment)
    with Leases(store, Progress().log) as leases:  # before the plan: from here on `w2s gc` knows of this run
        damaged = set_damaged_aside(steps, store, leases) if repair else []
        planned = plan(steps, store, only, also=damaged)
        missing = [one.step for one in planned if one.state in ("run", "resume")]
        if missing:
            from ray_jobs.driver.checks import check

            check(experiment, missing, resources)
            _run(f"{experiment.name}: {len(missing)} of {len(planned)} steps to run", missing, store, resources, leases)
        else:
            absent = [one.step.name for one in planned if one.state == "absent"]
            done = (
                f"all {len(planned)} steps are done"
                if not absent
                else f"done but for {', '.join(absent)}, which nothing needs"
            )
            leases.say(f"{experiment.name}: {done}, nothing to do")
    return planned[-1].step


def _run(title: str, missing: list[Step], store: Store, resources: Resources, leases: Leases) -> None:
    with RunLog(store) as log:
        progress = Progress(log.terminal)
        say, leases.say = leases.say, progress.log
        progress.log(f"{title}, store {store.url}, log {log.url}")
        progress.log(commit_rule(store))
        try:
            Scheduler(missing, store, resources, progress).run(leases)
        except ValueError as error:
            raise ValueError(f"{error} (log: {log.url})") from error
        except Exception as error:  # the one place where every library's failure becomes a line for the user
            traceback.print_exc()  # into the log
            raise StepFailed(
                f"{reason(error)}\nThe log is {log.url}. What is finished stays: run again to go on."
            ) from error
        finally:
            leases.say = say  # the log's terminal is closed
            local_ray.stop()


def commit_rule(store: Store) -> str:
    """What the store's server promises of two drivers at one step, for the run's log."""
    if store.is_exclusive:
        return "store: creates are exclusive, of two commits of a step the first stands"
    return "store: the server has no conditional create, of two commits at once the later manifest stands; both attempts' files stay until w2s gc"
