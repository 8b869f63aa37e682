"""One driver per step, on all stores: who waits, who takes over, and that a loser changes nothing."""

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import ROOT, wait_for
from w2s.graph.step import step
from w2s.recipe import WorldProblems
from w2s.records import Problem
from w2s.store import layout
from w2s.store.attempt import Attempt
from w2s.store.lease import heartbeat, processes
from w2s.store.lease import leases as leases_module
from w2s.store.lease.heartbeat import Heartbeat
from w2s.store.lease.lease import Lease, LeaseLost, check_held, holder, is_live
from w2s.store.lease.leases import Leases
from w2s.store.objects.objects import Objects
from w2s.store.objects.probes import server_time
from w2s.store.store import Store

ONE = step("problems", WorldProblems(seed=1))
TWO = step("others", WorldProblems(seed=2))


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.2)
    monkeypatch.setattr(heartbeat, "EXPIRY_SECONDS", 2.0)
    monkeypatch.setattr(heartbeat, "SECOND_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(leases_module, "POLL_SECONDS", 0.1)


def of(store: Store, run: str) -> Store:
    return replace(store, run=run)


def commit(store: Store, text: str) -> None:
    attempt = Attempt(store, ONE)
    attempt.write_records("test", [Problem("p", text)], Problem)
    attempt.commit({})


def stale(store: Store, run: str, generation: int = 1, process: str = "") -> None:
    """A lease and a heartbeat as a driver on another machine leaves them when it dies."""
    record = {"run": run, "host": "elsewhere", "process": process, "since": "2026-01-01T00:00:00Z"}
    store.objects.write(
        store.objects.path(ONE.directory, "lease", f"{generation:06d}.json"), json.dumps(record).encode()
    )
    store.objects.write(store.objects.path(layout.heartbeat(run)), b"{}")


def test_a_second_run_waits_and_finds_the_step_finished(store: Store) -> None:
    said: list[str] = []
    with (
        Leases(store.objects, "a", said.append) as first,
        Leases(store.objects, "b", said.append) as second,
        ThreadPoolExecutor(1) as pool,
    ):
        assert first.acquire([ONE, TWO]) == [ONE, TWO]
        waiting = pool.submit(second.acquire, [ONE])
        wait_for(lambda: bool(said), 20, "the second run to say that it waits")
        assert "held by run a" in said[0] and "since" in said[0]
        time.sleep(1.5 * heartbeat.EXPIRY_SECONDS)
        assert not waiting.done(), "a living run's step was taken"
        commit(of(store, "a"), "by a")
        first.release([ONE, TWO])
        assert waiting.result(30) == []
    assert store.records(ONE["test"], Problem) == [Problem("p", "by a")]
    assert [
        entry.path
        for entry in store.objects.tree(store.objects.path())
        if "/lease/" in entry.path or "/runs/" in entry.path.removeprefix(store.objects.path())
    ] == []


def test_a_step_given_back_unfinished_goes_to_the_one_who_waits(store: Store) -> None:
    with (
        Leases(store.objects, "a", print) as first,
        Leases(store.objects, "b", print) as second,
        ThreadPoolExecutor(1) as pool,
    ):
        first.acquire([ONE])
        waiting = pool.submit(second.acquire, [ONE])
        time.sleep(0.5)
        first.release([ONE])
        assert waiting.result(30) == [ONE]
        commit(of(store, "b"), "by b")


def test_exactly_one_of_many_takes_an_expired_lease_over(store: Store) -> None:
    stale(store, "dead")
    won: list[str] = []
    said: list[str] = []

    def one(run: str) -> None:
        with Leases(store.objects, run, said.append) as leases:
            if leases.acquire([ONE]):
                won.append(run)
                commit(of(store, run), run)
                leases.release([ONE])

    threads = [threading.Thread(target=one, args=(f"run-{number}",)) for number in range(6)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(won) == 1, won
    assert time.monotonic() - began > heartbeat.EXPIRY_SECONDS, "the heartbeat was not watched for its time"
    assert any("taken over from run dead on elsewhere" in line and "heartbeat has stopped" in line for line in said)
    assert store.records(ONE["test"], Problem) == [Problem("p", won[0])]


def test_a_dead_process_of_this_machine_is_taken_over_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "EXPIRY_SECONDS", 3600.0)
    code = (
        "import sys, os\nfrom w2s.store.lease.leases import Leases\n"
        "from tests.s3.test_lease import ONE\nfrom w2s.store.objects.objects import Objects\n"
        "leases = Leases(Objects(sys.argv[1], exclusive=sys.argv[2] == 'True'), 'killed', print)\n"
        "leases.__enter__(); leases.acquire([ONE]); print('held', flush=True); os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", code, store.objects.url, str(store.objects.exclusive)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.stdout.strip() == "held", done.stderr
    found = holder(store.objects, ONE.directory)
    assert found is not None and found[1].run == "killed" and found[1].has_ended
    assert not is_live(store.objects, ONE.directory, server_time(store.objects))
    said: list[str] = []
    with Leases(store.objects, "next", said.append) as leases:
        assert leases.acquire([ONE]) == [ONE]
        assert is_live(store.objects, ONE.directory, server_time(store.objects))
    assert "its process has ended" in said[0]


def test_who_was_taken_over_stops_and_changes_nothing(store: Store) -> None:
    with Leases(store.objects, "slow", print) as slow:
        assert slow.acquire([ONE]) == [ONE]
        attempt = Attempt(of(store, "slow"), ONE)
        attempt.write_records("test", [Problem("p", "by slow")], Problem)
        stale(store, "quick", generation=2)
        with pytest.raises(LeaseLost, match="held by run quick"):
            attempt.commit({})
        assert store.manifest(ONE) is None
        commit(of(store, "quick"), "by quick")
        with pytest.raises(LeaseLost):
            attempt.commit({})
        wait_for(lambda: bool(slow._lost), 20, "the heartbeat to find the loss")
        with pytest.raises(LeaseLost, match="taken over by run quick"):
            slow.check()
        slow.release([ONE])
        found = holder(store.objects, ONE.directory)
        assert found is not None and found[0] == 2, "the loser gave back what was not its own"
    assert store.records(ONE["test"], Problem) == [Problem("p", "by quick")]


def test_a_commit_without_a_run_needs_a_free_step(store: Store) -> None:
    check_held(store.objects, ONE.directory, "")
    stale(store, "other")
    with pytest.raises(LeaseLost, match="run again"):
        check_held(store.objects, ONE.directory, "")
    with pytest.raises(LeaseLost, match="nobody any more"):
        check_held(store.objects, TWO.directory, "mine")


def test_steps_that_another_run_holds_come_after_the_free_ones(store: Store) -> None:
    with Leases(store.objects, "a", print) as a, Leases(store.objects, "b", print) as b, ThreadPoolExecutor(1) as pool:
        a.acquire([ONE])
        assert b.acquire_free([ONE, TWO]) == ([TWO], [ONE])
        b.release([TWO])
        waiting = pool.submit(b.acquire_free, [ONE])
        time.sleep(0.5)
        assert not waiting.done(), "nothing is free"
        commit(of(store, "a"), "by a")
        a.release([ONE])
        assert waiting.result(30) == ([], []), "the other run has finished it"
        assert b.acquire_free([ONE, TWO]) == ([TWO], [])


def test_stop_ends_waiting_and_gives_back_what_was_taken(store: Store) -> None:
    first, second = sorted((ONE, TWO), key=lambda one: one.directory)
    with Leases(store.objects, "a", print) as a, Leases(store.objects, "b", print) as b, ThreadPoolExecutor(1) as pool:
        a.acquire([second])
        waiting = pool.submit(b.acquire, [first, second])
        time.sleep(0.5)
        b.stop()
        with pytest.raises(LeaseLost, match="another run holds it"):
            waiting.result(30)
        assert holder(store.objects, first.directory) is None


def test_a_stopped_run_holds_what_it_still_works_on(store: Store) -> None:
    """A step has failed: nothing more is started, but what runs goes on for as long as it takes, and must not be taken
    over."""
    with Leases(store.objects, "a", print) as a, Leases(store.objects, "b", print) as b, ThreadPoolExecutor(1) as pool:
        a.acquire([ONE])
        a.stop()
        waiting = pool.submit(b.acquire, [ONE])
        time.sleep(2 * heartbeat.EXPIRY_SECONDS)
        assert not waiting.done(), "a living run's step was taken"
        commit(of(store, "a"), "by a")
        a.release([ONE])
        assert waiting.result(30) == []


def held_by(leases: Leases, store: Store) -> str:
    with leases.hold(ONE):
        found = holder(store.objects, ONE.directory)
        return found[1].run if found else ""


def test_a_finished_step_can_be_held_by_one_at_a_time(store: Store) -> None:
    with Leases(store.objects, "a", print) as a, Leases(store.objects, "b", print) as b, ThreadPoolExecutor(1) as pool:
        with a.hold(ONE):
            commit(of(store, "a"), "by a")
            waiting = pool.submit(held_by, b, store)
            time.sleep(0.5)
            assert not waiting.done()
        assert waiting.result(30) == "b"
        assert holder(store.objects, ONE.directory) is None


def test_a_waiter_that_saw_nothing_for_long_does_not_call_a_heartbeat_stopped(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server was away for both: whose retry comes through first must not decide."""
    stale(store, "other")
    leases = Leases(store.objects, "waiter", print)
    found = holder(store.objects, ONE.directory)
    assert found is not None
    said: list[str] = []
    for clock in (0.0, 0.5, 1.0, 90.0, 90.5, 91.0, 91.5, 92.0, 92.1):
        monkeypatch.setattr(heartbeat.time, "monotonic", lambda clock=clock: clock)
        said.append(leases._expired(found[1]))
    assert not any(said[:-1]) and "heartbeat has stopped" in said[-1], said


def test_a_process_that_proc_hides_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """/proc with hidepid shows no process of another user."""
    held = Lease("r", "h", " ".join([*processes.machine(), "1", "123"]), "t")
    monkeypatch.setattr(
        processes.Path, "read_text", lambda self, real=processes.Path.read_text: _hide(self) or real(self)
    )
    assert not held.has_ended
    assert processes.started("4194304999") == ""


def _hide(path: object) -> str:
    if str(path).endswith("/stat"):
        raise FileNotFoundError(str(path))
    return ""


def test_a_lease_that_cannot_be_read_expires(store: Store) -> None:
    store.objects.write(store.objects.path(ONE.directory, "lease", "000001.json"), b"")
    said: list[str] = []
    with Leases(store.objects, "next", said.append) as leases:
        assert leases.acquire([ONE]) == [ONE]
    assert "held by run unreadable" in said[0] and "taken over" in said[-1]


def test_a_lease_that_is_given_back_while_another_run_looks_is_no_error(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store.objects.path(ONE.directory, "lease/000001.json")
    store.objects.write(path, b"another's")
    monkeypatch.setattr(Objects, "read", lambda self, path: (_ for _ in ()).throw(FileNotFoundError(path)))
    assert not store.objects.create(path, b"mine")


def test_the_heartbeat_outlives_a_server_that_is_away(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    with Leases(store.objects, "a", said.append):
        with monkeypatch.context() as broken:
            broken.setattr(Heartbeat, "write", lambda self, number: (_ for _ in ()).throw(OSError("away")))
            wait_for(lambda: any("away" in line for line in said), 10, "a failed beat")
        before = store.objects.read(store.objects.path(layout.heartbeat("a")))
        wait_for(lambda: store.objects.read(store.objects.path(layout.heartbeat("a"))) != before, 10, "the next beat")


def test_a_beat_whose_answer_never_comes_does_not_hold_up_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, never, said = Heartbeat.write, threading.Event(), list[str]()

    def stuck(self: Heartbeat, number: int) -> None:
        if number == 2:
            never.wait()
        real(self, number)

    monkeypatch.setattr(Heartbeat, "write", stuck)
    with (
        Leases(store.objects, "a", print) as first,
        Leases(store.objects, "b", said.append) as second,
        ThreadPoolExecutor(1) as pool,
    ):
        assert first.acquire([ONE]) == [ONE]
        waiting = pool.submit(second.acquire, [ONE])
        time.sleep(2 * heartbeat.EXPIRY_SECONDS)
        assert not waiting.done() and not first._lost, "a healthy run was taken over"
        commit(of(store, "a"), "by a")
        first.release([ONE])
        assert waiting.result(30) == []
        never.set()


def test_a_lease_that_is_gone_is_created_again_unless_the_step_is_finished(store: Store) -> None:
    """The removal of an earlier run's lease may be asked for twice, and has the same name."""
    with Leases(store.objects, "a", print) as leases:
        assert leases.acquire([ONE]) == [ONE]
        store.objects.remove([store.objects.path(ONE.directory, "lease/000001.json")])
        wait_for(lambda: holder(store.objects, ONE.directory) is not None, 10, "the lease to be there again")
        check_held(store.objects, ONE.directory, "a")
        leases.check()
        commit(of(store, "a"), "by a")
        store.objects.remove([store.objects.path(ONE.directory, "lease/000001.json")])
        wait_for(lambda: bool(leases._lost), 10, "the loss to be seen")
        assert holder(store.objects, ONE.directory) is None


def test_a_folder_that_is_not_the_driver_s_is_told_before_anything_is_sampled_or_trained(tmp_path: Path) -> None:
    store = Store.at(str(tmp_path), run="driver")
    with pytest.raises(
        ValueError, match=rf"{tmp_path} on .* is not the driver's: .* must be a bucket, or a folder they share"
    ):
        heartbeat.check_shared(store.objects, store.run)
    with Leases(store.objects, store.run, print):
        heartbeat.check_shared(store.objects, store.run)
    heartbeat.check_shared(Objects("s3://bucket/runs"), "driver")
