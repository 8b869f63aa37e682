"""A process that ends an engine's processes as soon as the actor that started them is gone, however it went.

vLLM 0.32.0's engine core does not notice that its parent was killed: it would keep its memory, on a GPU too, from the next engine.
tests/ray/test_engine.py kills one.
"""

import subprocess
import sys
from typing import Any

import psutil


class Guard:
    """Watches over the processes of one `AsyncLLM` until `end`, or until this process is gone."""

    def __init__(self, llm: Any) -> None:
        cores = [psutil.Process(process.pid) for process in llm.engine_core.resources.engine_manager.processes]
        pids = [str(one.pid) for core in cores for one in (core, *core.children(recursive=True))]
        # Not of this process's group, which Ray may end as a whole; the pipe closes with the last process that holds its other end.
        self.process = subprocess.Popen([sys.executable, "-P", __file__, *pids], stdin=subprocess.PIPE, start_new_session=True)

    def end(self) -> None:
        """See that all of them are gone."""
        self.process.communicate()


def main(pids: list[str]) -> None:
    """Wait until standard input ends, then kill the processes that still run."""
    processes: list[psutil.Process] = []
    for pid in pids:
        try:
            processes.append(psutil.Process(int(pid)))
        except psutil.NoSuchProcess:
            continue
    sys.stdin.read()
    for process in processes:  # psutil tells a process from another one that got its pid
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


if __name__ == "__main__":
    main(sys.argv[1:])
