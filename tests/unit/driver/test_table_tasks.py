"""Table work stays on the head of a cluster that can grow, and asks an autoscaler for no node."""

import pytest

from ray_jobs.runtime.local_ray import NODE_GROUP, NODE_ID, Node
from ray_jobs.runtime.shards import placement
from tests.conftest import fresh

DRIVER = {NODE_ID: "a"}
HEAD = {NODE_ID: "a", NODE_GROUP: "head"}
GPUS = Node(96, 8, {NODE_ID: "b", NODE_GROUP: "sampling"})


@pytest.mark.parametrize(
    ("nodes", "at_once"),
    [
        ([Node(2, 0, {NODE_ID: "a"})], None),  # one machine
        ([Node(8, 0, {NODE_ID: "a"}), Node(8, 8, {NODE_ID: "b"})], None),  # hosts without a launcher
        ([Node(8, 0, HEAD)], 8),  # cluster.yaml before any work
        ([Node(8, 0, HEAD), GPUS], 8),
        ([Node(8.5, 0, HEAD), GPUS], 8),
        ([Node(0, 0, HEAD), GPUS], None),  # a head that takes no work
    ],
)
def test_placement(nodes: list[Node], at_once: int | None) -> None:
    found = placement(nodes, DRIVER)
    if at_once is None:
        assert found == {"num_cpus": 1}
    else:
        assert found.pop("compute").size == at_once and found == {"num_cpus": 0, "label_selector": DRIVER}


BUSY = """
from types import SimpleNamespace
from ray.data._internal.cluster_autoscaler.fake_autoscaling_coordinator import FakeAutoscalingCoordinator
from ray.data._internal.cluster_autoscaler.rate_based_cluster_autoscaler import RateBasedClusterAutoscaler
from ray.data._internal.cluster_autoscaler.resource_utilization_gauge import ClusterUtil
from ray.data._internal.execution.interfaces import ExecutionResources

class A(SimpleNamespace):
    __hash__ = object.__hash__

metrics = A(average_num_inputs_per_task=1, average_num_outputs_per_task=1, num_output_blocks_per_task_s=1)
busy = A(observe=lambda: None, get=lambda: ClusterUtil(cpu=1, gpu=0, memory=0, object_store_memory=0))
for cpus in (1, 0):
    task = ExecutionResources(cpu=cpus)
    operator = A(output_dependencies=[], metrics=metrics, per_task_resource_allocation=lambda: task,
                 get_max_concurrency_limit=lambda: 20, min_scheduling_resources=lambda: task,
                 has_completed=lambda: False)
    head = FakeAutoscalingCoordinator(initial_cluster_resources=[{"CPU": 8}])
    autoscaler = RateBasedClusterAutoscaler([operator], "tables", utility_calculator=busy,
                                            autoscaling_coordinator=head, min_gap_between_autoscaling_requests_s=0)
    print(sum(bundle["CPU"] for bundle in autoscaler.try_trigger_scaling()))
"""


@pytest.mark.slow
def test_tasks_that_request_no_cpu_ask_for_no_node() -> None:
    """Of a head with 8 busy CPUs, Ray Data (2.60.0) asks for 16 where each task requests one."""
    assert fresh(BUSY) == "16\n0\n"
