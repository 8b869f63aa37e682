"""Processes of this machine, known so that none is taken for another: by boot, PID namespace, PID and start."""

import os
from pathlib import Path


def machine() -> list[str]:
    """This boot of this machine and this PID namespace; empty without /proc."""
    try:
        return [Path("/proc/sys/kernel/random/boot_id").read_text().strip(), str(Path("/proc/self/ns/pid").readlink())]
    except OSError:
        return []


def started(pid: str) -> str | None:
    """When a process started, in the kernel's ticks; empty where it is gone, or dead and not waited for; None where it is not shown."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None if _runs(pid) else ""
    return "" if state in "ZX" else fields[18]


def _runs(pid: str) -> bool:
    """Whether there is a process, also where /proc hides those of other users (its mount option `hidepid`)."""
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        return True
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    return True
