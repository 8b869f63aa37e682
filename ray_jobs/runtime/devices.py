"""Which devices engines and workers run on, and how long each step of a group held them, for its manifest."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from ray_jobs.resources.requests import CORE, node_labels
from ray_jobs.resources.resources import Resources
from ray_jobs.runtime import local_ray
from w2s.store.attempt import Attempt

ACCELERATOR = "ray.io/accelerator-type"
"""The label that Ray gives a node with GPUs: `H100`, `A10G`."""


def device_name(gpus: int, labels: Mapping[str, str]) -> str:
    """What one device of the nodes with these labels is called: the type of its GPU, or the processor of the driver's
    machine."""
    if not gpus:
        return f"{CORE}{_processor()}"
    nodes = [node for node in local_ray.nodes() if node.gpus and node.has(labels)]
    return " or ".join(sorted({node.labels.get(ACCELERATOR, "GPU") for node in nodes})) or "GPU"


def _processor() -> str:
    """Linux's name of this machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "CPU"
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or "CPU"


class DeviceClock:
    """Shares the time of a group out among its steps: each gets what passed since the one before it was told.

    So the steps' seconds add up to the time from the group's start, in which it asked for its devices, to its end.
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self._last = time.time()

    @classmethod
    def of(cls, resources: Resources, kind: str) -> Self:
        """A clock of the devices of engines (`kind` is sample) or workers. Needs a Ray that has started."""
        gpus = resources.gpus_per_engine if kind == "sample" else resources.gpus_per_worker
        return cls(device_name(gpus, node_labels(resources, kind)))

    def skip(self) -> None:
        """Count the seconds since the last call as no attempt's."""
        self._last = time.time()

    def take(self, attempt: Attempt, devices: float, began: float) -> None:
        """Count the seconds since the last call, on so many devices, as the attempt's.

        Those before `began`, the Unix time at which the work began, went into the start of an engine or of workers.
        """
        now = max(time.time(), self._last)
        passed, start = now - self._last, min(max(began, self._last), now) - self._last
        attempt.device_seconds[self.device] = attempt.device_seconds.get(self.device, 0.0) + devices * passed
        attempt.held_seconds += passed
        attempt.start_seconds += start
        self._last = now
