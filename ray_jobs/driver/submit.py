"""A run as a job of a Ray cluster that is followed, and submitted again when its driver or its cluster is lost.

Ray does not retry jobs, and takes a submission id once: an attempt is `<run>-<attempt>`, where the run is named by what is asked for.
So the same command follows an attempt that is still running instead of starting a second one. What ended with an exit code of its
own is not submitted again: 2 is for the user to change, and 1 is a step that failed after the job's own retries.
"""

import asyncio
import hashlib
import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from w2s.errors import first_line
from w2s.urls import has_credentials

Answer = TypeVar("Answer")

ROOT = Path(__file__).parents[2]
EXCLUDES = [".git", ".venv", "store", "*.egg-info"]
"""Of the working directory, besides what .gitignore names."""
PASSED = (
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "HF_ENDPOINT",
    "HF_HUB_OFFLINE",
)
"""Environment variables the job gets from here where they are set."""
SECRET = re.compile("KEY|SECRET|TOKEN|PASSW|CREDENTIAL", re.IGNORECASE)
"""Names of variables that are not passed on: whoever may ask the cluster for its jobs can read a job's environment."""
OWN_ENDS = (0, 1, 2)
"""Exit codes of a driver that ended by itself (ray_jobs/cli.py)."""
CLUSTER_SECONDS = 600.0
"""How long a cluster that no longer answers is waited for, and how long its log may say nothing before it is asked for the job."""
POLL_SECONDS = 2.0


def submit(
    arguments: Sequence[str], experiment: str, address: str | None, attempts: int, names: Sequence[str] = ()
) -> int:
    """Submit `python -m ray_jobs.run ARGUMENTS`, follow it, and submit it again after a lost driver or cluster, `attempts` times in all.

    Returns the driver's exit code; 1 where all attempts were lost, 130 after Ctrl-C, which leaves the job running, and for a job that
    somebody stopped. Raises ValueError where there is no cluster, or a variable of `names` must not be passed on.
    """
    environment = passed_on(os.environ, names)
    if (
        address
    ):  # Ray's client (2.60, get_address_for_submission_client) lets these variables override the address it is given
        for name in ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS"):
            os.environ.pop(name, None)
    run = run_name(arguments, experiment)
    job = ""
    try:
        for number in range(1, attempts + 1):
            job = _ask(
                address,
                lambda client: _start(client, run, arguments, environment),
                0 if number == 1 else CLUSTER_SECONDS,
            )
            end = _follow(address, job)
            if end in OWN_ENDS or end == 130:
                return end
            how = "with its cluster" if end is None else f"exit code {end}"
            print(f"w2s: {job} was lost ({how}); attempt {number} of {attempts}", file=sys.stderr)
    except KeyboardInterrupt:
        print(
            f"w2s: {job or run} goes on; the same command follows it again, `ray job stop {job or run}` ends it",
            file=sys.stderr,
        )
        return 130
    return 1


def run_name(arguments: Sequence[str], experiment: str) -> str:
    """A name for what is asked for: the experiment and a hash of the whole command line."""
    digest = hashlib.sha256("\0".join(arguments).encode()).hexdigest()[:8]
    return f"{re.sub('[^A-Za-z0-9-]+', '-', experiment).strip('-')}-{digest}"


def passed_on(environment: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """The variables a job gets: `PASSED` where set, and `names`.

    Raises ValueError for a name that is not set or that may be a secret's, and for a URL with credentials.
    """
    for name in names:
        if SECRET.search(name):
            raise ValueError(
                f"--env {name}: a job's environment can be read by everybody on the cluster; give secrets to its nodes (a role, or a file; "
                "the hub's token with `hf auth login` there or by file_mounts in cluster.yaml)"
            )
        if name not in environment:
            raise ValueError(f"--env {name}: there is no such variable here")
    passed = {name: environment[name] for name in (*PASSED, *names) if name in environment}
    for name, value in passed.items():
        if has_credentials(value):
            raise ValueError(
                f"{name} carries credentials, and a job's environment can be read by everybody on the cluster: set it on its nodes"
            )
    return passed


def _ask(address: str | None, question: Callable[[Any], Answer], seconds: float) -> Answer:
    """What the cluster's job server says to `question`, asked again for so long while it does not answer, or only with errors.

    Raises ValueError where it never does.
    """
    end, waiting = time.monotonic() + seconds, False
    while True:
        try:
            return question(_client(address))
        except (
            Exception
        ) as error:  # Ray's, requests' and aiohttp's: a server that is gone, or that answers before it knows its jobs
            if time.monotonic() > end:
                raise ValueError(
                    f"no Ray cluster answers at {address or 'the usual address'} ({first_line(error)}): set --address, e.g. http://127.0.0.1:8265"
                ) from error
            if not waiting:
                print(f"w2s: the cluster does not answer ({first_line(error)}), waiting for it", file=sys.stderr)
            waiting = True
        time.sleep(POLL_SECONDS)


def _client(address: str | None) -> Any:
    from ray.job_submission import JobSubmissionClient

    return JobSubmissionClient(address)


def _start(client: Any, run: str, arguments: Sequence[str], environment: dict[str, str]) -> str:
    """The id of the run's attempt that is on its way, or of a new one."""
    earlier = {
        job.submission_id: job
        for job in client.list_jobs()
        if re.fullmatch(rf"{re.escape(run)}-\d+", job.submission_id or "")
    }
    for name, job in earlier.items():
        if not job.status.is_terminal():
            print(f"w2s: {name} is running: following it", file=sys.stderr)
            return name
    number = max((int(name.rsplit("-", 1)[1]) for name in earlier), default=0) + 1
    runtime = {"working_dir": str(ROOT), "excludes": EXCLUDES, "env_vars": environment}
    command = shlex.join(["python", "-m", "ray_jobs.run", *arguments])
    job = client.submit_job(entrypoint=command, submission_id=f"{run}-{number}", runtime_env=runtime)
    print(f"w2s: submitted {job}", file=sys.stderr)
    return job


def _look(client: Any, job: str) -> Any:
    """What the cluster knows of the job; None where it answers and knows no such job."""
    try:
        return client.get_job_info(job)
    except RuntimeError:  # for a job that is not known (404), and for any other answer but 200
        if job in {one.submission_id for one in client.list_jobs()}:
            raise
        return None


@dataclass
class _Log:
    """A job's log, as far as it has been printed."""

    job: str
    printed: int = 0

    async def follow(self, client: Any) -> None:
        """Print what is new until the job ends.

        Raises TimeoutError where nothing is, for so long that the machine may be gone and have left the connection as it was.
        """
        seen = 0
        async with asyncio.timeout(CLUSTER_SECONDS) as quiet:
            async for text in client.tail_job_logs(self.job):  # from its beginning, each time
                print(text[max(0, self.printed - seen) :], end="", flush=True)
                seen += len(text)
                self.printed = max(self.printed, seen)
                quiet.reschedule(asyncio.get_running_loop().time() + CLUSTER_SECONDS)


def _follow(address: str | None, job: str) -> int | None:
    """Print the job's log until it ends; returns its driver's exit code, or None where the cluster no longer knows the job."""
    from ray.job_submission import JobStatus

    log, said = _Log(job), False
    while True:
        try:
            asyncio.run(log.follow(_client(address)))
        except TimeoutError:
            pass
        except (
            Exception
        ) as error:  # a websocket that fails says nothing about the job, which another part of the server knows
            if not said:
                print(
                    f"w2s: the log of {job} cannot be followed ({first_line(error)}); `ray job logs {job}` may show it",
                    file=sys.stderr,
                )
            said = True
        info = _ask(address, lambda client: _look(client, job), CLUSTER_SECONDS)
        if info is None:
            return None
        if info.status == JobStatus.STOPPED:
            return 130
        if info.status.is_terminal():
            return (
                0
                if info.status == JobStatus.SUCCEEDED
                else -9
                if info.driver_exit_code is None
                else int(info.driver_exit_code)
            )
        time.sleep(POLL_SECONDS)
