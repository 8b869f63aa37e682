"""A share of the table of docs/models.md: the whole method on a model with a window, a scaled context, scaled logits
and a chat template, for whose like engine and trainer once were two models.

`make models` runs every row; the trainers' side of all architectures is tests/unit/training/test_architectures.py, and
models that are refused are in tests/unit/driver.
"""

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.ray.models.architectures import SHARE
from tests.ray.models.row import LN_2, Row, read

(NAME,) = SHARE
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


def test_a_refused_model_whose_engine_differs_is_a_fault_unless_the_line_says_so() -> None:
    refused = Row("made", refused="no adapters", base=1e-5)
    assert not refused.faults()
    assert replace(refused, base=3.7).faults() == ["engine and trainer are 3.7000 nats apart"]
    assert not replace(refused, base=3.7, refused="other models, by 3.7 nats a token").faults()


def test_engine_and_trainer_compute_one_model(tmp_path: Path) -> None:
    """In a process of its own, because a training needs a process group of its own."""
    command = [sys.executable, "-m", "tests.ray.models", "--here", "--folder", str(tmp_path), NAME]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    row = read(tmp_path, NAME)
    assert row is not None and not row.refused and not row.faults(), row
    assert row.full < 5e-3 and row.full_adapter < 5e-3, "an engine that is split computes the same model"
    assert row.full_change > 0.1 and abs(row.full_dpo - LN_2) < 1e-4, row
