"""Math-Verify's process: its opinions, its limits, its replacement, threads and forks."""

import os
import subprocess
import sys
import threading
import time

import psutil
import pytest

from w2s.answers import Answer, grade
from w2s.answers.second_opinion import second_opinion
from w2s.answers.second_opinion.second_opinion import Worker, math_verify


@pytest.fixture(scope="module")
def worker():
    worker = Worker()
    yield worker
    worker.close()


@pytest.mark.parametrize(
    ("answer", "gold", "opinion"),
    [
        ("\\frac{1}{2}", "0.5", "right"),
        ("50\\%", "0.5", "right"),
        ("3", "4", "wrong"),
        ("\\sum_{i=1}^{3} i", "6", "right"),
        ("", "4", "undecided"),
        ("\ud800\x00", "4", "undecided"),
        ("__import__('os').system('exit 3')", "4", "undecided"),
    ],
)
def test_opinions(worker, answer, gold, opinion):
    assert worker.ask(answer, gold) == opinion
    assert worker.ended == 0


@pytest.mark.slow
def test_a_process_over_its_limits_is_ended_and_replaced(monkeypatch):
    monkeypatch.setattr(second_opinion, "CPU_SECONDS", 1)
    worker = Worker()
    assert worker.ask("9^{9^{9^9}}", "1") == "undecided"
    assert worker.ended == 1
    assert worker.ask("2", "2") == "right"
    worker.close()


@pytest.mark.slow
def test_a_silent_process_is_ended(monkeypatch):
    worker = Worker()
    assert worker.ask("2", "2") == "right"
    assert worker._process is not None
    psutil.Process(worker._process.pid).suspend()
    monkeypatch.setattr(second_opinion, "WALL_SECONDS", 0.2)
    assert worker.ask("2", "3") == "undecided"
    monkeypatch.setattr(second_opinion, "WALL_SECONDS", 60.0)
    assert worker.ask("2", "3") == "wrong"
    worker.close()


@pytest.mark.slow
def test_a_process_that_takes_too_much_memory_gives_no_opinion(monkeypatch):
    monkeypatch.setattr(second_opinion, "MEMORY_BYTES", 400 << 20)
    worker = Worker()
    assert worker.ask("10^{10^{9}}", "1") == "undecided"
    assert worker.ask("2", "2") == "right"
    worker.close()


def test_threads_share_one_process(worker):
    found = {}
    threads = [threading.Thread(target=lambda n=n: found.update({n: worker.ask(str(n), "3")})) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: "right" if n == 3 else "wrong" for n in range(8)}


@pytest.mark.slow
def test_a_forked_process_has_a_worker_of_its_own():
    assert math_verify("7", "7") == "right"
    parent = second_opinion._shared._process
    pid = os.fork()
    if pid == 0:
        fresh = second_opinion._shared._process is None and math_verify("8", "8") == "right"
        second_opinion._shared.close()
        os._exit(0 if fresh else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert parent is second_opinion._shared._process and parent.poll() is None


@pytest.mark.slow
def test_the_process_goes_when_its_parent_is_killed():
    code = (
        "from w2s.answers.second_opinion import second_opinion as s; import time; s.math_verify('1', '1'); "
        "print(s._shared._process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 30
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_importing_answers_loads_neither_sympy_nor_mpmath():
    heavy = {"sympy", "mpmath", "math_verify", "pydantic", "pyarrow", "numpy"}
    code = f"import sys, w2s.answers; print(sorted({heavy} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


GRADES = [
    # answer, gold, kind, verdict, reason, opinion, disputed
    ("\\frac12", "0.5", "", "right", "", "right", False),
    ("50\\%", "0.5", "", "undecided", "no_normal_form", "right", False),
    ("10 \\mathrm{cm}", "10 \\mathrm{m}", "NV", "wrong", "differs", "right", True),
    ("10 \\mathrm{cm}", "10", "NV", "undecided", "no_normal_form", "right", False),
    ("\\sum_{i=1}^{3} i", "6", "", "right", "", "right", False),
    ("2 hours 30 minutes", "60 hours", "", "wrong", "differs", "wrong", False),
    ("B", "B", "SC", "right", "", "", False),
    ("True", "False", "TF", "wrong", "differs", "", False),
]


@pytest.mark.parametrize(("answer", "gold", "kind", "verdict", "reason", "opinion", "disputed"), GRADES)
def test_the_second_opinion_only_turns_an_undecided_expression_right(
    answer, gold, kind, verdict, reason, opinion, disputed
):
    found = grade(Answer(answer), gold, kind, ask="always")
    assert (found.verdict, found.reason, found.second_opinion, found.disputed) == (verdict, reason, opinion, disputed)
    assert grade(Answer(answer), gold, kind, ask="never").second_opinion == ""
