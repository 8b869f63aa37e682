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


def started(command: str, host: str, folder: Path) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment of the `ray` that a command starts on a host."""
    programs = folder / "w2s/.venv/bin"
    programs.mkdir(parents=True, exist_ok=True)
    (programs / "ray").write_text('#!/bin/bash\nprintf "%s\\n" "$@"\necho --\nenv\n')
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin/hostname").write_text(f"#!/bin/bash\necho {shlex.quote(host)}\n")
    for program in (programs / "ray", folder / "bin/hostname"):
        program.chmod(0o755)
    environment = {"HOME": str(folder), "PATH": f"{folder}/bin:{os.defpath}", "RAY_HEAD_IP": "10.0.0.1"}
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=True)
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
def test_a_raylet_does_not_wait_for_the_ports_of_its_agents(kind: str, file: str) -> None:
    """Ray 2.60.0 gives them 15 s to choose a port and then dies; seen where their imports took longer."""
    command = yaml.safe_load((ROOT / file).read_text())[f"{kind}_start_ray_commands"][-1]
    agents = "dashboard-agent-listen", "dashboard-agent-grpc", "metrics-export", "runtime-env-agent"
    ports = [re.search(rf"--{agent}-port=([1-9]\d+)", command) for agent in agents]
    assert all(ports) and len({port[1] for port in ports if port}) == len(agents), command


def test_the_token_is_made_private_on_every_host(tmp_path: Path) -> None:
    (tmp_path / ".ray").mkdir()
    (token := tmp_path / ".ray/auth_token").write_text("x")
    token.chmod(0o644)
    for command in CONFIG["setup_commands"]:
        subprocess.run(["bash", "-c", command], env={"HOME": str(tmp_path), "PATH": os.defpath}, check=True)
    assert token.stat().st_mode & 0o777 == 0o600 and (tmp_path / "w2s-disk/spill").is_dir()
