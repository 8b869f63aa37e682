"""Math-Verify's opinion on an answer against gold, from a separate process with a deadline and kernel limits.

Safe on any thread and in any process: each process that asks starts its own worker, one thread uses it at a time, and a
killed worker is replaced. Requests and replies are JSON lines.
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
"""Of Math-Verify; `undecided` if it cannot read one side, fails or exceeds a limit; '' if it was not asked."""

MEMORY_BYTES = 1 << 30
CPU_SECONDS = 3
"""Processor time for one pair."""
WALL_SECONDS = 60.0
"""Only against a process that hangs, because a verdict must not depend on how busy the machine is."""
START_SECONDS = 300.0
_MAX_REPLY_BYTES = 4096


@lru_cache(maxsize=1 << 16)
def math_verify(answer: str, gold: str) -> Opinion:
    """Whether Math-Verify 0.9.0 accepts `answer` for `gold`, both LaTeX without a marker. Never raises on a text.

    Raises RuntimeError if the worker process cannot start, for example without the package.
    """
    if max(len(answer), len(gold)) > MAX_ANSWER_CHARS:
        return "undecided"
    return _shared.ask(answer, gold)


class Worker:
    """The worker process, started at the first request and again after each kill."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._requests = 0
        self.ended = 0
        """Number of processes that exceeded a limit or crashed."""

    def ask(self, answer: str, gold: str) -> Opinion:
        """One opinion; `undecided` if the process exceeds a limit or crashes."""
        with self._lock:
            try:
                if self._process is None:
                    self._process = _start()
                self._requests += 1
                reply = _exchange(self._process, {"id": self._requests, "answer": answer, "gold": gold}, WALL_SECONDS)
            except BaseException:  # Ctrl-C too: the late reply would answer the next request
                self._end()
                raise
            if reply is None:
                self._end()
                self.ended += 1
                return "undecided"
            assert reply["id"] == self._requests, reply
            return cast(Opinion, reply["opinion"])

    def close(self) -> None:
        """Kill the process."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _start() -> subprocess.Popen[bytes]:
    program = Path(__file__).with_name("process.py")
    # -P keeps the program's folder off sys.path, where its modules could shadow others.
    command = [sys.executable, "-P", str(program), str(MEMORY_BYTES), str(CPU_SECONDS)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if _exchange(process, None, START_SECONDS) is None:
        process.kill()
        process.communicate()
        raise RuntimeError(
            f"Math-Verify's process exited or did not start within {START_SECONDS:.0f} s: "
            f"run `{' '.join(command)}` to see its error"
        )
    return process


def _exchange(
    process: subprocess.Popen[bytes], request: dict[str, str | int] | None, seconds: float
) -> dict[str, str | int] | None:
    """Write a request and read one line; None if the process exits or `seconds` pass."""
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
    """A forked child starts its own worker, because the inherited one belongs to the parent."""
    global _shared
    _shared = Worker()


os.register_at_fork(after_in_child=_forget)
atexit.register(lambda: _shared.close())
