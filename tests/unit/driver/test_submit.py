"""`w2s submit` against a fake job server: names, environment variables, lost jobs and failing answers."""

import asyncio
import os
import signal
import threading
from collections import Counter
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from ray.job_submission import JobStatus

from ray_jobs.driver import submit as module
from ray_jobs.driver.submit import PASSED, passed_on, run_name, submit


def test_a_run_is_named_by_its_whole_command_line() -> None:
    one = run_name(["quickstart", "--store", "s3://b/r"], "quickstart")
    assert one == run_name(["quickstart", "--store", "s3://b/r"], "quickstart")
    assert one.startswith("quickstart-") and one != run_name(
        ["quickstart", "--store", "s3://b/r", "--set", "iterations=2"], "quickstart"
    )
    assert run_name(["x"], "my run: 2/3").startswith("my-run-2-3-")


def test_only_named_variables_are_passed_on() -> None:
    here = dict.fromkeys(PASSED, "x") | {"MINE": "1", "OTHER": "2", "AWS_SECRET_ACCESS_KEY": "s"}
    assert passed_on(here, ["MINE"]) == dict.fromkeys(PASSED, "x") | {"MINE": "1"}
    assert passed_on({}, []) == {}


@pytest.mark.parametrize(
    "name",
    [
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SESSION_TOKEN",
        "HF_TOKEN",
        "My_Password",
        "GOOGLE_CREDENTIALS",
    ],
)
def test_a_secret_is_not_passed_on(name: str) -> None:
    with pytest.raises(ValueError, match=r"can be read by everybody.*hf auth login.*cluster\.yaml"):
        passed_on({name: "x"}, [name])


@pytest.mark.parametrize("name", ["HF_ENDPOINT", "HTTPS_PROXY"])
def test_a_url_with_credentials_is_not_passed_on(name: str) -> None:
    environment = {name: "http://bob:hunter2@mirror:3128"}
    with pytest.raises(ValueError, match=f"{name} carries credentials.*set it on its nodes") as refused:
        passed_on(environment, [name])
    assert "hunter2" not in str(refused.value)


def test_a_variable_that_is_not_set_is_an_error() -> None:
    with pytest.raises(ValueError, match="no such variable"):
        passed_on({}, ["MINE"])


GONE, HALF = (
    ConnectionError("Failed to connect to Ray"),
    RuntimeError("Request failed with status code 500: GCS unavailable"),
)
NO_LOG = RuntimeError("400, message='Invalid response status'")
STATUS: dict[int | str | None, JobStatus] = {
    0: JobStatus.SUCCEEDED,
    "running": JobStatus.RUNNING,
    "stopped": JobStatus.STOPPED,
}


class Server:
    """A fake job server. `ends` are the states it reports, one for each question; "lost" means that it has forgotten
    the job.

    `raises` are the errors of each method, one for each call; None means no error.
    """

    def __init__(self, *ends: int | str | None, log: str = "all of it\n", **raises: list[Exception | None]) -> None:
        self.ends, self.log, self.raises = list(ends), log, raises
        self.jobs: dict[str, Any] = {}
        self.submitted: list[str] = []
        self.asked: Counter[str] = Counter()

    def answer(self, method: str) -> None:
        self.asked[method] += 1
        if (left := self.raises.get(method)) and (error := left.pop(0)):
            raise error

    async def tail_job_logs(self, job: str) -> AsyncIterator[str]:
        yield self.log[:4]
        self.answer("tail_job_logs")
        yield self.log[4:]

    def get_job_info(self, job: str) -> Any:
        self.answer("get_job_info")
        if job in self.jobs and (end := self.ends.pop(0)) != "lost":
            self.jobs[job].status, self.jobs[job].driver_exit_code = STATUS.get(end, JobStatus.FAILED), end
            return self.jobs[job]
        self.jobs.pop(job, None)
        raise RuntimeError("Request failed with status code 404: no such job")

    def list_jobs(self) -> list[Any]:
        self.answer("list_jobs")
        return list(self.jobs.values())

    def submit_job(self, submission_id: str, **_: Any) -> str:
        self.jobs[submission_id] = SimpleNamespace(
            submission_id=submission_id, status=JobStatus.RUNNING, driver_exit_code=None
        )
        self.submitted.append(submission_id.rsplit("-", 1)[1])
        self.answer("submit_job")
        return submission_id


def run(server: Server, patch: pytest.MonkeyPatch) -> tuple[int, list[str]]:
    """Run `w2s submit` with two attempts. Returns its exit code and the numbers of the submitted attempts."""
    patch.setattr(module, "POLL_SECONDS", 0.02)
    patch.setattr(module, "_client", lambda address: server.answer("connect") or server)
    return submit(["quickstart"], "quickstart", None, 2), server.submitted


@pytest.mark.parametrize(
    ("server", "code", "submitted"),
    [
        (Server(0), 0, ["1"]),
        (Server(2, tail_job_logs=[NO_LOG] * 9), 2, ["1"]),  # only the log fails: a proxy, a dead agent
        (Server("running", "running", 1, tail_job_logs=[NO_LOG] * 9), 1, ["1"]),
        (Server(0, get_job_info=[HALF] * 3), 0, ["1"]),
        # A head that has just restarted cannot read its jobs yet.
        (Server(0, get_job_info=[HALF] * 3, list_jobs=[None, HALF, HALF]), 0, ["1"]),
        (Server(0, get_job_info=[GONE] * 3, tail_job_logs=[GONE]), 0, ["1"]),
        (Server(-9, 0), 0, ["1", "2"]),
        (Server(143, 0), 0, ["1", "2"]),  # 128 + SIGTERM: a machine that is shut down
        (Server(None, None, 0), 1, ["1", "2"]),
        (Server("lost", 0), 0, ["1", "1"]),  # a new cluster
        (Server(-9, 0, connect=[None, None, None, GONE, GONE], list_jobs=[None, HALF, HALF]), 0, ["1", "2"]),
        # The answer to the second submission is lost: the job is followed, not submitted twice.
        (Server(-9, 0, submit_job=[None, HALF]), 0, ["1", "2"]),
        (Server("stopped", 0), 130, ["1"]),
        (Server(130, 0), 130, ["1"]),
    ],
)
def test_what_a_servers_answers_mean(
    server: Server, code: int, submitted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(server, monkeypatch) == (code, submitted)


def test_a_job_is_asked_for_once_a_turn_and_its_log_printed_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    naps: list[float] = []
    monkeypatch.setattr("time.sleep", naps.append)
    server = Server(*["running"] * 5, 0, tail_job_logs=[NO_LOG] * 3)
    assert run(server, monkeypatch)[0] == 0
    out, err = capsys.readouterr()
    assert out == "all of it\n" and err.count("cannot be followed") == 1 and "ray job logs quickstart-" in err
    assert server.asked["tail_job_logs"] == server.asked["get_job_info"] == 6 and len(naps) == 5


@pytest.mark.parametrize("method", ["connect", "list_jobs", "submit_job"])
@pytest.mark.parametrize("error", [GONE, HALF])
def test_at_the_start_a_failing_server_is_an_error_at_once(
    method: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(**{method: [error] * 9})
    with pytest.raises(ValueError, match=r"no Ray cluster answers.*--address"):
        run(server, monkeypatch)
    assert server.asked[method] <= 2


def test_waiting_for_a_failing_server_ends(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "CLUSTER_SECONDS", 0.3)
    server = Server(0, get_job_info=[HALF] * 999)
    with pytest.raises(ValueError, match=r"no Ray cluster answers.*GCS unavailable"):
        run(server, monkeypatch)
    assert 2 < server.asked["get_job_info"] <= 17 and capsys.readouterr().err.count("waiting for it") == 1


def test_ctrl_c_ends_the_waiting(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    # Ray Train (2.60.0) leaves a signal handler in every process it ran in.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        assert run(Server(0, get_job_info=[HALF] * 9999), monkeypatch)[0] == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert "follows it again" in capsys.readouterr().err


def test_a_silent_log_is_not_trusted_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(job: str) -> AsyncIterator[str]:
        await asyncio.sleep(3600)
        yield ""

    server = Server("running", 1)
    monkeypatch.setattr(server, "tail_job_logs", silent)
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.1)
    assert run(server, monkeypatch)[0] == 1
