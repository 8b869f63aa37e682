"""A share of tests/benchmarks/scale.py: the 70B experiment on a simulated cluster that is there, and on one that grows.

The simulation itself fails where a step runs before its inputs, a node has more on it than GPUs, or GPUs stay held. A
deadlock between the two kinds of nodes would end in pytest's time limit.
"""

import pytest

from tests.benchmarks.scale import simulate


@pytest.mark.timeout(120)
def test_64_gpus_that_are_there_are_used_as_planned() -> None:
    outcome = simulate(nodes=8, grows=False, speed=3000)
    print(outcome)
    assert outcome.hours < 1.3 * outcome.planned and outcome.booted == 0, outcome
    trainings = [group for group in outcome.groups if "weak_ft_1" in group or "hybrid_ft_1" in group]
    assert len(trainings) == 2, "trainings of stage I are dealt over the four training nodes"


@pytest.mark.timeout(120)
def test_nodes_of_both_labels_are_asked_for_and_the_run_ends() -> None:
    outcome = simulate(nodes=8, grows=True, speed=3000)
    assert outcome.booted >= 4, "both labels, at least twice: idle nodes end between the stages"
