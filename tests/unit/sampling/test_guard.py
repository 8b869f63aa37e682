"""The guard of an engine's processes: kills what was started under it and all below that, and nothing else."""

import subprocess
import sys
import textwrap

import psutil
import pytest

from tests.conftest import ROOT, wait_for

ACTOR = """
    import subprocess, sys, time
    from ray_jobs.sampling.guard import Guard

    SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
    CODE = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:]); time.sleep(600)"
    PARENT = [sys.executable, "-c", CODE, *SLEEP]
    processes = {"before": subprocess.Popen(SLEEP)}
    guard = Guard()
    processes["engine"] = subprocess.Popen(PARENT)
    time.sleep(2)
    if "started" in sys.argv:
        guard.started()
        processes["after"] = subprocess.Popen(SLEEP)
    print(*(f"{name}={process.pid}" for name, process in processes.items()), flush=True)
    if sys.argv[1] == "end":
        sys.stdin.readline()  # the test has seen them all
        guard.end()
        guard.end()
        print("ended", guard.process.returncode, flush=True)
    time.sleep(600)
"""


def ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.slow
@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize("how", ["kill", "end"])
def test_only_what_was_started_under_the_guard_ends_with_it(how: str, started: bool) -> None:
    command = [sys.executable, "-c", textwrap.dedent(ACTOR), how, *(["started"] if started else [])]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as actor:
        assert actor.stdin and actor.stdout
        named = dict(word.split("=") for word in actor.stdout.readline().split())
        processes = {name: psutil.Process(int(pid)) for name, pid in named.items()}
        worker, *_ = processes["engine"].children()
        try:
            if how == "end":
                actor.stdin.write("\n")
                actor.stdin.flush()
                assert actor.stdout.readline() == "ended 0\n"
                assert ended(processes["engine"]) and ended(worker)
            actor.kill()
            wait_for(lambda: ended(processes["engine"]) and ended(worker), 20, "the engine's end")
            assert not any(ended(process) for name, process in processes.items() if name != "engine")
        finally:
            actor.kill()
            for process in [*processes.values(), worker]:
                if process.is_running():
                    process.kill()
