"""The chaos campaign finds the processes of an engine with and without titles, and tells the core from its worker."""

import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.chaos.jobs.processes import ENVIRONMENT, MARKER, engine_workers, engines, titled

ENGINE = """
import multiprocessing, os, setproctitle, sys, time

def run(names):
    os.environ["CHANGED"] = "by the process"
    setproctitle.setproctitle(names[0])
    if names[1:]:
        child(names[1:])
    time.sleep(60)

def child(names):
    multiprocessing.get_context("spawn").Process(target=run, args=(names,), daemon=False).start()

if __name__ == "__main__":
    child(["VLLM::EngineCore", "VLLM::Worker"])
    sys.stdin.read()
    for one in multiprocessing.active_children():
        one.kill()
"""


@pytest.mark.parametrize(("first", "titles"), [("UNTOUCHED", 2), ("CHANGED", 0)])
def test_engine_processes_are_found(first: str, titles: int, tmp_path: Path) -> None:
    script, marker = tmp_path / "engine.py", secrets.token_hex(8)
    script.write_text(ENGINE)
    # The order matters, because the first variable decides whether setproctitle can set a title.
    environment = {first: "0", "CHANGED": "0", MARKER: marker} | ENVIRONMENT | {"PATH": os.environ["PATH"]}
    driver = subprocess.Popen([sys.executable, str(script)], env=environment, stdin=subprocess.PIPE)
    try:
        end = time.monotonic() + 50
        while len(titled(marker, lambda name: name.startswith("VLLM::"))) < titles or not engine_workers(marker):
            assert time.monotonic() < end, "no worker was found"
            time.sleep(0.1)
        found = engines(marker)
        (worker,) = engine_workers(marker)
        assert [process.ppid() for process in found if process != worker] == [driver.pid] and len(found) == 2
        assert len(titled(marker, lambda name: name.startswith("VLLM::"))) == titles
    finally:
        for process in [*engines(marker), driver]:
            process.kill()
        driver.wait()
