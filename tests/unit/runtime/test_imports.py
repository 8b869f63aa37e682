"""`import_for_good`: no garbage collection meanwhile, none of what is imported later."""

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ray_jobs.runtime.imports import import_for_good

MADE = "large_module_of_a_test"


@pytest.fixture
def large_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module that makes more objects than pytest's process allocates between two collections."""
    (tmp_path / f"{MADE}.py").write_text("import gc\nMADE = [[number] for number in range(300_000)]\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield MADE
    sys.modules.pop(MADE, None)


def test_nothing_is_collected_meanwhile_nor_what_was_imported_later(large_module: str) -> None:
    collections: list[str] = []

    def count(phase: str, _: dict[str, int]) -> None:
        collections.append(phase)

    frozen = gc.get_freeze_count()
    gc.callbacks.append(count)
    try:
        import_for_good("json", large_module)
        assert not collections and gc.isenabled()
        before = gc.get_freeze_count()
        assert before >= frozen + 300_000
        kept = [[number] for number in range(300_000)]
        assert collections and len(kept) == 300_000, "collections go on"
        import_for_good("json", large_module)
        assert gc.get_freeze_count() == before, "a second call does nothing"
    finally:
        gc.callbacks.remove(count)


@pytest.mark.parametrize("enabled", [True, False])
def test_an_import_that_fails_leaves_collections_as_they_were(enabled: bool) -> None:
    was = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        with pytest.raises(ModuleNotFoundError, match="no_such_module"):
            import_for_good("no_such_module")
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if was else gc.disable)()
