"""The program of the process that runs Math-Verify: one JSON line in, one JSON line out. Started by second_opinion.py.

Its input is hostile text. The kernel kills the process, in C code too, if a request exceeds its limits of memory or
processor time. The process exits at the end of its input, so it does not outlive its parent.
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
    """Answer each request `{"id", "answer", "gold"}` with `{"id", "opinion"}`.

    argv: the limit of memory in bytes, the limit of processor time per request in seconds.
    """
    memory_bytes, cpu_seconds = int(sys.argv[1]), int(sys.argv[2])
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # a library's prints must not become replies
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
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

    # Not its second reading, of plain expressions: sympy's parse_expr evaluates text as code.
    config = [LatexExtractionConfig()]

    def opinion(answer: str, gold: str) -> str:
        try:
            # No timeout of its own: it needs the main thread's SIGALRM and does not interrupt C code.
            unlimited: Any = None
            sides = [
                parse(f"${text}$", config, fallback_mode="no_fallback", parsing_timeout=unlimited)
                for text in (gold, answer)
            ]
            if not all(sides):
                return "undecided"
            return "right" if verify(sides[0], sides[1], timeout_seconds=None) else "wrong"
        except (Exception, RecursionError, MemoryError):  # hostile text can raise anything in the library
            return "undecided"

    return opinion


if __name__ == "__main__":
    main()
