"""A process that ends an engine's processes as soon as the actor that started them is gone, however the actor ended.

vLLM 0.32.0's engine core does not notice that its parent was killed, so it would keep its memory, on a GPU too, from
the next engine. Ray's process groups (RAY_process_group_cleanup_enabled, 2.60.0) end it after a killed actor, but not
after a killed driver: the raylet that would end the group dies too, and engine core and worker were still there after
40 s. tests/ray/sampling/test_engine.py kills the parent of a running and of a starting engine.
"""

import os
import select
import subprocess
import sys
import time
from contextlib import suppress
from multiprocessing import resource_tracker

import psutil

LOOK_SECONDS = 0.2
"""Between looks at the actor's children. A core that is younger when the actor is killed is missed; it ends by itself
and has loaded nothing till then: vLLM 0.32.0's waits five minutes for a first word of its parent
(HANDSHAKE_TIMEOUT_MINS)."""
GONE_SECONDS = 60
"""Longest wait for a killed process; a process that needs longer hangs in a device driver."""


class Guard:
    """Watches over what this process starts from here to `started`, and over all below that, until `end` or until this
    process is gone."""

    def __init__(self) -> None:
        # Python's resource tracker serves this process and all that it starts; else the engine would start it.
        resource_tracker.ensure_running()
        # In a session of its own, because Ray may end this process's group as a whole.
        command = [sys.executable, "-P", __file__, str(os.getpid())]
        self.process = subprocess.Popen(
            command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        assert self.process.stdin and self.process.stdout
        self._stdin, self._stdout = self.process.stdin, self.process.stdout
        self._looked()

    def started(self) -> None:
        """The engine's processes are running: later children of this process do not belong to the engine."""
        self._stdin.write(b"+")
        self._looked()

    def end(self) -> None:
        """Kill the engine's processes and wait until they are gone; a second call does nothing."""
        self._stdin.close()
        self.process.wait()
        self._stdout.close()

    def _looked(self) -> None:
        """Wait until the guard has listed the processes."""
        if not self._stdout.read(1):
            raise RuntimeError("the guard of an engine's processes has ended: the reason is in the log")


def main(parent: psutil.Process) -> None:
    """Watch until the parent closes standard input or is gone, then kill the processes seen under it."""
    if os.getppid() != parent.pid:  # it is gone already, and the children of another process are not the engine's
        return
    others = set(parent.children())  # this process is one
    os.write(1, b"+")
    seen, looking, closed = set[psutil.Process](), True, False
    while not closed and os.getppid() == parent.pid:  # a pipe that a forked process has inherited does not close
        told, _, _ = select.select([0], [], [], LOOK_SECONDS)
        closed = bool(told) and not os.read(0, 1)
        if looking:
            with suppress(psutil.NoSuchProcess):
                seen |= set(parent.children()) - others
            seen = _with_descendants(seen)
        if told and not closed:
            looking = False
            os.write(1, b"+")
    _kill(seen)


def _kill(processes: set[psutil.Process]) -> None:
    """Kill them and all below them, and wait until they are gone."""
    end = time.monotonic() + GONE_SECONDS
    while running := {process for process in processes if _runs(process)}:
        if time.monotonic() > end:
            sys.exit(f"killed {GONE_SECONDS} s ago and still there: {running}")
        processes = _with_descendants(running)
        for process in processes:
            with suppress(psutil.NoSuchProcess):  # psutil recognizes a pid that another process has got since
                process.kill()
        time.sleep(0.05)


def _with_descendants(processes: set[psutil.Process]) -> set[psutil.Process]:
    descendants = set(processes)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            descendants.update(process.children(recursive=True))
    return descendants


def _runs(process: psutil.Process) -> bool:
    """Whether a process has not ended; a zombie has, though nobody may ever ask for its exit code (so
    `psutil.wait_procs` would wait)."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    main(psutil.Process(int(sys.argv[1])))
