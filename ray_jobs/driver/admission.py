"""Whether a group of steps may start now: a pure rule over the cluster's nodes and the groups that run.

A request is counted on the nodes that have its labels and no others, node by node, because an engine and the workers of
a training on one node cannot be split.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ray_jobs.resources.requests import node_labels, resource_request, resource_request_on_one_node
from ray_jobs.resources.resources import Resources
from ray_jobs.runtime.local_ray import Node, can_grow
from w2s.graph.recipes import FineTune, Prefer
from w2s.graph.step import Step


@dataclass(frozen=True)
class Request:
    """What a group must hold at once: `count` units, each of them on one node that has all `labels`.

    Engines may become `most`, because Ray Data adds engines while there is work.
    """

    count: int
    cpus: float
    gpus: float
    labels: tuple[tuple[str, str], ...] = ()
    most: int = 1


def request_of(resources: Resources, kind: str) -> Request:
    """The request of a group of steps of `kind` (`Step.kind`); zero units for a job without Ray resources."""
    whole, unit = resource_request(resources, kind), resource_request_on_one_node(resources, kind)
    labels = tuple(node_labels(resources, kind).items())
    count, most = round(whole["CPU"] / unit["CPU"]), resources.max_engines if kind == "sample" else 1
    return Request(count, unit["CPU"], unit["GPU"], labels, most)


def may_start(request: Request, running: Sequence[Request], nodes: Sequence[Node]) -> bool:
    """Whether a group may start beside the running groups.

    It may where it fits. In a cluster that can grow, one group of each label may also start and wait for its nodes,
    because an autoscaler adds nodes only for work that waits. In any cluster a group may start alone, so that no group
    waits for resources that only it holds.
    """
    if not request.count or fit([*running, request], nodes):
        return True
    if not any(other.count for other in running):
        return True
    beside = [other for other in running if other.labels == request.labels]
    return can_grow(nodes) and fit(beside, nodes)


def is_shared_out(first: Step, request: Request) -> bool:
    """Whether the group that begins with `first` is dealt over all places: trainings on GPUs are; on CPU groups slow
    each other."""
    return isinstance(first.recipe, FineTune | Prefer) and bool(request.gpus)


def loads_are_long(resources: Resources) -> bool:
    """Whether loads of bases take minutes, as they do onto GPUs."""
    return bool(resources.gpus_per_engine or resources.gpus_per_worker)


def places(request: Request, running: Sequence[Request], nodes: Sequence[Node]) -> int:
    """How many groups with this request fit beside the running groups; at least 1, because one may wait."""
    count = 1
    while fit([*running, *[request] * (count + 1)], nodes):
        count += 1
    return count


def fit(requests: Sequence[Request], nodes: Sequence[Node]) -> bool:
    """Whether all requests can be held at once: first fit, the labelled and the large first."""
    free = [[node.cpus, node.gpus] for node in nodes]
    for request in sorted(requests, key=lambda request: (not request.labels, -request.gpus, -request.cpus)):
        allowed = [room for room, node in zip(free, nodes, strict=True) if node.has(dict(request.labels))]
        for _ in range(request.count):
            room = next((room for room in allowed if request.cpus <= room[0] and request.gpus <= room[1]), None)
            if room is None:
                return False
            room[0] -= request.cpus
            room[1] -= request.gpus
    return True
