"""The lab, once for all tests of this folder; without root or namespaces its tests are skipped with the reason."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.hosts import missing
from tests.cluster.lab import Lab, lab


@pytest.fixture(scope="session")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    if why := missing():
        pytest.skip(why)
    mounts = Path("/proc/self/mountinfo").read_text()
    with lab(tmp_path_factory.mktemp("lab")) as made:
        yield made
    assert Path("/proc/self/mountinfo").read_text() == mounts, "a mount of a host is left on this machine"


@pytest.fixture(scope="session")
def story() -> "Story":
    return Story()


class Story:
    """Prints what happens, with seconds: `make cluster` shows it, and README.md holds one."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def __call__(self, text: str) -> None:
        print(f"[{time.monotonic() - self.began:4.0f} s] {text}", flush=True)
