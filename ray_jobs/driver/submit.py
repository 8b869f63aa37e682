"""A run as a job of a Ray cluster: submit it, print its log, submit it again if its driver or its cluster is lost.

Ray does not retry jobs and accepts each submission id once, so an attempt is `RUN-NUMBER`, where RUN is a hash of the
command line. The same command therefore follows an attempt that is still running, instead of starting a second one. A
driver that exits by itself is not submitted again: code 2 needs a change by the user, and code 1 is a step that failed
after its own retries.
"""

import asyncio
import hashlib
import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

from ray_jobs.cluster.token import refusal, use_token
from ray_jobs.cluster.tunnel import Tunnel
from ray_jobs.runtime.code_commit import code_commit
from w2s.errors import first_line
from w2s.urls import has_credentials

Answer = TypeVar("Answer")
Address = str | Tunnel | None
"""Of the job server; None: what Ray's variables name."""

PASSED = (
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "HF_ENDPOINT",
    "HF_HUB_OFFLINE",
)
"""Environment variables that a job gets if they are set here."""
SECRET = re.compile("KEY|SECRET|TOKEN|PASSW|CREDENTIAL", re.IGNORECASE)
"""Names of variables that a job never gets, because everybody with access to the cluster can read a job's
environment."""
OWN_CODES = (0, 1, 2)
"""Exit codes of a driver that exits by itself (ray_jobs/cli/main.py)."""
CLUSTER_SECONDS = 600.0
"""How long to wait for a cluster that stopped answering."""
QUIET_SECONDS = 30.0
"""How long to wait for a line of the log before asking for the job's state and reading the log anew."""
POLL_SECONDS = 2.0


def submit(
    arguments: Sequence[str],
    experiment: str,
    address: Address,
    attempts: int,
    names: Sequence[str] = (),
    code: Mapping[str, Any] = MappingProxyType({}),
    program: Sequence[str] = ("ray_jobs.run",),
) -> int:
    """Run `python -m PROGRAM ARGUMENTS` as a job, submitted at most `attempts` times.

    `names` are variables that the job gets besides PASSED and the commit of this code; `code` is the part of its
    `runtime_env` that brings the code (ray_jobs/driver/package.py). Returns the driver's exit code, 1 if all attempts
    were lost, and 130 if somebody stopped the job or after Ctrl-C, which leaves the job running.

    Raises ValueError if no cluster answers or if a variable must not be passed to a job.
    """
    use_token(os.environ)
    environment = {"W2S_COMMIT": code_commit()} | passed_on(os.environ, names)
    if address:  # else these variables override it (Ray 2.60.0, get_address_for_submission_client)
        for name in ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS"):
            os.environ.pop(name, None)
    folder = [str(code["working_dir"])] if "py_modules" in code and "working_dir" in code else []
    run = run_name([*arguments, *folder], experiment)
    runtime = {**code, "env_vars": {name: value for name, value in environment.items() if value}}
    job = ""
    try:
        for number in range(1, attempts + 1):
            patience = 0 if number == 1 else CLUSTER_SECONDS
            job = _ask(address, lambda client: _start(client, run, [*program, *arguments], runtime), patience)
            exit_code = _follow(address, job)
            if exit_code in OWN_CODES or exit_code == 130:
                return exit_code
            how = "with its cluster" if exit_code is None else f"exit code {exit_code}"
            _print(f"{job} was lost ({how}); attempt {number} of {attempts}")
    except KeyboardInterrupt:
        _print(f"{job or run} goes on; the same command follows it again, `ray job stop {job or run}` ends it")
        return 130
    return 1


def run_name(arguments: Sequence[str], experiment: str) -> str:
    """The name of a run: its experiment and a hash of the command line."""
    digest = hashlib.sha256("\0".join(arguments).encode()).hexdigest()[:8]
    return f"{re.sub('[^A-Za-z0-9-]+', '-', experiment).strip('-')}-{digest}"


def passed_on(environment: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """The environment variables of a job: those of PASSED that are set, and `names`.

    Raises ValueError for a variable that is not set, whose name looks like a secret's, or whose value is a URL with
    credentials.
    """
    for name in names:
        if SECRET.search(name):
            raise ValueError(
                f"--env {name}: a job's environment can be read by everybody on the cluster: give secrets to its "
                "nodes, as a role or a file; for the hub's token, `hf auth login` there or file_mounts in cluster.yaml"
            )
        if name not in environment:
            raise ValueError(f"--env {name}: this environment has no such variable: set it, or leave it out")
    passed = {name: environment[name] for name in (*PASSED, *names) if name in environment}
    for name, value in passed.items():
        if has_credentials(value):
            raise ValueError(
                f"{name} carries credentials, and a job's environment can be read by everybody on the cluster: "
                "set it on its nodes"
            )
    return passed


def _ask(address: Address, question: Callable[[Any], Answer], seconds: float) -> Answer:
    """The job server's answer to `question`, asked again for `seconds` while the server fails.

    Raises ValueError if it fails longer.
    """
    end, waiting = time.monotonic() + seconds, False
    while True:
        try:
            return question(_client(address))
        except Exception as error:  # of Ray, requests or aiohttp: no server, or one that does not know its jobs yet
            if why := refusal(error):
                raise ValueError(f"the cluster at {address or 'the default address'} answers, but {why}") from error
            if time.monotonic() > end:
                raise ValueError(
                    f"no Ray cluster answers at {address or 'the default address'} ({first_line(error)}): "
                    "set --config to the cluster's file, or --address, for example http://127.0.0.1:8265"
                ) from error
            if not waiting:
                _print(f"the cluster does not answer ({first_line(error)}), waiting for it")
            waiting = True
        time.sleep(POLL_SECONDS)


def _client(address: Address) -> Any:
    from ray.job_submission import JobSubmissionClient

    return JobSubmissionClient(address.url() if isinstance(address, Tunnel) else address)


def _start(client: Any, run: str, words: Sequence[str], runtime: dict[str, Any]) -> str:
    """The submission id of the attempt that is running, or of a new attempt."""
    earlier = {
        job.submission_id: job
        for job in client.list_jobs()
        if re.fullmatch(rf"{re.escape(run)}-\d+", job.submission_id or "")
    }
    for name, job in earlier.items():
        if not job.status.is_terminal():
            _print(f"{name} is running: following it")
            return name
    number = max((int(name.rsplit("-", 1)[1]) for name in earlier), default=0) + 1
    command = shlex.join(["python", "-m", *words])
    job = client.submit_job(entrypoint=command, submission_id=f"{run}-{number}", runtime_env=runtime)
    _print(f"submitted {job}")
    return job


def _job_info(client: Any, job: str) -> Any:
    """Ray's JobDetails of the job, or None if the cluster does not know the job."""
    try:
        return client.get_job_info(job)
    except RuntimeError:  # for an unknown job (404), but also for every other answer except 200
        if job in {known.submission_id for known in client.list_jobs()}:
            raise
        return None


@dataclass
class _Log:
    """The log of a job and how much of it has been printed."""

    job: str
    printed: int = 0  # characters

    async def follow(self, client: Any) -> None:
        """Print new text until the job ends.

        Raises TimeoutError after QUIET_SECONDS without text, because a tunnel or a machine that is gone may leave its
        connection open while the job writes on.
        """
        seen = 0
        async with asyncio.timeout(QUIET_SECONDS) as quiet:
            async for text in client.tail_job_logs(self.job):  # always from the beginning of the log
                print(text[max(0, self.printed - seen) :], end="", flush=True)
                seen += len(text)
                self.printed = max(self.printed, seen)
                quiet.reschedule(asyncio.get_running_loop().time() + QUIET_SECONDS)


@dataclass
class _Silence:
    """Says that a job goes on while its log is silent: after QUIET_SECONDS, and again whenever that has doubled."""

    job: str
    since: float = field(default_factory=time.monotonic)
    next: float = 0.0

    def seen(self, text: bool) -> None:
        """Note that the job runs, and whether its log had new text since the last call."""
        if text:
            self.since, self.next = time.monotonic(), 0.0
        elif (seconds := time.monotonic() - self.since) >= max(self.next, QUIET_SECONDS):
            _print(f"{self.job} goes on; its log has been silent for {seconds:.0f} s")
            self.next = 2 * seconds


def _follow(address: Address, job: str) -> int | None:
    """Print the log of a job until the job ends.

    Returns the driver's exit code, -9 if it left none, or None if the cluster no longer knows the job.
    """
    from ray.job_submission import JobStatus

    log, warned, silent = _Log(job), False, _Silence(job)
    while True:
        before = log.printed
        try:
            asyncio.run(log.follow(_client(address)))
        except TimeoutError:
            pass
        except Exception as error:  # a failed websocket does not mean a failed job, so ask for the job's state below
            if not warned:
                _print(f"the log of {job} cannot be followed ({first_line(error)}); `ray job logs {job}` may show it")
            warned = True
        info = _ask(address, lambda client: _job_info(client, job), CLUSTER_SECONDS)
        if info is None:
            return None
        if info.status == JobStatus.STOPPED:
            return 130
        if info.status.is_terminal():
            if info.status == JobStatus.SUCCEEDED:
                return 0
            return -9 if info.driver_exit_code is None else int(info.driver_exit_code)
        silent.seen(log.printed > before)
        time.sleep(POLL_SECONDS)


def _print(text: str) -> None:
    print(f"w2s: {text}", file=sys.stderr)
