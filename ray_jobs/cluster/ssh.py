"""The system's ssh: a program on one host or on all at once.

Nothing asks: a host that wants a password is a host that cannot be reached, for Ray's launcher too. A new host's key is
accepted once and remembered; a changed key is refused.
"""

import json
import shlex
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ray_jobs.cluster import probe
from ray_jobs.cluster.config import Cluster

Value = TypeVar("Value")
Facts = dict[str, Any]
CONNECT_SECONDS = 10
MARK = "w2s-answer "
UNREACHED = 255
"""The exit code of ssh itself (man ssh)."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a program on a host left."""

    code: int
    out: str
    err: str

    @property
    def why(self) -> str:
        """The last line of its errors."""
        return (self.err.strip().splitlines() or [f"exit code {self.code}"])[-1]


def ssh(cluster: Cluster, host: str, *options: str) -> list[str]:
    """The command that reaches a host."""
    common = ["BatchMode=yes", f"ConnectTimeout={CONNECT_SECONDS}", "StrictHostKeyChecking=accept-new"]
    # A link that is cut is noticed after 30 s.
    common += ["ServerAliveInterval=10", "ServerAliveCountMax=3", "LogLevel=ERROR"]
    key = ["-i", cluster.key, "-o", "IdentitiesOnly=yes"] if cluster.key else []
    return ["ssh", *(word for each in common for word in ("-o", each)), *key, *options, f"{cluster.user}@{host}"]


def run(cluster: Cluster, host: str, command: Sequence[str], stdin: str = "", seconds: float = 120) -> Done:
    """Run a command in bash's login shell of a host."""
    line = f"bash -lc {shlex.quote(shlex.join(command))}"
    try:
        done = subprocess.run(
            [*ssh(cluster, host), line], input=stdin, capture_output=True, text=True, errors="replace", timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return Done(UNREACHED, "", f"no answer in {seconds:.0f} s")
    except FileNotFoundError:
        raise ValueError("there is no ssh here: install it (Debian: apt install openssh-client)") from None
    return Done(done.returncode, done.stdout, done.stderr)


def on_all(hosts: Sequence[str], function: Callable[[str], Value]) -> dict[str, Value]:
    """The function's value for each host, all at once, in the order of hosts."""
    with ThreadPoolExecutor(max(1, min(32, len(hosts)))) as pool:
        return dict(zip(hosts, pool.map(function, hosts), strict=True))


PYTHON = """
for ray in {programs}; do found=$(command -v $ray) && break; done
[ -n "$found" ] || {{ echo "no ray" >&2; exit 127; }}
exec "$(dirname "$found")/python" -
"""
"""Runs the Python beside the host's `ray` on what comes through stdin."""


def ask(cluster: Cluster, host: str, function: Callable[..., Facts], **arguments: Any) -> Facts | Done:
    """What a function of probe.py returns on a host, or how it ended there without a value.

    It runs with the Python beside the host's `ray`: code 127 says that there is none.
    """
    call = f"print({MARK!r} + json.dumps({function.__name__}(**json.loads({json.dumps(arguments)!r}))))"
    source = f"{Path(probe.__file__).read_text()}\nimport json\n{call}\n"
    words = " ".join(_in_home(program) for program in cluster.ray)
    done = run(cluster, host, ["bash", "-c", PYTHON.format(programs=words)], source)
    # A login shell may print lines of its own.
    values = [line.removeprefix(MARK) for line in done.out.splitlines() if line.startswith(MARK)]
    return json.loads(values[-1]) if values else done


def _in_home(program: str) -> str:
    for home in ("~/", "$HOME/", "${HOME}/"):
        if program.startswith(home):
            return f"~/{shlex.quote(program.removeprefix(home))}"
    return shlex.quote(program)
