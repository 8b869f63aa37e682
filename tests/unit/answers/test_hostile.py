"""100,000 hostile strings through reading, canonical form and comparison, in two processes of about 20 s on idle cores.

Each string asserts that canonical(canonical(a)) == canonical(a) and that comparison is symmetric. For other strings:
`python -m tests.unit.answers.hostile 100000 SEED`.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
STRINGS = 100_000
SEEDS = (20240720, 20240721)


@pytest.mark.slow
def test_hostile_strings_in_bounded_time_and_memory():
    command = [sys.executable, "-m", "tests.unit.answers.hostile", str(STRINGS // len(SEEDS))]
    running = [
        subprocess.Popen([*command, str(seed)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for seed in SEEDS
    ]
    for process in running:
        out, err = process.communicate(timeout=1500)
        assert process.returncode == 0, err[-3000:]
        print(out.strip())
        counts = json.loads(out)
        assert counts["strings"] == STRINGS // len(SEEDS)
        assert counts["peak_bytes"] < 1 << 30
        assert counts["slowest"] < 20  # seconds of processor time, so that a busy machine changes little
        assert 0 < counts["undecided"] < counts["strings"]
