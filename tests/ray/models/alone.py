"""This process as the only rank of a process group, as Ray Train sets up a worker."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.s3.servers import free_port


def environment() -> dict[str, str]:
    """The variables of a process group of one rank."""
    return {
        "RANK": "0",
        "LOCAL_RANK": "0",
        "WORLD_SIZE": "1",
        "LOCAL_WORLD_SIZE": "1",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "GLOO_SOCKET_IFNAME": "lo",
        "OMP_NUM_THREADS": "1",  # else accelerate sets it, with a warning
    }


@contextmanager
def alone() -> Iterator[None]:
    """Start DeepSpeed on a group of one, for the life of the process."""
    os.environ.update(environment())
    from ray_jobs.resources.presets import load_resources
    from ray_jobs.training.worker import start_deepspeed

    start_deepspeed(load_resources("local,workers=1"))
    import torch

    yield
    torch.distributed.destroy_process_group()
