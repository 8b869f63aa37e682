"""A share of tests/benchmarks/scale.py: the 70B experiment on a simulated cluster that is there, and on one that grows.

The simulation itself fails where a step runs before its inputs, a node has more on it than GPUs, or GPUs stay held. A
deadlock between the two kinds of nodes would end in pytest's time limit.
"""

import pytest

from tests.benchmarks import loads
from tests.benchmarks.scale import simulate


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_64_gpus_that_are_there_are_used_side_by_side() -> None:
    outcome = simulate(nodes=8, grows=False, speed=3000)
    (first,) = [group for group in outcome.groups if "weak_ft_1" in group]
    assert "icl_ft_1" not in first, "trainings of stage I are dealt over the training nodes"
    assert outcome.booted == 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nodes_of_both_labels_are_asked_for_and_the_run_ends() -> None:
    outcome = simulate(nodes=8, grows=True, speed=3000)
    assert outcome.booted >= 4, "both labels, at least twice: idle nodes end between the stages"


def test_on_paper_a_run_of_two_rounds_loads_the_strong_base_twice() -> None:
    """Once for engines, once for trainings: on a single node for trainings each round joins the workers of the last."""
    assert [goal.ours for goal in loads.main()] == [1, 1]
