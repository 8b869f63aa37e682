"""A share of the table of docs/models.md: models whose engine and transformers model once differed, and a refused one.

`make models` runs every row; the trainers' side of all architectures is tests/unit/training/test_architectures.py.
"""

import math
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.ray.models.row import LN_2, Row, read

NAMES = ["Qwen2, YaRN", "Cohere-2", "Gemma-3, vision"]


GOOD = Row(
    "made", layers=4, learned=4, zero_3=0.0, base=1e-5, adapter=1e-5, change=2.0, problems=8, same_ids=8, ended=8,
    end_token="</s>", kept=7, pairs=5, dpo=LN_2, orpo=0.1, right={"dpo": 8, "orpo": 7},
)  # fmt: skip
NAN = math.nan


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("failed", ["KeyError"]),
        ("learned", [0, 3]),
        ("zero_3", [0.01, NAN]),
        ("base", [0.02, NAN]),
        ("adapter", [0.02, NAN]),
        ("change", [0.0, NAN]),
        ("same_ids", [0, 7]),
        ("ended", [0, 7]),
        ("dpo", [0.69, NAN]),
        ("orpo", [NAN]),
        ("pairs", [0]),
        ("right", [{}, {"dpo": 8, "orpo": 0}]),
    ],
)
def test_each_measurement_can_be_a_fault(field: str, values: list[Any]) -> None:
    assert not GOOD.faults()
    for value in values:
        assert len(replace(GOOD, **{field: value}).faults()) == 1, value


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
