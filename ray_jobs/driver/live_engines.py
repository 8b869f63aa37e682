"""Which groups join live engines or training workers, and when idle engines are released: pure bookkeeping.

Trainings join the workers that train on their base, where these have the only place and the base is loaded.

Engines outlive their group, because to load a base again costs more than to let its engines wait. Idle engines are
released where no step of the run can use them any more. They give way to a group that needs their place, unless what
runs already will bring them work; where engine and trainer take turns, that group is the next training. In a cluster
that can grow they do not wait for a training at all, because their nodes are paid for.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ray_jobs.driver.admission import Request, fit, is_shared_out, may_start, places
from ray_jobs.driver.grouping import shared_out, trained_with
from ray_jobs.runtime.local_ray import Node, can_grow
from ray_jobs.sampling.pool.size import base_of
from w2s.graph.recipes import FineTune, Prefer, Sample
from w2s.graph.step import Step

TABLE_TASK = Request(1, 1, 0)
"""A task of Ray Data on one shard of a table, which must find a CPU beside idle engines."""


class Run(Protocol):
    """The state of a run, real (ray_jobs/driver/scheduler.py) or on paper (ray_jobs/driver/forecast.py)."""

    def ready(self, alive: Collection[str]) -> list[list[Step]]:
        """The groups to start now (ray_jobs/driver/grouping.py), if the engines of the bases `alive` are alive."""
        ...

    def groups(self) -> list[list[Step]]:
        """The groups that run."""
        ...

    def waiting(self) -> list[Step]:
        """The steps that have not started, in the graph's order."""
        ...

    def request(self, group: Sequence[Step]) -> Request:
        """What a group must hold."""
        ...

    def nodes(self, group: Sequence[Step] = ()) -> Sequence[Node]:
        """The nodes now, on which `group` wants a place."""
        ...


@dataclass(frozen=True)
class Start:
    """A group that starts now."""

    group: list[Step]
    joins: bool
    """Whether it joins engines that are alive, or workers that train."""
    released: list[str]
    """Bases whose engines must end before."""


@dataclass
class LiveEngines:
    """The engines that a run has started and not released, by base."""

    requests: dict[str, Request] = field(default_factory=dict[str, Request])
    """The request of each base's first group."""

    def drop_useless(self, run: Run) -> list[str]:
        """Forget the idle engines that should end now. Returns their bases."""
        bases = self.useless(run.groups(), run.waiting(), _others(run), run.nodes())
        self.release(bases)
        return bases

    def starts(self, run: Run) -> Iterator[Start]:
        """The groups that start now, each counted already.

        The caller starts each before it takes the next one, because the next one must fit beside it.
        """
        for group in run.ready(self.requests):
            request, at_once = run.request(group), 1
            if is_shared_out(group[0], request):
                nodes = run.nodes(group)
                at_once = self.places(request, _others(run), self.spare(run.groups(), run.waiting()), nodes)
            for part in shared_out(group, at_once):
                running = run.groups()
                released = self.make_room(part, request, _others(run), running, run.waiting(), run.nodes())
                joins = self.joins(part)
                if released != [] and self.may_join(part, request, running, run.nodes()):
                    released, joins = [], True
                if released is not None:
                    self.release(released)
                    start = Start(part, joins, released)
                    self.start(part, request)
                    yield start

    def joins(self, group: Sequence[Step]) -> bool:
        """Whether engines of the group's base are alive."""
        return base_of(group[0]) in self.requests

    def may_join(
        self, group: Sequence[Step], request: Request, running: Sequence[Sequence[Step]], nodes: Sequence[Node]
    ) -> bool:
        """Whether trainings that have no place join the `running` ones of their base: where the nodes hold one group of
        workers. Where they hold several, or can grow, another place may be free sooner."""
        is_only_place = not can_grow(nodes) and self.places(request, [], [], nodes) == 1
        return is_only_place and trained_with(group, running) is not None

    def start(self, group: Sequence[Step], request: Request) -> None:
        """Count the engines of a group that starts with this request, unless it joins or uses none."""
        if base := base_of(group[0]):
            self.requests.setdefault(base, request)

    def release(self, bases: Iterable[str]) -> None:
        """Forget the engines of these bases."""
        for base in bases:
            del self.requests[base]

    def idle(self, running: Sequence[Sequence[Step]]) -> list[str]:
        """The bases whose engines no running group uses."""
        used = {base_of(group[0]) for group in running}
        return [base for base in self.requests if base not in used]

    def useless(
        self,
        running: Sequence[Sequence[Step]],
        waiting: Sequence[Step],
        others: Sequence[Request],
        nodes: Sequence[Node],
    ) -> list[str]:
        """The idle engines to release now: none of the `waiting` steps can use them, they leave no CPU to tables, or
        they may hold what the running groups wait for, whose requests are `others`.

        In a cluster that can grow, also those that nothing that runs brings work: it takes the nodes of others away.
        """
        to_come, idle = {base_of(step) for step in waiting}, self.idle(running)
        spare = self.spare(running, waiting) if can_grow(nodes) else []
        blocking = self._in_the_way(idle, others, nodes)
        gone = [base for base in idle if base not in to_come or base in spare or base in blocking]
        kept = [self._whole(base, nodes) for base in idle if base not in gone]
        return gone if fit([*kept, TABLE_TASK], nodes) else idle

    def spare(self, running: Sequence[Sequence[Step]], waiting: Sequence[Step]) -> list[str]:
        """The idle engines that give way to who needs their place: no step of their base will be ready before another
        training, or engines of another base, have started. `waiting` are the steps that have not started, in the
        graph's order."""
        lacking = {step.name for step in waiting}
        expected = set[str]()
        for step in waiting:
            if not lacking & {table.step.name for _, table in step.inputs} and not self._needs_place(step):
                lacking.discard(step.name)
                expected.add(base_of(step))
        return [base for base in self.idle(running) if base not in expected]

    def make_room(
        self,
        group: Sequence[Step],
        request: Request,
        others: Sequence[Request],
        running: Sequence[Sequence[Step]],
        waiting: Sequence[Step],
        nodes: Sequence[Node],
    ) -> list[str] | None:
        """The engines to release so that a group may start; None if it may not.

        `others` are the requests of the running groups that use no engines. A group that joins engines needs no room.
        """
        if self.joins(group) or not request.count:
            return []
        released = self._in_the_way(self.idle(running), [*others, request], nodes)
        if not {*released} <= {*self.spare(running, waiting)}:
            return None
        return released if may_start(request, [*others, *self.held(released)], nodes) else None

    def places(self, request: Request, others: Sequence[Request], spare: Sequence[str], nodes: Sequence[Node]) -> int:
        """How many groups with this request fit if all `spare` engines give way."""
        return places(request, [*others, *self.held(spare)], nodes)

    def held(self, without: Collection[str] = ()) -> list[Request]:
        """The requests of all engines but those of some bases."""
        return [request for base, request in self.requests.items() if base not in without]

    def _in_the_way(self, idle: Sequence[str], others: Sequence[Request], nodes: Sequence[Node]) -> list[str]:
        """The idle engines that may hold what other groups need. On one node that is counted; of several nodes nobody
        knows which of them the engines are on."""
        blocking, kept = list[str](), list[Request]()
        for base in idle:
            engines = self._whole(base, nodes)
            own = [node for node in nodes if node.has(dict(engines.labels))]
            meeting = [other for other in others if other.count and any(node.has(dict(other.labels)) for node in own)]
            if meeting and (len(own) > 1 or not fit([engines, *kept, *meeting], nodes)):
                blocking.append(base)
            else:
                kept.append(engines)
        return blocking

    def _whole(self, base: str, nodes: Sequence[Node]) -> Request:
        """What all engines of a base may hold."""
        request = self.requests[base]
        while request.count < request.most and fit([more := replace(request, count=request.count + 1)], nodes):
            request = more
        return request

    def _needs_place(self, step: Step) -> bool:
        """Whether a step starts workers, or engines that are not alive."""
        return isinstance(step.recipe, FineTune | Prefer | Sample) and base_of(step) not in self.requests


def _others(run: Run) -> list[Request]:
    """The requests of the running groups that use no engines."""
    return [run.request(group) for group in run.groups() if not base_of(group[0])]
