"""docker/hosts.yaml against Ray's schema, and its commands in a shell with a `ray` that prints its arguments."""

import copy
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ray_jobs.resources.presets import PRESETS
from ray_jobs.resources.requests import NODE_LABEL

ROOT = Path(__file__).parents[3]
CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "docker/hosts.yaml").read_text())


def test_it_passes_rays_schema() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = prepare_config(copy.deepcopy(CONFIG))
    validate_config(config)
    assert config["max_workers"] == len(CONFIG["provider"]["worker_ips"])


def shell(command: str, host: str, folder: Path, ray: str) -> subprocess.CompletedProcess[str]:
    """A command as a host runs it, with a `ray` of these lines."""
    programs = {"w2s/.venv/bin/ray": ray, "bin/ray": ray, "bin/hostname": f"echo {shlex.quote(host)}"}
    for name, lines in programs.items():
        (program := folder / name).parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/bash\n{lines}\n")
        program.chmod(0o755)
    environment = {"HOME": str(folder), "PATH": f"{folder}/bin:{os.defpath}", "RAY_HEAD_IP": "10.0.0.1"}
    return subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)


def started(command: str, host: str, folder: Path) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment of the `ray` that a command starts on a host."""
    done = shell(command, host, folder, '[ "$1" = start ] || exit\nprintf "%s\\n" "$@"\necho --\nenv')
    assert done.returncode == 0, done.stderr
    arguments, _, variables = done.stdout.partition("\n--\n")
    return arguments.splitlines(), dict(line.split("=", 1) for line in variables.splitlines() if "=" in line)


@pytest.mark.parametrize(
    ("host", "label"),
    [
        ("training-1.example", PRESETS["cluster-70b"].training_nodes),
        ("training-7", PRESETS["cluster-70b"].training_nodes),
        ("sampling-1.example", PRESETS["cluster-70b"].sampling_nodes),
        ("gpu-3", PRESETS["cluster-70b"].sampling_nodes),
    ],
)
def test_a_worker_gets_the_label_of_its_host(host: str, label: str, tmp_path: Path) -> None:
    arguments, variables = started(CONFIG["worker_start_ray_commands"][-1], host, tmp_path)
    assert f"--labels={NODE_LABEL}={label}" in arguments and "--address=10.0.0.1:6379" in arguments
    assert variables["RAY_AUTH_MODE"] == "token" and variables["W2S_CACHE"].startswith(str(tmp_path))


def test_the_head_listens_for_the_tunnel_only_and_starts_all_workers(tmp_path: Path) -> None:
    arguments, variables = started(CONFIG["head_start_ray_commands"][-1], "head", tmp_path)
    assert {"--head", "--dashboard-host=127.0.0.1"} <= set(arguments)
    assert variables["RAY_enable_autoscaler_v2"] == "0" and variables["RAY_AUTH_MODE"] == "token"


@pytest.mark.parametrize("file", ["docker/hosts.yaml", "cluster.yaml"])
@pytest.mark.parametrize("kind", ["head", "worker"])
def test_a_raylet_waits_for_no_port_that_its_agents_choose(kind: str, file: str) -> None:
    command = yaml.safe_load((ROOT / file).read_text())[f"{kind}_start_ray_commands"][-1]
    agents = "dashboard-agent-listen", "dashboard-agent-grpc", "metrics-export", "runtime-env-agent"
    ports = [re.search(rf"--{agent}-port=([1-9]\d+)", command) for agent in agents]
    assert all(ports) and len({port[1] for port in ports if port}) == len(agents), command


@pytest.mark.parametrize("file", ["docker/hosts.yaml", "cluster.yaml"])
@pytest.mark.parametrize("kind", ["head", "worker"])
@pytest.mark.parametrize(("failures", "attempts", "code"), [(0, 1, 0), (2, 3, 0), (9, 3, 1)])
def test_ray_is_started_again_where_its_raylet_dies(
    failures: int, attempts: int, code: int, kind: str, file: str, tmp_path: Path
) -> None:
    """Ray 2.60.0 gives the agents of a raylet 15 s to start; seen on busy hosts. The launcher updates a host of a local
    provider only once: from then on it shows the host as pending, "uninitialized"."""
    (command,) = yaml.safe_load((ROOT / file).read_text())[f"{kind}_start_ray_commands"]
    lines = f"echo $1 >>$HOME/calls\n[ $1 = stop ] || [ $(grep -c start $HOME/calls) -gt {failures} ]"
    done = shell(command, "sampling-1", tmp_path, lines)
    assert (tmp_path / "calls").read_text().split() == ["stop", "start"] * attempts and done.returncode == code, done


def test_the_token_is_made_private_on_every_host(tmp_path: Path) -> None:
    (tmp_path / ".ray").mkdir()
    (token := tmp_path / ".ray/auth_token").write_text("x")
    token.chmod(0o644)
    for command in CONFIG["setup_commands"]:
        subprocess.run(["bash", "-c", command], env={"HOME": str(tmp_path), "PATH": os.defpath}, check=True)
    assert token.stat().st_mode & 0o777 == 0o600 and (tmp_path / "w2s-disk/spill").is_dir()
