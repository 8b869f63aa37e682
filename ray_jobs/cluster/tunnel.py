"""The way to a cluster's job server: an ssh tunnel from a free loopback port to the head's 127.0.0.1:8265."""

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

from ray_jobs.cluster.config import DASHBOARD_PORT, Cluster
from ray_jobs.cluster.ssh import ssh

OPEN_SECONDS = 60.0
"""A cloud's proxy (`ray dashboard`) starts a session first."""


class Tunnel:
    """Open inside a `with` block from the first `url()` on, and opened again by `url()` where it has broken."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.opened = 0
        self._port = _free_port()
        self._process: subprocess.Popen[str] | None = None

    def __str__(self) -> str:
        return f"{self.cluster.head if self.cluster.hosts else self.cluster.file}, through ssh"

    def url(self) -> str:
        """The job server's address on this machine.

        Raises OSError with ssh's last line where the tunnel cannot be opened.
        """
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._open()
        return f"http://127.0.0.1:{self._port}"

    def close(self) -> None:
        """End ssh."""
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
            self._process.kill()
            self._process.communicate()
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> None:
        # A session of its own: Ctrl-C at the terminal must not end the tunnel before `w2s` has said its last line.
        self._process = subprocess.Popen(
            self._command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        end = time.monotonic() + OPEN_SECONDS
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > end:
                process, self._process = self._process, None
                process.kill()
                lines = process.communicate()[1].strip().splitlines()
                raise OSError(f"no ssh tunnel to {self}: {lines[-1] if lines else f'nothing in {OPEN_SECONDS:.0f} s'}")
            time.sleep(0.05)
        self.opened += 1
        print(
            f"w2s: {'opened' if self.opened == 1 else 'opened again'} a tunnel from 127.0.0.1:{self._port} to port "
            f"{DASHBOARD_PORT} of {self}; it closes with this command",
            file=sys.stderr,
        )

    def _command(self) -> list[str]:
        forward = ["-N", "-L", f"127.0.0.1:{self._port}:127.0.0.1:{DASHBOARD_PORT}", "-o", "ExitOnForwardFailure=yes"]
        if self.cluster.hosts:
            return ssh(self.cluster, self.cluster.head, *forward)
        # Only Ray's launcher knows the address of a cloud's head and the proxy before it.
        return [ray_program(), "dashboard", "--port", str(self._port), str(self.cluster.file)]

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


def ray_program() -> str:
    """The `ray` beside this Python, whether or not it is on PATH."""
    beside = Path(sys.executable).with_name("ray")
    return str(beside) if os.access(beside, os.X_OK) else "ray"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
