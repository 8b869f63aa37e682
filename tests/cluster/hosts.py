"""Hosts made of namespaces on this machine: network, processes, mounts and host name of their own, with a real sshd.

A host is the process 1 of its PID namespace: killing it is a power cut, which takes every process, mount and interface
of the host with it. All hosts hang on one bridge, which lies in a namespace of its own, so this machine's network is
not touched. Every host has the machine's file system, but /home, /tmp, /root, /run and the files of accounts are its
own; its only user is `w2s`.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import ROOT, wait_for

USER, UID = "w2s", 47110
PROGRAMS = ("ip", "nsenter", "rsync", "setpriv", "ssh", "ssh-keygen", "unshare", "/usr/sbin/sshd")
SHARED = tuple(dict.fromkeys(str(Path(path).resolve()) for path in (ROOT, sys.prefix, sys.base_prefix)))
"""Folders of this machine that each host sees: this checkout, its packages, its Python."""

START = """
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
n=0; for path in {shared}; do n=$((n+1)); mkdir /mnt/$n; mount --rbind "$path" /mnt/$n; done
mkdir /mnt/disk; mount --bind {disk} /mnt/disk
for path in /root /home /tmp /run; do mount -t tmpfs -o mode=755 tmpfs $path; done
chmod 1777 /tmp; mkdir -p /run/sshd /home/{user}
n=0; for path in {shared}; do n=$((n+1)); mkdir -p "$path"; mount --rbind /mnt/$n "$path"; done
mount --bind /mnt/disk/home /home/{user}
for file in passwd shadow group hosts; do mount --bind /mnt/disk/etc/$file /etc/$file; done
umount -l /mnt
mount -t tmpfs -o size=2g,mode=1777 tmpfs /dev/shm
hostname {name}
ip link set lo up
echo ready
exec bash -c '/usr/sbin/sshd -e -f /home/{user}/.sshd/config 2>/home/{user}/.sshd/log; while :; do sleep 1; done'
"""
"""bash stays process 1, because it buries orphans."""


def missing() -> str:
    """Why this machine cannot have such hosts; empty if it can."""
    if os.geteuid() != 0:
        return "hosts of namespaces need root"
    if absent := [program for program in PROGRAMS if shutil.which(program) is None]:
        return f"{', '.join(absent)} not installed: apt install iproute2 openssh-server rsync util-linux"
    tried = ["unshare", "--net", "--pid", "--mount", "--uts", "--fork", "ip", "link", "add", "w2s0", "type", "bridge"]
    done = subprocess.run(tried, capture_output=True, text=True)
    return f"this machine forbids namespaces: {done.stderr.strip()}" if done.returncode else ""


@dataclass
class Host:
    """A host; `pid` is its process 1 as this machine counts."""

    name: str
    address: str
    folder: Path
    process: subprocess.Popen[str] | None = None
    pid: int = 0

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def inside(self, *words: str, user: bool = True, **environment: str) -> list[str]:
        """The command that runs `words` on the host, as its user in its home."""
        space = ["nsenter", "-t", str(self.pid), "--net", "--pid", "--mount", "--uts"]
        if not user:
            return [*space, *words]
        clean = ["env", "-i", f"HOME=/home/{USER}", f"USER={USER}", "LANG=C.UTF-8", f"PATH={os.defpath}:/usr/sbin"]
        clean += [f"{name}={value}" for name, value in environment.items()]
        identity = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--no-new-privs"]
        return [*space, f"--wdns=/home/{USER}", *identity, *clean, *words]

    def run(self, *words: str, check: bool = True, seconds: float = 120, **environment: str) -> str:
        """What `words` print on the host, both streams."""
        done = subprocess.run(
            self.inside(*words, **environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
        )
        assert not check or done.returncode == 0, f"{self.name}: {shlex.join(words)}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def write(self, path: str, text: str, mode: int = 0o600) -> None:
        """Write a file of the host's user."""
        file = self.home / path
        for folder in reversed([each for each in file.parents if each.is_relative_to(self.home)]):
            if not folder.exists():
                folder.mkdir(mode=0o700)
                os.chown(folder, UID, UID)
        file.write_text(text)
        file.chmod(mode)
        os.chown(file, UID, UID)

    def processes(self) -> list[str]:
        """Command lines of the user's processes on the host."""
        listed = subprocess.run(
            self.inside("ps", "-u", USER, "-o", "pid=,args=", user=False), capture_output=True, text=True
        ).stdout
        return [line.strip() for line in listed.splitlines()]

    def listening(self) -> list[str]:
        """Addresses and ports on which the host listens, with the program."""
        listed = subprocess.run(self.inside("ss", "-tlnpH", user=False), capture_output=True, text=True).stdout
        return sorted(" ".join(line.split()[3:4] + line.split()[5:]) for line in listed.splitlines())


@dataclass
class Network:
    """All hosts on one bridge. As a context manager it ends them."""

    folder: Path
    hosts: dict[str, Host] = field(default_factory=dict[str, Host])
    switch: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Network":
        self.switch = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        wait_for(lambda: "sleep" in Path(f"/proc/{self.switch.pid}/comm").read_text(), 10, "the switch")
        self._switch("ip", "link", "add", "switch", "type", "bridge")
        self._switch("ip", "link", "set", "switch", "up")
        return self

    def __exit__(self, *_: object) -> None:
        for host in self.hosts.values():
            self.kill(host)
        if self.switch:
            self.switch.kill()
            self.switch.wait()

    def add(self, *names: str) -> list[Host]:
        """New hosts with empty homes, not started."""
        for name in names:
            host = Host(name, f"10.77.0.{len(self.hosts) + 1}", self.folder / name)
            self.hosts[name] = host
            (host.folder / "etc").mkdir(parents=True)
            host.home.mkdir(mode=0o700)
            os.chown(host.home, UID, UID)
            (host.home / "w2s").symlink_to(ROOT)
            host.write(".sshd/log", "")
            key = host.home / ".sshd/key"
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
            lines = [f"HostKey /home/{USER}/.sshd/key", "PasswordAuthentication no", "UsePAM no", "StrictModes yes"]
            lines += ["Subsystem sftp internal-sftp", "MaxStartups 50:30:100", f"PidFile /home/{USER}/.sshd/pid"]
            host.write(".sshd/config", "\n".join(lines) + "\n")
            accounts = {
                "passwd": f"root:x:0:0::/root:/bin/bash\nsshd:x:102:65534::/run/sshd:/usr/sbin/nologin\n"
                f"{USER}:x:{UID}:{UID}::/home/{USER}:/bin/bash\n",
                "shadow": f"root:*:19000::::::\nsshd:*:19000::::::\n{USER}:*:19000::::::\n",
                "group": f"root:x:0:\nnogroup:x:65534:\n{USER}:x:{UID}:\n",
            }
            for file, text in accounts.items():
                (host.folder / "etc" / file).write_text(text)
        return [self.hosts[name] for name in names]

    def start(self, host: Host) -> None:
        """Start a host with the home it had before, and wait for its sshd."""
        names = "".join(f"{each.address} {each.name}\n" for each in self.hosts.values())
        (host.folder / "etc/hosts").write_text(f"127.0.0.1 localhost\n{names}")
        script = START.format(shared=shlex.join(SHARED), disk=host.folder, user=USER, name=host.name)
        spaces = ["--net", "--pid", "--mount", "--uts", "--ipc", "--fork", "--mount-proc", "--kill-child"]
        host.process = subprocess.Popen(
            ["unshare", *spaces, "bash", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        assert host.process.stdout
        assert host.process.stdout.readline() == "ready\n", f"{host.name} did not start"
        tree = Path(f"/proc/{host.process.pid}/task/{host.process.pid}/children")
        host.pid = int(tree.read_text().split()[0])
        assert self.switch
        port = f"p{host.address.rsplit('.', 1)[1]}"
        ends = ["type", "veth", "peer", "name", "eth0", "netns", str(host.pid)]
        self._switch("ip", "link", "add", port, *ends)
        self._switch("ip", "link", "set", port, "master", "switch", "up")
        card = f"02:77:00:00:00:{int(host.address.rsplit('.', 1)[1]):02x}"  # the same after a restart, as a real card's
        for words in (
            ["link", "set", "eth0", "address", card],
            ["addr", "add", f"{host.address}/24", "dev", "eth0"],
            ["link", "set", "eth0", "up"],
        ):
            subprocess.run(host.inside("ip", *words, user=False), check=True)
        wait_for(lambda: any(":22 " in line for line in host.listening()), 20, f"sshd of {host.name}")

    def kill(self, host: Host) -> None:
        """A power cut: every process of the host is gone, and its mounts and interfaces with them."""
        if host.process and host.process.poll() is None:
            os.kill(host.pid or host.process.pid, signal.SIGKILL)
            host.process.wait(20)

    def link(self, host: Host, up: bool) -> None:
        """Plug a host's cable in, or pull it out."""
        self._switch("ip", "link", "set", f"p{host.address.rsplit('.', 1)[1]}", "up" if up else "down")

    def _switch(self, *words: str) -> None:
        assert self.switch
        subprocess.run(["nsenter", "-t", str(self.switch.pid), "--net", *words], check=True)
