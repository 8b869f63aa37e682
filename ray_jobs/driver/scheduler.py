"""Runs steps as their inputs are finished, side by side where the cluster has room."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from threading import Thread

from ray_jobs.resources.claims import needs, needs_on_one_node, node_labels
from ray_jobs.resources.resources import Resources
from ray_jobs.runtime import local_ray
from ray_jobs.runtime.context import Context
from ray_jobs.runtime.errors import reason
from ray_jobs.runtime.progress import Progress
from w2s.graph.recipes import FineTune, Prefer, Sample
from w2s.graph.step import Step
from w2s.store.attempt import Attempt
from w2s.store.lease.leases import LeaseLost, Leases
from w2s.store.store import Store

RECHECK_SECONDS = 10
"""Between two looks for room that an autoscaler may have added."""


class StepFailed(Exception):
    """A step ended with an error that is not the user's; what is finished stays in the store."""


Job = Callable[[Step, Attempt, Context], str]
"""Runs one step of a kind: writes its tables into the attempt and returns a one-line summary."""
GroupJob = Callable[[Sequence[Step], Context], None]
"""Runs several steps that share a base model, and finishes each as soon as it has ended."""


def jobs() -> dict[str, Job]:
    """The job of each kind of step that runs alone."""
    from ray_jobs.selection import curate, problems, report, scores

    return {
        "datasetproblems": problems.problems,
        "worldproblems": problems.problems,
        "demonstrate": curate.demonstrations,
        "agree": curate.agreement,
        "pair": curate.pairs,
        "grade": scores.scores,
        "audit": scores.audit,
        "report": report.report,
    }


def group_jobs() -> dict[str, GroupJob]:
    """The job of each kind of step that shares engines or workers with others."""
    from ray_jobs.sampling.job import sample
    from ray_jobs.training.job import train

    return {"sample": sample, "finetune": train, "prefer": train}


def run_steps(steps: Sequence[Step], context: Context) -> None:
    """Run steps of one kind to their manifests."""
    kind = steps[0].kind
    if kind in (groups := group_jobs()):
        groups[kind](steps, context)
        return
    for step in steps:
        attempt = context.attempt(step)
        context.finish(attempt, jobs()[kind](step, attempt, context))


@dataclass
class Scheduler:
    """Runs steps as their inputs are finished, side by side where the cluster has room.

    A step starts if its claim fits beside the claims of those running, or if none is running: so nothing waits for room that
    only it holds, and a claim larger than the cluster is left to the autoscaler.
    """

    missing: list[Step]
    store: Store
    resources: Resources
    progress: Progress
    running: dict[Future[None], list[Step]] = field(default_factory=dict["Future[None]", list[Step]])
    done: set[str] = field(default_factory=set[str])
    started: set[str] = field(default_factory=set[str])
    on_ray: bool = False

    def run(self, leases: Leases) -> None:
        """Run all steps, each while `leases` hold it.

        Raises what the first failing step raised, once the others that were running have ended.
        """
        try:
            self._run(leases)
        except (KeyboardInterrupt, SystemExit, LeaseLost):  # Ray turns SIGTERM into SystemExit
            leases.stop()
            local_ray.abandon()  # with all that runs; what is in the store stays
            raise

    def _run(self, leases: Leases) -> None:
        try:
            while len(self.done) < len(self.missing):
                for group in self.ready():
                    if self.fits(group):
                        self.start(leases, group)
                assert self.running, "steps wait for each other"
                finished, _ = wait(self.running, timeout=RECHECK_SECONDS, return_when=FIRST_COMPLETED)
                leases.check()
                for future in finished:
                    group = self.running.pop(future)
                    future.result()
                    directories = {step.directory for step in group}
                    same = {step.name for step in self.missing if step.directory in directories}
                    self.started |= same
                    self.done |= same
        except LeaseLost:
            raise
        except Exception as error:
            leases.stop()  # for those that still wait for another run; what runs is held until it has ended
            self.progress.log(f"failed: {reason(error):.300}; waiting for {len(self.running)} running steps to end")
            wait(self.running)
            for future, group in self.running.items():
                if (other := future.exception()) is not None:
                    self.progress.log(f"failed too: {', '.join(step.name for step in group)}: {reason(other):.300}")
            raise

    def ready(self) -> list[list[Step]]:
        """Groups of steps that could start now; sampling steps with one base are one group, for one engine start."""
        waiting = [step for step in self.missing if step.name not in self.started]
        unfinished = {step.name for step in self.missing} - self.done
        begun = {step.directory for step in self.missing if step.name in self.started}
        free = [
            step
            for step in waiting
            if step.directory not in begun and not any(t.step.name in unfinished for _, t in step.inputs)
        ]
        free = list({step.directory: step for step in reversed(free)}.values())[
            ::-1
        ]  # equal steps under two names run once
        groups: dict[str, list[Step]] = {}
        for step in free:
            if isinstance(step.recipe, Sample):
                groups.setdefault(str(step.recipe.model), []).append(step)
            else:
                groups[step.name] = [step]
        return [group for group in groups.values() if not self.worth_waiting(group, waiting)]

    def worth_waiting(self, group: list[Step], waiting: list[Step]) -> bool:
        """Whether a sampling group should wait for others of its base, to share their engine start.

        One that only scores models waits for all of them. Any other waits for those whose inputs are being made, or could be: these
        never wait themselves.
        """
        recipe = group[0].recipe
        if not isinstance(recipe, Sample):
            return False
        names = {step.name for step in group}
        others = [
            s
            for s in waiting
            if isinstance(s.recipe, Sample) and s.recipe.model == recipe.model and s.name not in names
        ]
        if all(step.report_name for step in group):
            return bool(others)
        unfinished = {step.name for step in self.missing} - self.done
        soon = {
            s.name
            for s in self.missing
            if not isinstance(s.recipe, Sample) and not {t.step.name for _, t in s.inputs} & unfinished
        }
        return any(not s.report_name and {t.step.name for _, t in s.inputs} & unfinished <= soon for s in others)

    def fits(self, group: list[Step]) -> bool:
        """Whether the cluster has room for the group beside what runs."""
        if not self.running:
            return True
        room = local_ray.capacity() if self.on_ray else {}
        claimed = [needs(self.resources, one[0].kind) for one in self.running.values()] + [
            needs(self.resources, group[0].kind)
        ]
        return all(sum(claim.get(key, 0) for claim in claimed) <= room.get(key, 0) for key in ("CPU", "GPU"))

    def check_room(self, group: list[Step]) -> None:
        """Say what a group will wait for, which libraries do in silence.

        Raises ValueError where it would wait for ever, on this machine alone.
        """
        kind, names = group[0].kind, ", ".join(step.name for step in group)
        claim = needs(self.resources, kind), needs_on_one_node(self.resources, kind), node_labels(self.resources, kind)
        if not (lacking := local_ray.shortage(*claim)):
            return
        if local_ray.is_own():
            raise ValueError(
                f"{names}: --resources asks for {lacking}: choose a smaller preset or fields, as in local,cpus_per_engine=1"
            )
        self.progress.log(f"{names}: waiting for {lacking}; an autoscaler may add it, or choose other --resources")

    def start(self, leases: Leases, group: list[Step]) -> None:
        """Hand a group to its job in a thread of its own, once no other run holds it; what others have finished is left out.

        A daemon thread, which does not keep a run that is stopped.
        """
        future: Future[None] = Future()

        def held() -> None:
            mine = leases.acquire(group)
            try:
                if mine:
                    run_steps(mine, Context(self.store, self.resources, self.progress))
            finally:
                leases.release(mine)

        def work() -> None:
            try:
                held()
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(None)

        self.started.update(step.name for step in group)
        if isinstance(group[0].recipe, FineTune | Prefer | Sample):
            local_ray.start()
            self.on_ray = True
            self.check_room(group)
        self.running[future] = group
        Thread(target=work, name=f"step {group[0].name}", daemon=True).start()
