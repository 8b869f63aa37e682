"""What must hold on the hosts of a cluster before Ray starts on them: a table of `ok` and `what to do`.

All hosts are asked at once, with the system's ssh, and nothing on them is changed but a probe of the store.
"""

import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ray_jobs.cluster import probe
from ray_jobs.cluster.config import Cluster
from ray_jobs.cluster.ssh import UNREACHED, Done, ask, on_all
from ray_jobs.cluster.token import token_file, use_token
from ray_jobs.runtime.versions import LIBRARIES, versions
from w2s.errors import first_line
from w2s.store.objects.probes import check_writable
from w2s.store.store import Store

SKEW_SECONDS = 5.0
"""Hosts that keep time by NTP differ by less than 0.1 s; S3 refuses requests signed 15 minutes off."""
USED_SHARE = 0.95
"""Ray 2.60.0 runs nothing on a node whose disk is fuller (local_fs_capacity_threshold)."""
FREE_BYTES = 5 << 30
"""A session's logs, the code of the jobs, and checkpoints on their way to the store."""
SHARED_BYTES = 1 << 30
"""Ray's object store goes to the disk where /dev/shm is smaller, and training workers exchange gradients in it."""
PACKAGES = tuple(name for name in LIBRARIES if name != "w2s")  # a job brings w2s


@dataclass(frozen=True, slots=True)
class Row:
    """One check on one host: `text` is what was found, or what to do about it."""

    host: str
    check: str
    ok: bool
    text: str


def check(cluster: Cluster, store: str, environment: Mapping[str, str]) -> list[Row]:
    """Check this machine and, where the file names them, all hosts; `environment` is what a job gets from here."""
    rows = list(check_here(cluster, store))

    def facts(host: str) -> tuple[dict[str, Any] | Done, float]:
        began = time.time()
        peers = cluster.hosts[1:] if host == cluster.head else ()
        found = ask(cluster, host, probe.probe, packages=PACKAGES, peers=peers, store=store, environment=environment)
        return found, 0.0 if isinstance(found, Done) else outside(found["clock"], began, time.time())

    if cluster.placeholders or not cluster.hosts:
        return rows
    answers = on_all(cluster.hosts, facts)
    head = answers[cluster.head][0]
    expected = {} if isinstance(head, Done) else {"python": head.get("python", ""), **head.get("packages", {})}
    for host, (found, skew) in answers.items():
        rows += judge(host, found, skew, expected)
    return rows


def check_here(cluster: Cluster, store: str) -> Iterator[Row]:
    """Checks of this machine, which starts the cluster."""
    row = partial(Row, "here")
    if cluster.placeholders:
        yield row("file", False, f"fill in {', '.join(cluster.placeholders)} in {cluster.file}")
    else:
        yield row("file", True, str(cluster.file))
    missing = [name for name in ("ssh", "rsync") if shutil.which(name) is None]
    yield row("programs", not missing, f"install {', '.join(missing)}" if missing else "ssh, rsync")
    if cluster.key:
        there = Path(cluster.key).is_file()
        make = f"no {cluster.key}: ssh-keygen -t ed25519 -f {cluster.key}, and ssh-copy-id to each host"
        yield row("ssh key", there, cluster.key if there else make)
    try:
        use_token({"HOME": os.environ.get("HOME", "~")})  # the file, because the launcher copies it to the hosts
        there = token_file({"HOME": os.environ.get("HOME", "~")}).is_file()
        make = "make a token: (umask 077; ray get-auth-token --generate >/dev/null)"
        yield row("token", there, "only you can read it" if there else make)
    except ValueError as error:
        yield row("token", False, str(error))
    if store:
        try:
            check_writable(Store.at(store).objects)
            yield row("store", True, f"{store} is written and read")
        except ValueError as error:
            yield row("store", False, first_line(error))


def judge(host: str, found: dict[str, Any] | Done, skew: float, expected: Mapping[str, str]) -> Iterator[Row]:
    """The rows of one host; `expected` are the head's versions, the head itself is compared with this machine."""
    row = partial(Row, host)
    if isinstance(found, Done):
        reached = found.code != UNREACHED
        yield row("ssh", reached, "reached" if reached else f"ssh does not reach it ({found.why}): try it by hand")
        if found.code == 127:
            yield row("ray", False, "install w2s there (make setup in ~/w2s), or name its `ray` in the file")
        elif reached:
            yield row("python", False, f"the Python beside its `ray` fails ({found.why}): make setup")
        return
    yield row("ssh", True, "reached")
    yield row("rsync", found["rsync"], "there" if found["rsync"] else "apt install rsync: the launcher copies with it")
    yield _token(row, found["token_mode"])
    yield from judge_machine(row, found, skew, expected)
    if found["unreached"]:
        yield row("workers", False, f"the head does not reach port 22 of {', '.join(found['unreached'])}")


def judge_machine(
    row: "partial[Row]", found: Mapping[str, Any], skew: float, expected: Mapping[str, str]
) -> Iterator[Row]:
    """What holds whether or not ssh leads to the host: versions, clock, disks, shared memory, store."""
    yield from _versions(row, {"python": found["python"], **found["packages"]}, expected)
    if skew > SKEW_SECONDS:
        yield row("clock", False, f"{skew:.0f} s off: timedatectl set-ntp true")
    else:
        yield row("clock", True, f"within {max(skew, 1):.0f} s")
    for path, disk in found["disks"].items():
        free = f"{disk['free'] / 2**30:.0f} GiB free"
        full = disk["free"] < FREE_BYTES or disk["used_share"] > USED_SHARE
        rule = f"at least {FREE_BYTES >> 30} GiB and {1 - USED_SHARE:.0%}"
        yield row("disk", not full, f"{path}: {free}{f', {rule} are needed' if full else ''}")
    small = found["shared_memory"] < SHARED_BYTES
    shared = f"/dev/shm: {found['shared_memory'] / 2**30:.1f} GiB free"  # noqa: S108
    remedy = f", at least {SHARED_BYTES >> 30} is needed: mount -o remount,size=8G /dev/shm"
    yield row("shared memory", not small, shared + (remedy if small else ""))
    if found["store"] is not None:
        yield row("store", not found["store"], found["store"] or "written and read")


def _token(row: "partial[Row]", mode: int | None) -> Row:
    if mode is None:
        return row("token", True, "comes with `up`")
    if mode & 0o077:
        return row("token", False, f"~/.ray/auth_token has mode {mode:04o}, so others can read it: chmod 600")
    return row("token", True, f"mode {mode:04o}")


def _versions(row: "partial[Row]", found: Mapping[str, str], expected: Mapping[str, str]) -> Iterator[Row]:
    """Compare a host with the head, and its Ray with this machine's, whose launcher starts it."""
    here = versions()["ray"]
    if found.get("ray") != here:
        yield row("ray", False, f"{found.get('ray', 'no Ray')}, here {here}: install the same")
    differing = [
        f"{name} {found.get(name, 'is missing')}, on the head {expected.get(name, 'missing')}"
        for name in sorted({*found, *expected})
        if found.get(name) != expected.get(name)
    ]
    missing = [name for name in ("torch", "vllm", "deepspeed", "trl", "peft") if name not in found]
    if differing:
        yield row("versions", False, f"{'; '.join(differing)}: install the same lock file on all hosts")
    elif missing:
        yield row("versions", False, f"{', '.join(missing)} missing: install docker/requirements-gpu.txt")
    else:
        yield row("versions", True, f"Python {found['python']}, Ray {here}, {len(found) - 2} more packages")


def outside(clock: float, earliest: float, latest: float) -> float:
    """Seconds by which a clock, read between two moments of this machine's, is off at least."""
    return max(earliest - clock, clock - latest, 0.0)


def table(rows: Sequence[Row]) -> list[str]:
    """The rows as lines."""
    hosts, checks = max(len(row.host) for row in rows), max(len(row.check) for row in rows)
    return [f"{'ok' if row.ok else 'FAIL':<5} {row.host:<{hosts}}  {row.check:<{checks}}  {row.text}" for row in rows]
