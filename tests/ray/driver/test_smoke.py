"""`w2s preflight --smoke` as a user of a laptop meets it; made faults are in tests/ray/sampling/test_engine.py."""

import time
from pathlib import Path

import pytest

from tests.conftest import w2s

pytestmark = pytest.mark.ray


def test_a_tiny_run_of_the_quickstart_is_tried_and_removed(store_folder: Path) -> None:
    began = time.monotonic()
    shown = w2s("preflight", "quickstart", "--store", str(store_folder), "--smoke", "--set", "orpo=none").stdout
    print(f"preflight --smoke: {time.monotonic() - began:.0f} s")
    lines = [line for line in shown.splitlines() if line.startswith(("ok", "FAIL"))]
    checks = [line[line.index("cluster") :] for line in lines if " cluster " in line]
    print("\n".join(lines))
    for check, says in [
        ("engine", "bases/weak: started in"),
        ("engine", "bases/strong: started in"),
        ("SFT step", "weak_sft of package:w2s/data/bases/weak: 2 steps on 1 workers"),
        ("SFT step", "hybrid_ft_1 of"),
        ("DPO step", "dpo of"),
        ("token ids", "16 of 16 prompts and 16 of 16 answers"),
        ("base", "engine and trainer are 0.000"),
        ("adapter", "engine and trainer are 0.000"),
    ]:
        assert [line for line in checks if line[9:].startswith(check) and says in line], (check, shown)
    assert all(line.startswith("ok") for line in lines), shown
    assert not store_folder.exists() or not list(store_folder.rglob("*")), "the tiny run is removed"
