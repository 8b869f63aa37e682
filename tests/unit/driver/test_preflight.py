"""Which nodes a preflight takes for sampling and training; tests/cluster runs it on three hosts."""

from typing import Any

import pytest

from ray_jobs.driver.preflight import _has, _labels


def node(name: str, **labels: str) -> dict[str, Any]:
    return {"NodeManagerHostname": name, "Labels": {f"w2s-{key}": value for key, value in labels.items()}}


NODES = [node("head"), node("s", nodes="sampling"), node("t", nodes="training")]


@pytest.mark.parametrize(
    ("value", "hosts", "says"),
    [
        ("sampling", ["s"], "w2s-nodes=sampling: s"),
        ("training", ["t"], "w2s-nodes=training: t"),
        ("", ["head", "s", "t"], "any label: head, s, t"),
        ("Training", [], "no node has w2s-nodes=Training: start one"),
    ],
)
def test_nodes_are_taken_by_label(value: str, hosts: list[str], says: str) -> None:
    labels = {"w2s-nodes": value} if value else {}
    fitting = [each for each in NODES if _has(each, labels)]
    assert [each["NodeManagerHostname"] for each in fitting] == hosts
    rows = list(_labels({"sample": labels, "finetune": labels}, {"sample": fitting, "finetune": fitting}))
    assert [row.check for row in rows] == ["nodes for sampling", "nodes for training"]
    assert all(row.ok is bool(hosts) and row.text.startswith(says) for row in rows)
