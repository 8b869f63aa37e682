"""The chaos campaign finds the processes of an engine with and without titles."""

import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.chaos.jobs.processes import ENVIRONMENT, MARKER, engines, titled

ENGINE = """
import multiprocessing, os, setproctitle, sys, time

def run(name):
    os.environ["CHANGED"] = "by the process"
    setproctitle.setproctitle(name)
    time.sleep(60)

if __name__ == "__main__":
    multiprocessing.get_context("spawn").Process(target=run, args=("VLLM::EngineCore",), daemon=False).start()
    sys.stdin.read()
    for one in multiprocessing.active_children():
        one.kill()
"""


@pytest.mark.parametrize(("first", "titles"), [("UNTOUCHED", 1), ("CHANGED", 0)])
def test_engine_processes_are_found(first: str, titles: int, tmp_path: Path) -> None:
    script, marker = tmp_path / "engine.py", secrets.token_hex(8)
    script.write_text(ENGINE)
    # The order matters, because the first variable decides whether setproctitle can set a title.
    environment = {first: "0", "CHANGED": "0", MARKER: marker} | ENVIRONMENT | {"PATH": os.environ["PATH"]}
    driver = subprocess.Popen([sys.executable, str(script)], env=environment, stdin=subprocess.PIPE)
    try:
        end = time.monotonic() + 50
        while len(titled(marker, lambda name: name.startswith("VLLM::"))) < titles or not engines(marker):
            assert time.monotonic() < end, "no engine was found"
            time.sleep(0.1)
        (found,) = engines(marker)
        assert found.ppid() == driver.pid
        assert len(titled(marker, lambda name: name.startswith("VLLM::"))) == titles
    finally:
        for process in [*engines(marker), driver]:
            process.kill()
        driver.wait()
