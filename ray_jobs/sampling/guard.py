"""A process that ends an engine's processes as soon as the actor that started them is gone, however it went.

vLLM 0.32.0's engine core does not notice that its parent was killed: it would keep its memory, on a GPU too, from the
next engine. tests/ray/sampling/test_engine.py kills the parent of one that runs and of one that is starting.
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
"""In which a killed process is gone; one that is not hangs in a driver."""


class Guard:
    """Watches over what this process starts from here to `started`, and over all below that, until `end` or until this
    process is gone."""

    def __init__(self) -> None:
        resource_tracker.ensure_running()  # of this process and all it starts; else the engine would be the first to start it
        # Not of this process's group, which Ray may end as a whole.
        command = [sys.executable, "-P", __file__, str(os.getpid())]
        self.process = subprocess.Popen(
            command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        assert self.process.stdin and self.process.stdout
        self._stdin, self._stdout = self.process.stdin, self.process.stdout
        self._looked()

    def started(self) -> None:
        """The engine's processes are there: what this process starts from now on is none of them."""
        self._stdin.write(b"+")
        self._looked()

    def end(self) -> None:
        """See that all of them are gone; may be called again."""
        self._stdin.close()
        self.process.wait()
        self._stdout.close()

    def _looked(self) -> None:
        """Wait until the guard has looked which processes there are."""
        if not self._stdout.read(1):
            raise RuntimeError("the guard of an engine's processes has ended: why is in the log")


def main(parent: psutil.Process) -> None:
    """Watch until the parent closes standard input or is gone, then kill what was seen."""
    if os.getppid() != parent.pid:  # it was gone already: those of another parent are not ours
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
    while running := {one for one in processes if _runs(one)}:
        if time.monotonic() > end:
            sys.exit(f"killed {GONE_SECONDS} s ago and still there: {running}")
        processes = _with_descendants(running)
        for one in processes:
            with suppress(psutil.NoSuchProcess):  # psutil tells a process from another one that got its pid
                one.kill()
        time.sleep(0.05)


def _with_descendants(processes: set[psutil.Process]) -> set[psutil.Process]:
    found = set(processes)
    for one in processes:
        with suppress(psutil.NoSuchProcess):
            found.update(one.children(recursive=True))
    return found


def _runs(process: psutil.Process) -> bool:
    """Whether a process has not ended; a zombie has, though nobody may ever ask for its exit code (so
    `psutil.wait_procs` would wait)."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    main(psutil.Process(int(sys.argv[1])))
