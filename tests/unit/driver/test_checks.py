"""What the missing steps request is compared with this machine before anything starts."""

import pytest

from ray_jobs.driver.checks.experiment import check_machine
from ray_jobs.resources.presets import load_resources
from w2s.experiments.quickstart import quickstart
from w2s.graph.build import build_steps

STEPS = build_steps(quickstart())
PROBLEMS = [step for step in STEPS if step.kind.endswith("problems")]


@pytest.mark.parametrize(
    ("resources", "machine", "message"),
    [
        (
            "local,cpus_per_engine=9",
            (2, 0),
            r"test_strong_base.*: --resources asks for 9 CPU, and this machine has 2: ",
        ),
        ("local,workers=5,cpus_per_worker=1", (2, 0), "weak_sft.*: --resources asks for 5 CPU, and this machine has 2"),
        ("one-gpu", (64, 0), "asks for 1 GPU, and this machine has 0: choose a smaller preset"),
        ("node-8gpu", (512, 4), "asks for 8 GPU, and this machine has 4"),
        (
            "cluster-70b",
            (512, 8),
            "asks for nodes with w2s-nodes=[a-z]+, and this machine is none: set sampling_nodes=",
        ),
    ],
)
def test_a_request_above_the_machine_is_refused(resources: str, machine: tuple[int, int], message: str) -> None:
    size = {"CPU": float(machine[0]), "GPU": float(machine[1])}
    with pytest.raises(ValueError, match=message):
        check_machine(STEPS, load_resources(resources), size)
    check_machine(PROBLEMS, load_resources(resources), size)


@pytest.mark.parametrize("resources", ["local", "one-gpu", "node-8gpu", "cluster-70b,sampling_nodes=,training_nodes="])
def test_a_machine_that_has_it_passes(resources: str) -> None:
    check_machine(STEPS, load_resources(resources), {"CPU": 512.0, "GPU": 8.0})
