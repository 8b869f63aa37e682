"""What one host is and has. The text of this file runs on each host (ssh.py), so it imports Python's library only."""

import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

SELF_ENDING_SECONDS = 20.0
"""Engines and training workers end by themselves once their Ray is gone (ray_jobs/sampling/guard.py)."""


def probe(packages: list[str], peers: list[str], store: str, environment: dict[str, str]) -> dict[str, Any]:
    """Facts about this host: see ray_jobs/cluster/checks.py for what they mean."""
    home, token = Path.home(), Path.home() / ".ray/auth_token"
    return {
        "clock": time.time(),
        "python": platform.python_version(),
        "packages": {name: found for name in packages if (found := _version(name))},
        "rsync": shutil.which("rsync") is not None,
        "token_mode": token.stat().st_mode & 0o777 if token.is_file() else None,
        "disks": {str(path): _disk(path) for path in (home, Path("/tmp"))},  # noqa: S108  Ray's own folder
        "shared_memory": shutil.disk_usage("/dev/shm").free,  # noqa: S108
        "ray": ray_processes(),
        "unreached": [peer for peer in peers if not _reaches(peer)],
        "store": _store(store, environment) if store else None,
    }


def ray_state() -> dict[str, Any]:
    """Only what runs."""
    return {"ray": ray_processes()}


def stop() -> dict[str, Any]:
    """Stop all of Ray that this user runs here, and say which processes are left after all.

    What `ray stop` does not know (a job's driver, an engine) gets SELF_ENDING_SECONDS to end by itself, then SIGKILL.
    """
    before, ray = ray_processes(), Path(sys.executable).with_name("ray")
    subprocess.run([ray, "stop", "--force"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=100)
    end = time.monotonic() + SELF_ENDING_SECONDS
    while (left := ray_processes()) and time.monotonic() < end:
        time.sleep(0.2)
    for pid in left:
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            continue
    time.sleep(1 if left else 0)
    return {"before": len(before), "killed": list(left.values()), "left": ray_processes()}


def ray_processes(proc: Path = Path("/proc")) -> dict[str, str]:
    """This user's processes of Ray by pid: its own programs, its workers, and whatever a job started."""
    found: dict[str, str] = {}
    for folder in proc.glob("[0-9]*"):
        try:
            if folder.stat().st_uid != os.getuid() or int(folder.name) in (os.getpid(), os.getppid()):
                continue
            words = folder.joinpath("cmdline").read_bytes().decode(errors="replace").split("\0")
            variables = folder.joinpath("environ").read_bytes().split(b"\0")
        except OSError:  # it has ended, or it is root's
            continue
        mine = words[0].startswith(("ray::", "ray-dashboard")) or any("/ray/core/src/ray/" in word for word in words)
        mine = mine or any("/site-packages/ray/" in word and word.endswith(".py") for word in words[:4])
        mine = mine or (words[1:2] == ["-m"] and words[2].startswith("ray."))
        if mine or any(each.startswith((b"RAY_RAYLET_PID=", b"RAY_JOB_ID=")) for each in variables):
            found[folder.name] = " ".join(Path(word).name if word.startswith("/") else word for word in words)[:70]
    return found


def _version(name: str) -> str:
    for package in (name, f"{name}-cpu"):
        try:
            return version(package)
        except PackageNotFoundError:
            continue
    return ""


def _disk(path: Path) -> dict[str, float]:
    usage = shutil.disk_usage(path)
    return {"free": usage.free, "used_share": 1 - usage.free / usage.total}


def _reaches(peer: str) -> bool:
    try:
        socket.create_connection((peer, 22), timeout=5).close()
        return True
    except OSError:
        return False


def _store(url: str, environment: dict[str, str]) -> str:
    """Empty, or why w2s on this host cannot write the store; in a process, because s3fs keeps threads."""
    code = (
        "import sys; from w2s.store.store import Store; from w2s.store.objects.probes import check_writable; "
        "check_writable(Store.at(sys.argv[1]).objects)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, url],
        env={**environment, **os.environ},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    return (done.stderr.strip().splitlines() or ["it failed"])[-1] if done.returncode else ""
