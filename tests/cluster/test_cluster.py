"""From three ssh hosts to a finished run: check, up, submit, a cut link, a killed host, a killed head, down.

The tests run in their order on one lab, because each step of the way needs the one before it. What can go on beside
each other does: a training and an engine start together, and the nodes are tried while the last engine starts.
"""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.cluster.conftest import Story
from tests.cluster.hosts import Host
from tests.cluster.lab import Lab
from tests.conftest import ROOT, wait_for

STORE = "s3://runs/quickstart"
FILE = ["--config", "hosts.yaml"]
RAY = "/home/w2s/w2s/.venv/bin/ray"
CHOSEN = ["quickstart", "--store", STORE, "--only", "test_strong_base", "test_ceiling", "--set", "sft.epochs=1"]
CHOSEN += ["problems.train_1=48", "problems.train_2=48", "problems.test=96"]
RUN = ["submit", *CHOSEN, *FILE, "--resources"]
RUN += ["local,sampling_nodes=sampling,training_nodes=training,problems_per_block=8,max_num_seqs=4"]


def up(hosts: Lab) -> str:
    """What `w2s cluster up` says; where a host does not join, with what the autoscaler has logged."""
    try:
        return hosts.w2s("cluster", "up", *FILE)
    except AssertionError as error:
        log = hosts.head.run("bash", "-c", "tail -n 80 /tmp/ray/session_latest/logs/monitor.*", check=False)
        raise AssertionError(f"{error}\nmonitor:\n{log}") from None


def failed(shown: str) -> list[str]:
    return [line for line in shown.splitlines() if line.startswith("FAIL")]


def test_check_says_what_to_do_before_anything_starts(hosts: Lab, story: Story) -> None:
    shown = hosts.w2s("cluster", "check", *FILE, code=1)
    assert len(failed(shown)) == 1 and "make a token" in shown, shown
    hosts.laptop.run("bash", "-c", f"umask 077; {RAY} get-auth-token --generate >/dev/null")
    hosts.laptop.run("chmod", "644", ".ray/auth_token")
    hosts.training.write(".ray/auth_token", "old", 0o644)
    hosts.network.link(hosts.sampling, up=False)
    shown = hosts.w2s("cluster", "check", *FILE, code=1)
    hosts.network.link(hosts.sampling, up=True)
    story("check, with a token that others can read here and on a host, and a cable out:\n" + "\n".join(failed(shown)))
    here, head, sampling, training = failed(shown)
    assert "chmod 600" in here and "does not reach port 22 of sampling-1" in head, shown
    assert "ssh does not reach it" in sampling and "0644" in training, shown
    for host in (hosts.laptop, hosts.training):
        host.run("chmod", "600", ".ray/auth_token")
    shown = hosts.w2s("cluster", "check", *FILE, "--store", STORE)
    assert all(f"ok    {host.name}" in shown for host in hosts.nodes), shown
    assert shown.count("written and read") == 4, shown  # here and on three hosts
    assert not any(host.processes() for host in hosts.nodes), "a check starts nothing"
    story("check: all ok")


def test_up_starts_every_host_with_its_label(hosts: Lab, story: Story) -> None:
    shown = up(hosts)
    rows = [line for line in shown.splitlines() if " up " in line and line.startswith("ok")]
    story("up:\n" + "\n".join(rows))
    assert len(rows) == 3 and "w2s-nodes=sampling" in rows[1] and "w2s-nodes=training" in rows[2], shown
    assert "Usage stats collection is disabled" in shown, shown
    again = hosts.w2s("cluster", "up", *FILE, code=2)
    assert "a Ray runs on head already" in again, again
    assert (hosts.training.home / ".ray/auth_token").stat().st_mode & 0o777 == 0o600


def test_another_host_without_the_token_is_refused(hosts: Lab, story: Story) -> None:
    for host in hosts.nodes:
        open_ports = [line for line in host.listening() if not line.startswith(("127.", "[::1]", "[::ffff:127."))]
        story(f"{host.name} listens on " + "; ".join(open_ports))
    code = (ROOT / "tests/cluster/refused.py").read_text()
    python = "/home/w2s/w2s/.venv/bin/python"
    answer = hosts.stranger.run(python, "-c", code, "head", "sampling-1", hosts.endpoint).splitlines()[-1]
    got = json.loads(answer)
    story("the stranger without a token got: " + ", ".join(f"{name}: {said}" for name, said in got.items()))
    assert got.pop("bucket") in ("400", "403"), got  # rclone takes an unsigned request for a malformed one
    assert set(got.values()) == {"UNAUTHENTICATED", "ConnectionRefusedError", "401"}, got


class Run:
    """`w2s submit` on the laptop, in the background."""

    def __init__(self, hosts: Lab, log: Path, story: Story) -> None:
        self.log, self.hosts, self.story = log, hosts, story
        self.before, self.sampled = dict[Path, int](), set[tuple[object, ...]]()  # when the head was killed
        with log.open("w") as out:
            self.process = subprocess.Popen(hosts.command(*RUN), stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def said(self) -> str:
        return self.log.read_text()

    def wait(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        try:
            wait_for(lambda: condition() or self.process.poll() is not None, seconds, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.said()}") from None
        assert self.process.poll() is None, f"the run ended before {what}:\n{self.said()}"
        self.story(what)

    def blocks(self) -> dict[Path, int]:
        """The finished blocks in the bucket, with the time of their last write. Parts of blocks are no such files: the
        engine that finishes a block removes them."""
        blocks = [path for path in self.hosts.objects() if path.parent.name == "blocks" and path.suffix == ".parquet"]
        return {path: path.stat().st_mtime_ns for path in blocks}

    def rows(self, suffix: str) -> set[tuple[object, ...]]:
        """The completions in finished blocks (`.parquet`) or in parts of blocks (`.part`)."""
        files = [path for path in self.hosts.objects() if path.parent.name == "blocks" and path.suffix == suffix]
        rows: list[dict[str, object]] = []
        for path in files:
            with suppress(FileNotFoundError):  # a part whose block an engine has finished meanwhile
                rows += pq.read_table(path).to_pylist()
        return {(row["problem_id"], row["sample"], row["text"], row["seed"]) for row in rows}

    def trained(self) -> bool:
        """Whether the training's adapter is committed."""
        return any(path.name == "manifest.json" and "finetune-" in path.parent.name for path in self.hosts.objects())

    def more_blocks(self, than: int, what: str) -> None:
        self.wait(lambda: len(self.blocks()) > than, 600, what)


@pytest.fixture(scope="module")
def run(hosts: Lab, story: Story, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    started = Run(hosts, tmp_path_factory.mktemp("run") / "log", story)
    yield started
    started.process.send_signal(signal.SIGINT)
    started.process.wait(30)


def on(host: Host, text: str) -> bool:
    return any(text in line for line in host.processes())


def test_a_run_is_spread_by_labels_and_survives_a_cut_link_and_a_power_cut(hosts: Lab, run: Run, story: Story) -> None:
    run.wait(lambda: on(hosts.training, "RayTrainWorker"), 600, "the ceiling's workers run on training-1")
    assert not on(hosts.sampling, "RayTrainWorker"), hosts.sampling.processes()
    hosts.network.link(hosts.training, up=False)
    story("the cable of training-1 is out")
    time.sleep(4)
    hosts.network.link(hosts.training, up=True)
    run.more_blocks(1, "first blocks of completions are in the bucket")
    assert on(hosts.sampling, "EngineCore") and not on(hosts.training, "EngineCore"), hosts.sampling.processes()
    before = run.blocks()
    hosts.network.kill(hosts.sampling)
    story("sampling-1 lost its power")
    hosts.network.start(hosts.sampling)
    story("sampling-1 is back, without Ray")
    run.more_blocks(len(run.blocks()), "sampling goes on")
    assert all(run.blocks()[path] == stamp for path, stamp in before.items()), "a finished block is not sampled again"
    run.wait(run.trained, 600, "the ceiling is trained")
    assert "was lost" not in run.said(), run.said()


def test_after_a_lost_head_up_makes_a_new_cluster(hosts: Lab, run: Run, story: Story) -> None:
    hosts.network.kill(hosts.head)
    run.before, run.sampled = run.blocks(), run.rows(".part") | run.rows(".parquet")
    story(f"head lost its power, {len(run.before)} of 24 blocks and {len(run.sampled)} of 192 completions are done")
    hosts.network.start(hosts.head)
    shown = up(hosts)
    assert shown.count("joined after") == 3, shown
    story("up: a new cluster")


def test_preflight_tries_every_node_beside_the_run(hosts: Lab, run: Run, story: Story) -> None:
    shown = hosts.w2s("preflight", *CHOSEN[:3], *FILE)  # without labels, so all three are training nodes
    rows = [line for line in shown.splitlines() if line.startswith(("ok", "FAIL"))]
    story("preflight:\n" + "\n".join(row for row in rows if "cluster" in row or "model" in row))
    assert not failed(shown) and shown.count("configuration and tokenizer are read") == 6, shown
    assert all(host.name in rows[-1] for host in hosts.nodes) and "GB/s a node" in rows[-1], shown


def test_the_new_cluster_does_only_what_is_missing(hosts: Lab, run: Run, story: Story) -> None:
    assert run.process.wait(600) == 0, run.said()
    said = run.said()
    ended = [line for line in said.splitlines() if "finished in" in line or "w2s:" in line]
    story("the run has ended:\n" + "\n".join(ended))
    assert sum(" ceiling " in line for line in ended) == 1 and said.count("96 completions") == 2, said
    assert "opened again a tunnel" in said and "was lost" in said, said
    assert all(run.blocks().get(path) == stamp for path, stamp in run.before.items()), (
        "a finished block is written again"
    )
    assert run.sampled <= run.rows(".parquet"), "a finished problem is sampled again"
    assert "4 done, 0 to resume, 0 to run" in hosts.w2s("plan", *CHOSEN)


def test_down_leaves_no_process(hosts: Lab, story: Story) -> None:
    shown = hosts.w2s("cluster", "down", *FILE)
    story("down:\n" + shown.strip())
    assert shown.count("none left") == 3, shown
    for host in hosts.nodes:  # the launcher's ssh connections end some seconds after their last command
        wait_for(lambda host=host: host.processes() == [], 30, f"no process of the user on {host.name}")
