"""Runs the missing steps of one experiment, each when its inputs are finished, side by side where resources allow.

One thread of the driver a group of steps, because the jobs only wait for Ray. Which steps form a group:
ray_jobs/driver/grouping.py.
"""

import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from threading import Thread

from ray_jobs.driver.admission import Request, loads_are_long, request_of
from ray_jobs.driver.commits import Commits
from ray_jobs.driver.grouping import ready_groups, trained_with
from ray_jobs.driver.live_engines import LiveEngines
from ray_jobs.resources.requests import node_labels, resource_request, resource_request_on_one_node
from ray_jobs.runtime import local_ray
from ray_jobs.runtime.context import Context
from ray_jobs.runtime.errors import reason
from ray_jobs.sampling.pool.pools import Pools
from ray_jobs.training.group.groups import Groups
from w2s.graph.recipes import FineTune, Prefer, Sample
from w2s.graph.step import Step
from w2s.store.attempt import Attempt
from w2s.store.lease.lease import LeaseLost
from w2s.store.lease.leases import Leases

RECHECK_SECONDS = 10
"""Seconds between two looks at the capacity of the cluster, because an autoscaler may have added nodes."""


class StepFailed(Exception):
    """A step failed for a reason that the user cannot change. Finished steps stay in the store."""


Job = Callable[[Step, Attempt, Context], str]
"""Runs one step: writes its tables into the attempt and returns a one-line summary."""
GroupJob = Callable[[Sequence[Step], Context], None]
"""Runs several steps that share a base model, and commits each as soon as it is complete."""


def jobs() -> dict[str, Job]:
    """The job of each kind of step that runs alone."""
    from ray_jobs.selection import adapters, committee, curate, problems, report, responses, scores

    return {
        "datasetproblems": problems.problems,
        "testproblems": problems.problems,
        "worldproblems": problems.problems,
        "foreignadapter": adapters.foreign_adapter,
        "respond": responses.respond,
        "committee": committee.committee,
        "demonstrate": curate.demonstrations,
        "agree": curate.agreement,
        "label": curate.labels,
        "reliability": scores.reliability,
        "openvotes": curate.open_votes,
        "pair": curate.pairs,
        "grade": scores.scores,
        "audit": scores.audit,
        "report": report.report,
    }


def group_jobs(pools: Pools, groups: Groups) -> dict[str, GroupJob]:
    """The job of each kind of step that shares engines or workers with others."""
    from ray_jobs.sampling.job import sample
    from ray_jobs.training.job import train

    trains = partial(train, groups=groups)
    return {"sample": partial(sample, pools=pools), "finetune": trains, "prefer": trains}


def run_steps(steps: Sequence[Step], context: Context, pools: Pools, groups: Groups) -> None:
    """Run steps of one kind and commit their manifests."""
    kind = steps[0].kind
    if kind in (shared := group_jobs(pools, groups)):
        shared[kind](steps, context)
        return
    for step in steps:
        attempt = context.attempt(step)
        context.finish(attempt, jobs()[kind](step, attempt, context))


@dataclass
class Scheduler:
    """The state of one run: which of its missing steps have started and which are done.

    Which group starts beside the running ones: ray_jobs/driver/admission.py and live_engines.py, whose `Run` this is.
    """

    missing: Sequence[Step]
    scored: Collection[str]  # names of the sampling steps that nothing but grading reads
    context: Context
    running: dict[Future[None], list[Step]] = field(default_factory=dict["Future[None]", list[Step]])
    joined: set[Future[None]] = field(default_factory=set["Future[None]"])
    """Those of the running groups that have joined live engines or workers."""
    started: set[str] = field(default_factory=set[str])
    done: set[str] = field(default_factory=set[str])
    workers: Groups = field(default_factory=Groups)
    on_ray: bool = False
    commits: Commits = field(default_factory=Commits)
    live: LiveEngines = field(default_factory=LiveEngines)
    """The engines that groups may join."""
    look: Callable[[Step], None] = lambda step: None
    """Looks at each committed step, and may raise ValueError to start no further one."""

    @cached_property
    def pools(self) -> Pools:
        """The engines of this run."""
        return Pools(self.missing, self.done)

    def run(self, leases: Leases) -> None:
        """Run all missing steps, each while this run holds its lease.

        Raises the error of the first step that fails, after the other running steps have ended.
        """
        try:
            self._run(leases)
        except (KeyboardInterrupt, SystemExit, LeaseLost):  # Ray turns SIGTERM into SystemExit
            leases.stop()
            local_ray.abandon()  # the running steps too; what they have written stays in the store
            raise

    def _run(self, leases: Leases) -> None:
        try:
            while self.running or len(self.done) < len(self.missing):
                self._end_engines(self.live.drop_useless(self))
                for start in self.live.starts(self):
                    self._end_engines(start.released)
                    self._start(leases, start.group, start.joins)
                assert self.running, "steps wait for each other"
                committed = self.commits.next
                ended, _ = wait([*self.running, committed], timeout=RECHECK_SECONDS, return_when=FIRST_COMPLETED)
                leases.check()
                committed_steps = self.commits.take()
                self._mark_done(committed_steps)
                for step in committed_steps:
                    self.look(step)
                for future in ended - {committed}:
                    self._finish(future)
            self._end_engines(self.live.requests)
        except LeaseLost:
            raise
        except Exception as error:
            leases.stop()  # ends the threads that wait for another run; running steps keep their leases until they end
            if self.running:  # the caller shows the error, once they have ended; until then the log has it
                print(f"a step failed: {_why(error)}", file=sys.stderr, flush=True)
                running = ", ".join(map(_names, self.running.values()))
                self.context.progress.log(f"a step failed; waiting for the running steps to end: {running}")
            wait(self.running)
            for future, group in self.running.items():
                if (other := future.exception()) is not None:
                    self.context.progress.log(f"failed too: {_names(group)}: {_why(other)}")
            self._end_engines(self.live.requests)
            raise

    def ready(self, alive: Collection[str]) -> list[list[Step]]:
        """The groups to start now, if the engines of the bases `alive` are alive."""
        long = loads_are_long(self.context.resources)
        return ready_groups(self.missing, self.started, self.done, self.scored, long, alive)

    def groups(self) -> list[list[Step]]:
        """The groups that run and hold a place: without trainings that have joined another group, and without groups
        whose steps are all done. Counted, a training that ends would drive out the engines beside the next one, which
        is ready before.
        """
        groups = list[list[Step]]()
        for future, group in sorted(self.running.items(), key=lambda running: running[0] in self.joined):
            hosted = future in self.joined and trained_with(group, groups)
            if not hosted and any(step.name not in self.done for step in group):
                groups.append(group)
        return groups

    def waiting(self) -> list[Step]:
        """The steps that have not started."""
        return [step for step in self.missing if step.name not in self.started]

    def request(self, group: Sequence[Step]) -> Request:
        """What a group must hold."""
        return request_of(self.context.resources.of(group[0].role), group[0].kind)

    def nodes(self, group: Sequence[Step] = ()) -> list[local_ray.Node]:
        """The nodes of Ray, which is started for a group that wants a place on them; none before."""
        if group:
            self._start_ray(group)
        return local_ray.nodes() if self.on_ray else []

    def _start(self, leases: Leases, group: list[Step], joins: bool) -> None:
        """Run a group in a thread of its own, which first waits until no other run holds the group's steps.

        A daemon thread, because a stopped run must not wait for it.
        """
        future: Future[None] = Future()

        def work() -> None:
            try:
                self._run_held(leases, group, joins)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(None)

        self.started.update(step.name for step in group)
        for step in group:
            self.context.progress.begin(step.name, step.directory, "waiting for its lease")
        if isinstance(group[0].recipe, FineTune | Prefer | Sample):
            self._start_ray(group)
            if joins:
                self.joined.add(future)
            else:
                self._check_capacity(group)
        self.running[future] = group
        Thread(target=work, name=f"step {group[0].name}", daemon=True).start()

    def _run_held(self, leases: Leases, group: list[Step], joins: bool) -> None:
        """Run the steps of a group under their leases, without those that another run has finished meanwhile.

        Those that another run holds now come after the others, so they make no other step wait.
        """
        progress, left = self.context.progress, group
        try:
            while left:
                held, left = leases.acquire_free(left)
                try:
                    for step in held:
                        progress.phase(step.name, "starting", line=True)
                    if held:
                        sizes = self.context.resources.of(held[0].role)
                        context = replace(self.context, resources=sizes, on_commit=self.commits.put, joins=joins)
                        run_steps(held, context, self.pools, self.workers)
                finally:
                    leases.release(held)
        finally:
            for step in group:
                progress.stopped(step.name)

    def _finish(self, future: Future[None]) -> None:
        """Mark all steps of a group that has ended as done. Raises what the group raised."""
        group = self.running.pop(future)
        future.result()
        self._mark_done(group)

    def _mark_done(self, steps: Sequence[Step]) -> None:
        """Mark steps as done, and all steps with the same directories."""
        directories = {step.directory for step in steps}
        equal = {step.name for step in self.missing if step.directory in directories}
        self.started |= equal
        self.done |= equal
        for name in equal:
            self.context.progress.ended(name)

    def _start_ray(self, group: Sequence[Step]) -> None:
        if not self.on_ray:
            self.context.progress.phase(group[0].name, "starting Ray", line=True)
        local_ray.start()
        if not self.on_ray:
            for what, address in local_ray.addresses().items():
                self.context.progress.log(f"{what} at {address}")
        self.on_ray = True

    def _end_engines(self, bases: Iterable[str]) -> None:
        for base in bases:
            self.pools.release(base)

    def _check_capacity(self, group: list[Step]) -> None:
        """Log what a group is waiting for; Ray waits silently.

        Raises ValueError where the group would wait forever, because Ray runs on this machine alone.
        """
        kind, resources = group[0].kind, self.context.resources.of(group[0].role)
        shortage = local_ray.shortage(
            resource_request(resources, kind),
            resource_request_on_one_node(resources, kind),
            node_labels(resources, kind),
        )
        if not shortage:
            return
        if local_ray.is_own():
            raise ValueError(
                f"{_names(group)}: --resources asks for {shortage}: choose a smaller preset or smaller fields, "
                "for example local,cpus_per_engine=1"
            )
        self.context.progress.log(
            f"{_names(group)}: waiting for {shortage}; an autoscaler may add it, or choose other --resources"
        )


def _why(error: BaseException) -> str:
    """A user's error whole, the reason of any other in one line."""
    return str(error) if isinstance(error, ValueError) else reason(error)


def _names(group: list[Step]) -> str:
    return ", ".join(step.name for step in group)
