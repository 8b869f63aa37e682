"""The program of the process in which Math-Verify runs: one JSON line in, one JSON line out. Started by second_opinion.py.

What it is given is hostile. The kernel ends it where a request takes more memory or processor time than its limits, inside C code too; it
ends by itself where its input does, which is when its parent has gone.
"""

# math-verify comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any


def main() -> None:
    """Answers requests `{"id", "answer", "gold"}` with `{"id", "opinion"}`; argv: bytes of memory, seconds of processor time a request."""
    memory_bytes, cpu_seconds = int(sys.argv[1]), int(sys.argv[2])
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # whatever a library prints is no reply
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's matter
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    opinion = _math_verify()
    opinion("1", "1")  # builds the parser's tables
    print(json.dumps({"id": 0}), file=replies, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        used = resource.getrusage(resource.RUSAGE_SELF)
        limit = int(used.ru_utime + used.ru_stime) + 1 + cpu_seconds
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
        reply = {"id": request["id"], "opinion": opinion(request["answer"], request["gold"])}
        print(json.dumps(reply), file=replies, flush=True)


def _math_verify() -> Callable[[str, str], str]:
    from math_verify import LatexExtractionConfig, parse, verify

    # Its other reading, of plain expressions, goes through sympy's parse_expr, which evaluates text.
    config = [LatexExtractionConfig()]

    def opinion(answer: str, gold: str) -> str:
        try:
            # Its own timeouts need the main thread's SIGALRM and do not end C code.
            unlimited: Any = None
            sides = [
                parse(f"${text}$", config, fallback_mode="no_fallback", parsing_timeout=unlimited)
                for text in (gold, answer)
            ]
            if not all(sides):
                return "undecided"
            return "right" if verify(sides[0], sides[1], timeout_seconds=None) else "wrong"
        except (Exception, RecursionError, MemoryError):  # of a library over hostile text: any of them is no opinion
            return "undecided"

    return opinion


if __name__ == "__main__":
    main()
