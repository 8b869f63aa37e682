"""Math-Verify's opinion on an answer against gold, from a process of its own that a deadline and kernel limits end.

Works on any thread and in any process: the worker process belongs to the process that first asks, is used by one thread at a time,
and is replaced when it had to be ended. Text crosses as JSON lines.
"""

import atexit
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from functools import lru_cache
from pathlib import Path
from typing import Literal, cast

from w2s.answers.types import MAX_ANSWER_CHARS

Opinion = Literal["right", "wrong", "undecided", ""]
"""Of the second grader; `undecided` where it reads one side as nothing, fails or runs over a limit, '' where it was not asked."""

MEMORY_BYTES = 1 << 30
CPU_SECONDS = 3
"""Of processor time for one pair. Wall time has a limit only against a process that waits for ever: a verdict should not depend on
how busy the machine is."""
WALL_SECONDS = 60.0
START_SECONDS = 300.0
_MAX_REPLY_BYTES = 4096


@lru_cache(maxsize=1 << 16)
def math_verify(answer: str, gold: str) -> Opinion:
    """Whether Math-Verify 0.9.0 takes `answer` for `gold`, both LaTeX without a marker. Never raises on any text.

    Raises RuntimeError where the worker process cannot be started, as without the package.
    """
    if max(len(answer), len(gold)) > MAX_ANSWER_CHARS:
        return "undecided"
    return _shared.ask(answer, gold)


class Worker:
    """The process, started when it is first needed and after each end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._requests = 0
        self.ended = 0
        """Processes that a limit or a crash ended."""

    def ask(self, answer: str, gold: str) -> Opinion:
        """One opinion; `undecided` where the process has to be ended."""
        with self._lock:
            try:
                if self._process is None:
                    self._process = _start()
                self._requests += 1
                reply = _exchange(self._process, {"id": self._requests, "answer": answer, "gold": gold}, WALL_SECONDS)
            except BaseException:  # also Ctrl-C: its reply would be taken for that of the next request
                self._end()
                raise
            if reply is None:
                self._end()
                self.ended += 1
                return "undecided"
            assert reply["id"] == self._requests, reply
            return cast(Opinion, reply["opinion"])

    def close(self) -> None:
        """Ends the process."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _start() -> subprocess.Popen[bytes]:
    program = Path(__file__).with_name("process.py")
    # -P: the program's folder has modules whose names are others' too.
    command = [sys.executable, "-P", str(program), str(MEMORY_BYTES), str(CPU_SECONDS)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if _exchange(process, None, START_SECONDS) is None:
        process.kill()
        process.communicate()
        raise RuntimeError(
            f"Math-Verify's process ended or was silent for {START_SECONDS:.0f} s: see what `{' '.join(command)}` prints"
        )
    return process


def _exchange(
    process: subprocess.Popen[bytes], request: dict[str, str | int] | None, seconds: float
) -> dict[str, str | int] | None:
    """Writes a request and reads one line; None where the process ended or `seconds` passed."""
    assert process.stdin is not None and process.stdout is not None
    deadline = time.monotonic() + seconds
    try:
        if request is not None:
            process.stdin.write(json.dumps(request).encode("ascii") + b"\n")
            process.stdin.flush()
    except BrokenPipeError:
        return None
    line = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return None
            part = os.read(process.stdout.fileno(), _MAX_REPLY_BYTES)
            line += part
            if not part or len(line) > _MAX_REPLY_BYTES:
                return None
    return json.loads(line)


_shared = Worker()


def _forget() -> None:
    """In a forked child the worker is the parent's."""
    global _shared
    _shared = Worker()


os.register_at_fork(after_in_child=_forget)
atexit.register(lambda: _shared.close())
