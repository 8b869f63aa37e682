"""Admission by label: which waiting groups start in which state of a cluster."""

import pytest

from ray_jobs.driver.admission import Request, fit, may_start, places, request_of
from ray_jobs.resources.presets import load_resources
from ray_jobs.resources.requests import NODE_LABEL
from ray_jobs.runtime.local_ray import NODE_GROUP, Node

GROWS = {NODE_GROUP: "any"}
HEAD = Node(8, 0, GROWS)
SAMPLING = Node(96, 8, GROWS | {NODE_LABEL: "sampling"})
TRAINING = Node(192, 8, GROWS | {NODE_LABEL: "training"})
FIXED_HEAD, FIXED_SAMPLING, FIXED_TRAINING = (
    Node(node.cpus, node.gpus, {key: value for key, value in node.labels.items() if key != NODE_GROUP})
    for node in (HEAD, SAMPLING, TRAINING)
)
TRAIN, SAMPLE = "finetune", "sample"


def started(preset: str, ready: list[str], nodes: list[Node], running: list[str] | None = None) -> list[str]:
    """The kinds of the ready groups that start, in order, beside the running ones."""
    resources = load_resources(preset)
    held = [request_of(resources, kind) for kind in running or []]
    started: list[str] = []
    for kind in ready:
        if may_start(request := request_of(resources, kind), held, nodes):
            held.append(request)
            started.append(kind)
    return started


@pytest.mark.parametrize(
    ("state", "nodes", "ready", "running", "expected"),
    [
        ("fresh: one of each label asks", [HEAD], [TRAIN, TRAIN, SAMPLE, SAMPLE], [], [TRAIN, SAMPLE]),
        ("fresh: a training waits already", [HEAD], [TRAIN, SAMPLE], [TRAIN], [SAMPLE]),
        ("one node: the next asks for another", [HEAD, TRAINING], [TRAIN] * 4, [], [TRAIN, TRAIN]),
        ("two nodes, full", [HEAD, TRAINING, TRAINING], [TRAIN] * 4, [TRAIN] * 2, [TRAIN]),
        ("two nodes, one asks already", [HEAD, TRAINING, TRAINING], [TRAIN], [TRAIN] * 3, []),
        ("idle other label", [HEAD, SAMPLING, SAMPLING], [TRAIN, TRAIN, SAMPLE], [], [TRAIN, SAMPLE]),
        ("idle other label, one runs", [HEAD, SAMPLING, TRAINING], [TRAIN, TRAIN, TRAIN], [TRAIN], [TRAIN]),
        ("scaled away: both ask again", [HEAD], [SAMPLE, TRAIN], ["agree"], [SAMPLE, TRAIN]),
        ("scaled away under a running training", [HEAD, SAMPLING], [TRAIN, SAMPLE], [TRAIN], [SAMPLE]),
        ("two engines a node", [HEAD, SAMPLING], [SAMPLE] * 4, [], [SAMPLE] * 3),
        ("fixed: only what fits", [FIXED_HEAD, FIXED_TRAINING], [TRAIN] * 4, [], [TRAIN]),
        ("fixed: two nodes, four trainings", [FIXED_HEAD, *[FIXED_TRAINING] * 2], [TRAIN] * 4, [], [TRAIN] * 2),
        ("fixed: idle other label", [FIXED_SAMPLING, FIXED_SAMPLING, FIXED_TRAINING], [TRAIN] * 3, [], [TRAIN]),
        ("fixed: too small, alone", [FIXED_HEAD], [TRAIN, TRAIN, SAMPLE], [], [TRAIN]),
        ("a table needs no room", [HEAD], ["agree", "pair"], [TRAIN], ["agree", "pair"]),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_cluster_states(
    state: str, nodes: list[Node], ready: list[str], running: list[str], expected: list[str]
) -> None:
    assert started("cluster-70b", ready, nodes, running) == expected, state


@pytest.mark.parametrize(
    ("preset", "nodes", "ready", "expected"),
    [
        ("local", [Node(2, 0)], [TRAIN, SAMPLE, TRAIN], [TRAIN, SAMPLE]),
        ("local", [Node(0.5, 0)], [TRAIN, SAMPLE], [TRAIN]),
        ("one-gpu", [Node(16, 1)], [SAMPLE, TRAIN], [SAMPLE]),
        ("node-8gpu", [Node(96, 8)], [SAMPLE, SAMPLE, TRAIN], [SAMPLE, SAMPLE]),
        ("node-8gpu", [Node(96, 4), Node(96, 4), Node(96, 8)], [TRAIN, TRAIN], [TRAIN]),  # no training spans two nodes
        ("node-8gpu,workers=16", [Node(96, 8), Node(96, 8)], [TRAIN, SAMPLE], [TRAIN]),
    ],
)
def test_presets_without_labels(preset: str, nodes: list[Node], ready: list[str], expected: list[str]) -> None:
    assert started(preset, ready, nodes) == expected


@pytest.mark.parametrize(
    ("nodes", "running", "expected"),
    [
        ([HEAD], [], 1),
        ([HEAD, TRAINING], [], 1),
        ([HEAD, TRAINING, TRAINING, SAMPLING], [], 2),
        ([HEAD, TRAINING, TRAINING, TRAINING], [TRAIN], 2),
        ([HEAD, TRAINING, SAMPLING], [SAMPLE, TRAIN], 1),
    ],
)
def test_trainings_are_shared_out_over_the_places_that_are_free(
    nodes: list[Node], running: list[str], expected: int
) -> None:
    resources = load_resources("cluster-70b")
    held = [request_of(resources, kind) for kind in running]
    assert places(request_of(resources, TRAIN), held, nodes) == expected


def test_what_has_no_label_leaves_labelled_nodes_to_those_who_need_them() -> None:
    labelled, any_node = Request(1, 1, 8, (("w2s-nodes", "training"),)), Request(1, 1, 8)
    assert fit([any_node, labelled], [TRAINING, SAMPLING])
    assert not fit([any_node, any_node, labelled], [TRAINING, SAMPLING])


def test_a_launched_node_is_labelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ray up`'s updater and KubeRay set this variable for `ray start`, and nothing else does."""
    from ray._private.resource_and_label_spec import ResourceAndLabelSpec

    assert NODE_GROUP not in ResourceAndLabelSpec._get_default_labels(None)
    monkeypatch.setenv("RAY_NODE_TYPE_NAME", "training")
    assert ResourceAndLabelSpec._get_default_labels(None)[NODE_GROUP] == "training"
