"""Identify a process of this machine by boot, PID namespace, PID and start, so that no other is taken for it.

Not psutil, because its create_time() moves when the clock is set, and its pid_exists() says that a process which /proc
hides (mount option hidepid) is gone. Either would call a living driver dead.
"""

import os
from pathlib import Path


def machine() -> list[str]:
    """This boot of this machine and this PID namespace; empty on a system without /proc."""
    try:
        return [Path("/proc/sys/kernel/random/boot_id").read_text().strip(), str(Path("/proc/self/ns/pid").readlink())]
    except OSError:
        return []


def this_process() -> str:
    """`BOOT NAMESPACE PID START` of this process; empty on a system without /proc."""
    pid = str(os.getpid())
    return " ".join([*machine(), pid, str(started(pid))]) if machine() else ""


def has_ended(process: str) -> bool:
    """Whether the process of `this_process` ran on this machine and is gone; False if that cannot be known."""
    *where, pid, start = process.split(" ") if process else ["", "", ""]
    return where == machine() and started(pid) not in (start, None)


def started(pid: str) -> str | None:
    """When a process started, in ticks since the boot; empty if it is gone or a zombie, None if /proc hides it."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None if _exists(pid) else ""
    return "" if state in "ZX" else fields[18]


def _exists(pid: str) -> bool:
    """Whether the process exists; a signal reaches it even if /proc hides it."""
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        return True
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    return True
