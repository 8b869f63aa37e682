"""A process group of one rank, for trainers without Ray."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.ray.models.alone import environment


@pytest.fixture(scope="session")
def group_of_one() -> Iterator[dict[str, str]]:
    """The environment of a process group of one rank, made once a session because DeepSpeed keeps its first group."""
    names = environment()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in names.items():
            patch.setenv(name, value)
        import torch

        from ray_jobs.resources.presets import load_resources
        from ray_jobs.training.worker import start_deepspeed

        start_deepspeed(load_resources("local,workers=1"))
    yield names
    torch.distributed.destroy_process_group()


@pytest.fixture(autouse=True)
def no_zero_3_left() -> Iterator[None]:
    """Ends the state in which transformers shards every model it loads, which a ZeRO-3 trainer leaves behind."""
    yield
    if module := sys.modules.get("transformers.integrations.deepspeed"):
        module.unset_hf_deepspeed_config()


@pytest.fixture(scope="module")
def one_process(group_of_one: dict[str, str]) -> Iterator[None]:
    """Sets this process up as Ray Train sets up a worker, as the only rank of its group."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (group_of_one | {"DS_ACCELERATOR": "cpu"}).items():
            patch.setenv(name, value)
        yield


def dataset(rows: list[dict[str, Any]]) -> Any:
    """Token rows as the trainers take them; a training maps them from its files."""
    from datasets import Dataset

    return Dataset.from_list(rows)
