"""A cluster's file as Ray's launcher reads it, and the parts of it that w2s needs itself: hosts, user, key, port."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DASHBOARD_PORT = 8265


@dataclass(frozen=True, slots=True)
class Cluster:
    """What w2s needs of a cluster's file. `hosts` is empty for a cloud, whose hosts are made when it starts."""

    file: Path
    name: str
    hosts: tuple[str, ...]  # the head first
    user: str
    key: str  # path of the private ssh key; empty: whatever ssh takes by itself
    ray: tuple[str, ...]  # programs called `ray` in the file's commands, in their order
    placeholders: tuple[str, ...]  # values that the user has not filled in

    @property
    def head(self) -> str:
        """The head's host."""
        return self.hosts[0]


def load_cluster(path: str) -> Cluster:
    """Read and check a cluster's file.

    Raises ValueError, naming the file and the field, where the file is not there or lacks what a launch needs.
    """
    import yaml

    file = Path(path)
    if not file.is_file():
        raise ValueError(f"--config {path}: there is no such file; docker/hosts.yaml and cluster.yaml are examples")
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"--config {path} is no YAML: {' '.join(str(error).split())}") from error
    provider = _mapping(path, content, "provider")
    auth = _mapping(path, content, "auth")
    hosts: list[str] = []
    if provider.get("type") == "local":
        head, workers = provider.get("head_ip"), provider.get("worker_ips")
        if not isinstance(head, str) or not isinstance(workers, list) or not all(isinstance(w, str) for w in workers):
            raise ValueError(f"--config {path}: provider needs head_ip, a host, and worker_ips, a list of hosts")
        hosts = [head, *workers]
        if wrong := [host for host in hosts if not host or host.startswith("-") or len(host.split()) != 1]:
            raise ValueError(f"--config {path}: {wrong[0]!r} in provider is no host's name or address")
        if len(set(hosts)) < len(hosts):
            raise ValueError(f"--config {path}: provider names a host twice: {', '.join(hosts)}")
    name = content.get("cluster_name")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise ValueError(f"--config {path}: cluster_name={name!r} must be letters, digits, `_`, `.` and `-`")
    user = auth.get("ssh_user")
    if not isinstance(user, str) or not user or user.startswith("-"):
        raise ValueError(f"--config {path}: auth needs ssh_user, the user on the hosts")
    key = str(Path(str(auth["ssh_private_key"])).expanduser()) if auth.get("ssh_private_key") else ""
    return Cluster(file, name, tuple(hosts), user, key, _programs(content), _placeholders(content))


def _mapping(path: str, content: Any, name: str) -> dict[str, Any]:
    if not isinstance(content, dict) or not isinstance(content.get(name), dict):
        raise ValueError(f"--config {path}: it needs a section `{name}`, as in docker/hosts.yaml or cluster.yaml")
    return content[name]


def _programs(content: dict[str, Any]) -> tuple[str, ...]:
    """The file's own paths of `ray`, which a login shell's PATH need not have, and the bare name at the end."""
    commands = [*(content.get("head_start_ray_commands") or []), *(content.get("worker_start_ray_commands") or [])]
    words = [word for command in commands for word in shlex.split(str(command), comments=True)]
    return tuple(dict.fromkeys([*(word for word in words if word.endswith("/ray")), "ray"]))


def _placeholders(content: Any) -> tuple[str, ...]:
    """Values with ids of zeros or names under .example, which shipped files have until a user fills them in."""
    if isinstance(content, dict):
        return tuple(dict.fromkeys(found for value in content.values() for found in _placeholders(value)))
    if isinstance(content, list):
        return tuple(dict.fromkeys(found for value in content for found in _placeholders(value)))
    text = str(content)
    return (text,) if text.endswith(".example") or ("0" * 12 in text and " " not in text) else ()
