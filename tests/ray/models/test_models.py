"""A share of the table of docs/models.md: models whose engine and transformers model once differed, and a refused one.

`make models` runs every row; the trainers' side of all architectures is tests/unit/training/test_architectures.py.
"""

import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.ray.models.row import Row, read

NAMES = ["Qwen2, YaRN", "Cohere-2", "Gemma-3, vision"]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Row]:
    """The rows, made by one process, because a training needs a process group of its own."""
    folder = tmp_path_factory.mktemp("rows")
    command = [sys.executable, "-m", "tests.ray.models", "--here", "--folder", str(folder), *NAMES]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = {name: read(folder, name) for name in NAMES}
    return {name: row for name, row in found.items() if row is not None}


@pytest.mark.parametrize("name", NAMES[:2])
def test_the_whole_method_works(rows: dict[str, Row], name: str) -> None:
    assert not rows[name].refused and not rows[name].faults()
    print(rows[name])


def test_vision_is_refused_where_the_engine_lacks_its_packages(rows: dict[str, Row]) -> None:
    row = rows["Gemma-3, vision"]
    assert row.refused.startswith("the engine cannot load Gemma3ForConditionalGeneration (") and not row.faults()
    assert row.layers == row.learned == 14, "the language model alone is adapted"
