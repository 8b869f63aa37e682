"""A laptop, three hosts for a cluster, a bucket and a stranger, as a user would set them up before `w2s cluster`."""

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.hosts import USER, Host, Network
from tests.conftest import ROOT, wait_for

BUCKET_PORT = 9000
KEY, SECRET = "AKIAW2STESTKEY000077", secrets.token_hex(20)
W2S = f"/home/{USER}/w2s/.venv/bin/python"


@dataclass
class Lab:
    """The hosts by what they are for."""

    network: Network
    laptop: Host
    head: Host
    sampling: Host
    training: Host
    bucket: Host
    stranger: Host

    @property
    def endpoint(self) -> str:
        return f"http://{self.bucket.name}:{BUCKET_PORT}"

    @property
    def nodes(self) -> tuple[Host, Host, Host]:
        return self.head, self.sampling, self.training

    def command(self, *arguments: str) -> list[str]:
        """`w2s ARGUMENTS` on the laptop."""
        environment = {"AWS_ENDPOINT_URL": self.endpoint, "AWS_DEFAULT_REGION": "us-east-1", "HF_HUB_OFFLINE": "1"}
        return self.laptop.inside(W2S, "-m", "ray_jobs.cli", *arguments, PYTHONPATH=str(ROOT), **environment)

    def w2s(self, *arguments: str, code: int = 0, seconds: float = 600) -> str:
        """What `w2s ARGUMENTS` prints on the laptop, both streams; it must end with `code`."""
        done = subprocess.run(
            self.command(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
        )
        assert done.returncode == code, f"w2s {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def objects(self) -> list[Path]:
        """Files in the bucket."""
        return [path for path in (self.bucket.home / "buckets/runs").rglob("*") if path.is_file()]


def hosts_file(name: str) -> dict[str, Any]:
    """The shipped docker/hosts.yaml with the names of these hosts filled in, and nothing else changed."""
    config = yaml.safe_load((ROOT / "docker/hosts.yaml").read_text())
    config["cluster_name"] = name
    config["provider"] |= {"head_ip": "head", "worker_ips": ["sampling-1", "training-1"]}
    config["auth"] = {"ssh_user": USER, "ssh_private_key": "~/.ssh/id_ed25519"}
    return config


@contextmanager
def lab(folder: Path) -> Iterator[Lab]:
    """All hosts running, the laptop's key on the nodes, credentials for the bucket everywhere but on the stranger."""
    with Network(folder) as network:
        made = Lab(network, *network.add("laptop", "head", "sampling-1", "training-1", "bucket", "stranger"))
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "id_ed25519")], check=True)
        made.laptop.write(".ssh/id_ed25519", (folder / "id_ed25519").read_text())
        made.laptop.write("hosts.yaml", yaml.safe_dump(hosts_file("lab"), width=1000))
        for node in made.nodes:
            node.write(".ssh/authorized_keys", (folder / "id_ed25519.pub").read_text())
        for host in (made.laptop, *made.nodes):
            host.write(".aws/credentials", f"[default]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n")
        for host in network.hosts.values():
            network.start(host)
        made.bucket.write("buckets/runs/.keep", "")
        rclone = [f"/home/{USER}/w2s/.venv/bin/rclone", "serve", "s3", "--addr", f"0.0.0.0:{BUCKET_PORT}", "--config"]
        rclone += ["/dev/null", "--vfs-cache-mode", "off", f"/home/{USER}/buckets"]
        with (folder / "rclone.log").open("w") as log:
            subprocess.Popen(made.bucket.inside(*rclone, RCLONE_AUTH_KEY=f'"{KEY},{SECRET}"'), stdout=log, stderr=log)
        wait_for(lambda: any(f":{BUCKET_PORT} " in line for line in made.bucket.listening()), 30, "the bucket")
        yield made
