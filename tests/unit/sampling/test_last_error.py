"""The engine's own last error is in the line that the user gets."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ray_jobs.sampling.process import last_error
from tests.conftest import ROOT

PREFIX = "(EngineCore_DP0 pid=4711) ERROR 11-26 12:00:01 [core.py:842] "
TRACEBACK = f"""{PREFIX}EngineCore failed to start.
{PREFIX}Traceback (most recent call last):
{PREFIX}  File "core.py", line 833, in run_engine_core
{PREFIX}ValueError: StableLm has no adapters
(EngineCore_DP0 pid=4711) Process EngineCore_DP0:
RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {{}}
"""


@pytest.mark.parametrize(
    ("log", "error"),
    [
        ("", ""),
        ("INFO 11-26 12:00:01 [core.py:1] all is well\nno Error here\n", ""),
        (TRACEBACK, "ValueError: StableLm has no adapters"),
        (
            f"{TRACEBACK}{PREFIX}torch.OutOfMemoryError: CUDA out of memory.\n",
            "torch.OutOfMemoryError: CUDA out of memory.",
        ),
        ("(Worker pid=3) NotImplementedError: no kernel\n", "NotImplementedError: no kernel"),
        ("KeyError: 'model.score.weight'\n", "KeyError: 'model.score.weight'"),
    ],
)
def test_the_last_error_of_a_log(log: str, error: str) -> None:
    assert last_error(log) == error


def test_only_what_was_logged_since_counts(tmp_path: Path) -> None:
    code = (
        "import os, sys; from ray_jobs.sampling import process as p; os.write(2, b'OldError: before\\n'); "
        "sizes = p._logs(); os.write(2, b'ValueError: ' + b'x' * 9 + b'\\n'); first = p.last_error(p._since(sizes)); "
        "print(first, '|', p.last_error(p._since(p._logs())))"
    )
    with (tmp_path / "log").open("wb") as log:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=log, env=environment, check=True
        )
    assert done.stdout.decode() == "ValueError: xxxxxxxxx | \n"
