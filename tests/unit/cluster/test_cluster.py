"""A cluster's file, what a host's facts mean, and what is Ray's among processes; hosts are in tests/cluster."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from ray_jobs.cluster import probe, ssh
from ray_jobs.cluster.checks import check_here, judge, table
from ray_jobs.cluster.config import load_cluster
from ray_jobs.cluster.ssh import Done, ask
from ray_jobs.cluster.tunnel import Tunnel
from ray_jobs.runtime.versions import versions
from tests.conftest import ROOT

HOSTS: dict[str, Any] = {
    "cluster_name": "c",
    "provider": {"type": "local", "head_ip": "a", "worker_ips": ["b"]},
    "auth": {"ssh_user": "me"},
    "head_start_ray_commands": ["~/x/bin/ray stop", "A=1 $HOME/y/ray start --head # /no/ray"],
}


def written(folder: Path, **changes: Any) -> str:
    (folder / "c.yaml").write_text(yaml.safe_dump(HOSTS | changes))
    return str(folder / "c.yaml")


def test_a_file_says_hosts_user_key_and_where_ray_is(tmp_path: Path) -> None:
    cluster = load_cluster(written(tmp_path, auth={"ssh_user": "me", "ssh_private_key": "~/k"}))
    assert (cluster.hosts, cluster.head, cluster.user) == (("a", "b"), "a", "me")
    assert cluster.key == str(Path("~/k").expanduser())
    assert cluster.ray == ("~/x/bin/ray", "$HOME/y/ray", "ray")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"cluster_name": "../../etc/x"}, "cluster_name"),
        ({"cluster_name": None}, "cluster_name"),
        ({"provider": None}, "section `provider`"),
        ({"auth": []}, "section `auth`"),
        ({"auth": {}}, "ssh_user"),
        ({"auth": {"ssh_user": "-oProxyCommand=x"}}, "ssh_user"),
        ({"provider": {"type": "local"}}, "head_ip, a host, and worker_ips"),
        ({"provider": {"type": "local", "head_ip": "a", "worker_ips": "b"}}, "head_ip, a host, and worker_ips"),
        ({"provider": {"type": "local", "head_ip": "a", "worker_ips": [1]}}, "head_ip, a host, and worker_ips"),
        ({"provider": {"type": "local", "head_ip": "-oX", "worker_ips": []}}, "no host's name"),
        ({"provider": {"type": "local", "head_ip": "a", "worker_ips": ["b c"]}}, "no host's name"),
        ({"provider": {"type": "local", "head_ip": "a", "worker_ips": ["a"]}}, "names a host twice"),
    ],
)
def test_a_wrong_file_is_refused_by_its_field(changes: dict[str, Any], rule: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rule):
        load_cluster(written(tmp_path, **changes))


@pytest.mark.parametrize("text", ["a: [", "", "- 1", "!!python/object/apply:os.system ['true']"])
def test_what_is_no_such_file_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"no YAML|section `provider`"):
        load_cluster(str(tmp_path / "c.yaml"))
    with pytest.raises(ValueError, match="no such file"):
        load_cluster(str(tmp_path / "d.yaml"))


@pytest.mark.parametrize(("file", "hosts", "says"), [("docker/hosts.yaml", 3, "head"), ("cluster.yaml", 0, "ami-")])
def test_a_shipped_file_must_be_filled_in(file: str, hosts: int, says: str) -> None:
    cluster = load_cluster(str(ROOT / file))
    assert len(cluster.hosts) == hosts
    (row,) = [row for row in check_here(cluster, "") if row.check == "file"]
    assert not row.ok and "fill in" in row.text and says in row.text


@pytest.mark.parametrize(
    ("mode", "ok", "says"), [(0o600, True, "only you"), (0o644, False, "chmod 600"), (0, False, "make a")]
)
def test_the_token_here_is_there_and_private(
    mode: int, ok: bool, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    if mode:
        (tmp_path / ".ray").mkdir()
        (token := tmp_path / ".ray/auth_token").write_text("x")
        token.chmod(mode)
    (row,) = [row for row in check_here(load_cluster(written(tmp_path)), "") if row.check == "token"]
    assert row.ok is ok and says in row.text


def test_a_key_that_is_not_here_is_said(tmp_path: Path) -> None:
    cluster = load_cluster(written(tmp_path, auth={"ssh_user": "me", "ssh_private_key": f"{tmp_path}/k"}))
    (row,) = [row for row in check_here(cluster, "") if row.check == "ssh key"]
    assert not row.ok and "ssh-keygen" in row.text


GIB = 1 << 30
PACKAGES = {"ray": versions()["ray"], "torch": "2", "vllm": "1", "deepspeed": "1", "trl": "1", "peft": "1"}
GOOD: dict[str, Any] = {
    "clock": 0.0,
    "python": "3.11.7",
    "packages": PACKAGES,
    "rsync": True,
    "token_mode": 0o600,
    "disks": {"/home/me": {"free": 50 * GIB, "used_share": 0.5}},
    "shared_memory": 8 * GIB,
    "ray": {},
    "unreached": [],
    "store": "",
}
FULL = {"/tmp": {"free": 90 * GIB, "used_share": 0.96}}


@pytest.mark.parametrize(
    ("change", "skew", "failed", "says"),
    [
        ({}, 0, None, ""),
        ({"token_mode": None}, 4.9, None, ""),
        ({"store": None}, 0, None, ""),
        ({"rsync": False}, 0, "rsync", "apt install rsync"),
        ({"token_mode": 0o640}, 0, "token", "0640"),
        ({}, 42, "clock", "42 s off"),
        ({"python": "3.12.1"}, 0, "versions", "python 3.12.1, on the head 3.11.7"),
        ({"packages": PACKAGES | {"torch": "3"}}, 0, "versions", "torch 3, on the head 2"),
        ({"packages": {k: v for k, v in PACKAGES.items() if k != "trl"}}, 0, "versions", "trl is missing"),
        ({"packages": PACKAGES | {"accelerate": "1"}}, 0, "versions", "accelerate 1, on the head missing"),
        ({"packages": PACKAGES | {"ray": "2.1.0"}}, 0, "ray", "2.1.0, here"),
        ({"disks": FULL}, 0, "disk", "/tmp: 90 GiB free, at least"),
        ({"disks": {"/home/me": {"free": GIB, "used_share": 0.1}}}, 0, "disk", "1 GiB free, at least 5 GiB"),
        ({"shared_memory": GIB // 16}, 0, "shared memory", "0.1 GiB free, at least 1"),
        ({"unreached": ["b", "c"]}, 0, "workers", "b, c"),
        ({"store": "ValueError: no"}, 0, "store", "ValueError: no"),
    ],
)  # fmt: skip
def test_what_a_hosts_facts_mean(change: dict[str, Any], skew: float, failed: str | None, says: str) -> None:
    rows = list(judge("a", GOOD | change, skew, {"python": "3.11.7", **PACKAGES}))
    wrong = [row for row in rows if not row.ok]
    assert {row.check for row in wrong} - {"versions"} | ({"versions"} if failed == "versions" else set()) == (
        {failed} if failed else set()
    )
    assert not failed or any(says in row.text for row in wrong)
    assert all(line.startswith("FAIL") or line.startswith("ok") for line in table(rows))


@pytest.mark.parametrize(
    ("done", "check", "says"),
    [
        (Done(255, "", "x\nssh: no route to host\n"), "ssh", "no route to host"),
        (Done(127, "", "no ray\n"), "ray", "make setup"),
        (Done(1, "", "SyntaxError: x\n"), "python", "SyntaxError: x"),
    ],
)
def test_a_host_without_an_answer_fails(done: Done, check: str, says: str) -> None:
    (wrong,) = [row for row in judge("a", done, 0, {}) if not row.ok]
    assert wrong.check == check and says in wrong.text


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file whose hosts are this machine, through an `ssh` that runs its last argument in a shell."""
    (tmp_path / "bin").mkdir()
    (fake := tmp_path / "bin/ssh").write_text('#!/bin/bash\necho welcome\nexec bash -c "${@: -1}"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    ray = Path(sys.executable).with_name("ray")
    return written(tmp_path, head_start_ray_commands=[f"{ray} start --head"])


@pytest.mark.slow
def test_a_probe_is_answered_whatever_the_login_shell_says(here: str) -> None:
    found = ask(
        load_cluster(here), "a", probe.probe, packages=["ray", "no-such"], peers=["256.0.0.1"], store="", environment={}
    )
    assert not isinstance(found, Done), found
    assert found["packages"] == {"ray": versions()["ray"]} and found["unreached"] == ["256.0.0.1"]
    assert abs(found["clock"] - time.time()) < 60 and found["store"] is None
    json.dumps(found)


@pytest.mark.slow
def test_a_store_that_a_host_cannot_write_is_said(here: str, tmp_path: Path) -> None:
    for store, says in ((f"{tmp_path}/s", ""), ("/proc/no/store", "cannot be written")):
        found = ask(load_cluster(here), "a", probe.probe, packages=[], peers=[], store=store, environment={})
        assert not isinstance(found, Done) and says in found["store"] and bool(says) == bool(found["store"]), found


def test_without_ray_a_host_says_so(here: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.defpath}")
    lost = load_cluster(written(tmp_path, head_start_ray_commands=["~/none/ray start"]))
    done = ask(lost, "a", probe.ray_state)
    assert isinstance(done, Done) and done.code == 127 and done.why == "no ray"


@pytest.mark.parametrize(
    ("words", "variables", "mine"),
    [
        (["/x/site-packages/ray/core/src/ray/gcs/gcs_server", "--log"], {}, True),
        (["python", "/x/site-packages/ray/dashboard/agent.py"], {}, True),
        (["python", "-m", "ray.util.client.server"], {}, True),
        (["ray::SomeActor"], {}, True),
        (["VLLM::EngineCore"], {"RAY_JOB_ID": "01"}, True),
        (["python", "mine.py", "/x/site-packages/ray/core"], {}, False),
        (["python", "-m", "raytracer"], {}, False),
        (["vi", "raylet.cc"], {"RAY_ADDRESS": "x"}, False),
    ],
)
def test_which_processes_are_rays(words: list[str], variables: dict[str, str], mine: bool, tmp_path: Path) -> None:
    (process := tmp_path / "1234567").mkdir()
    (process / "cmdline").write_text("\0".join([*words, ""]))
    (process / "environ").write_text("\0".join(f"{name}={value}" for name, value in variables.items()))
    assert list(probe.ray_processes(tmp_path)) == (["1234567"] if mine else [])


def test_a_tunnel_that_cannot_open_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ssh").write_text("#!/bin/bash\necho Permission denied >&2\nexit 255\n")
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with (
        Tunnel(load_cluster(written(tmp_path))) as tunnel,
        pytest.raises(OSError, match="through ssh: Perm"),
    ):
        tunnel.url()


FORWARD = """#!{python}
import socket, sys, time
port = int(sys.argv[sys.argv.index("-L") + 1].split(":")[1])
server = socket.create_server(("127.0.0.1", port))
while True: server.accept()
"""


def test_a_broken_tunnel_is_opened_again_and_closed_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ssh").write_text(FORWARD.format(python=sys.executable))
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with Tunnel(load_cluster(written(tmp_path))) as tunnel:
        first = tunnel.url()
        assert tunnel.url() == first and tunnel.opened == 1
        assert tunnel._process
        tunnel._process.kill()
        tunnel._process.wait()
        assert tunnel.url() == first and tunnel.opened == 2
        process = tunnel._process
    assert process and process.poll() is not None
    said = capsys.readouterr().err
    assert said.count("opened a tunnel") == 1 and said.count("opened again") == 1


def test_ssh_takes_the_files_user_and_key(tmp_path: Path) -> None:
    words = ssh.ssh(load_cluster(written(tmp_path, auth={"ssh_user": "me", "ssh_private_key": "/k"})), "a", "-N")
    assert words[0] == "ssh" and words[-1] == "me@a" and words[words.index("-i") + 1] == "/k"
