"""Threads of a training worker on CPU."""

import pytest

from ray_jobs.resources.presets import load_resources
from ray_jobs.training.worker import set_threads

pytestmark = pytest.mark.slow  # torch


@pytest.mark.parametrize(("cpus", "threads"), [("1", 1), ("2", 2), ("2.9", 2), ("0.5", 1)])
def test_a_worker_on_cpu_computes_in_as_many_threads_as_it_has_cpus(cpus: str, threads: int) -> None:
    import torch

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        set_threads(load_resources(f"local,cpus_per_worker={cpus}"))
        assert torch.get_num_threads() == threads
        torch.set_num_threads(3)
        set_threads(load_resources(f"one-gpu,cpus_per_worker={cpus}"))
        assert torch.get_num_threads() == 3, "with a GPU, torch's own number stays"
    finally:
        torch.set_num_threads(before)
