"""`importing`: no garbage collection meanwhile, none of what is imported later, and one thread at a time."""

import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ray_jobs.runtime import imports
from ray_jobs.runtime.imports import importing
from tests.conftest import ROOT

NAMES = [f"many_modules_of_a_test.m{number}" for number in range(imports.LARGE)]


@pytest.fixture
def many_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Modules that make more objects than pytest's process allocates between two collections."""
    package = tmp_path / "many_modules_of_a_test"
    package.mkdir()
    (package / "__init__.py").touch()
    for name in NAMES:
        (tmp_path / f"{name.replace('.', '/')}.py").write_text("MADE = [[number] for number in range(1500)]\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield NAMES
    for name in [name for name in sys.modules if name.startswith(package.name)]:
        del sys.modules[name]


def test_nothing_is_collected_meanwhile_nor_what_was_imported_later(many_modules: list[str]) -> None:
    collections: list[str] = []

    def count(phase: str, _: dict[str, int]) -> None:
        collections.append(phase)

    frozen = gc.get_freeze_count()
    gc.callbacks.append(count)
    try:
        with importing():
            for name in many_modules:
                __import__(name)
        assert not collections and gc.isenabled()
        after = gc.get_freeze_count()
        assert after >= frozen + 300_000
        with importing():
            import json  # noqa: F401
        assert gc.get_freeze_count() == after, "a small import freezes nothing"
        kept = [[number] for number in range(300_000)]
        assert collections and len(kept) == 300_000, "collections go on"
    finally:
        gc.callbacks.remove(count)


@pytest.mark.parametrize("enabled", [True, False])
def test_an_import_that_fails_leaves_collections_as_they_were(enabled: bool) -> None:
    was = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        with pytest.raises(ModuleNotFoundError, match="no_such_module"), importing(), importing():
            __import__("no_such_module")
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if was else gc.disable)()


AT_ONCE = """
import threading
from pathlib import Path
from ray_jobs.models.configs import load_config
from ray_jobs.models.tokenizers import load_tokenizer

start, done = threading.Barrier(4), []


def read(function, folder):
    start.wait()
    done.append(function(folder))


bases = Path("w2s/data/bases")
work = [(function, bases / name) for function in (load_config, load_tokenizer) for name in ("weak", "strong")]
threads = [threading.Thread(target=read, args=each) for each in work]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(done))
"""


@pytest.mark.slow
def test_steps_that_import_transformers_at_once_get_all_of_it() -> None:
    """As a run's sampling and training do where a node remembers that its models have passed the checks."""
    done = subprocess.run([sys.executable, "-c", AT_ONCE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "4\n", done.stderr[-2000:]
