"""S3 servers on loopback, each a process of its own: moto (knows conditional writes) and rclone (a folder, signed
requests, does not).

`python -m tests.s3.servers PORT` is moto's server.
"""

import os
import secrets
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

START_SECONDS = 60.0


@dataclass(frozen=True)
class Server:
    """A running server and the keys it takes."""

    kind: str
    endpoint: str
    key: str
    secret: str
    process: subprocess.Popen[bytes]

    @property
    def environment(self) -> dict[str, str]:
        """What a client process needs in its environment."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self) -> Any:
        """A client of its own, made without s3fs, whose clients would remember this process's environment."""
        from botocore.config import Config
        from botocore.session import Session

        session = Session()
        session.set_credentials(self.key, self.secret)
        config = Config(
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        return session.create_client("s3", "us-east-1", endpoint_url=self.endpoint, config=config)

    def make_bucket(self, name: str) -> None:
        """A new empty bucket."""
        client = self.client()
        client.create_bucket(Bucket=name)
        client.close()


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve(kind: str, folder: Path, key: str = "AKIAW2STESTKEY000001", secret: str = "") -> Iterator[Server]:
    """A server of `kind` (moto or rclone) until the block ends; `folder` holds its log, and rclone's buckets.

    The keys go by environment: a command line can be read by everybody.
    """
    secret = secret or secrets.token_hex(20)
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    if kind == "moto":
        command = [sys.executable, "-m", "tests.s3.servers", str(port)]
        environment |= {"PYTHONPATH": str(ROOT)}
    else:
        buckets = folder / "buckets"
        buckets.mkdir(exist_ok=True)
        program = Path(sys.executable).parent / "rclone"
        command = [
            str(program),
            "serve",
            "s3",
            "--addr",
            f"127.0.0.1:{port}",
            "--config",
            os.devnull,
            "--vfs-cache-mode",
            "off",
            str(buckets),
        ]
        environment |= {"RCLONE_AUTH_KEY": f'"{key},{secret}"'}  # a CSV list of one pair
    with (folder / f"{kind}.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{port}", process, folder / f"{kind}.log")
        yield Server(kind, f"http://127.0.0.1:{port}", key, secret, process)
    finally:
        process.terminate()
        process.wait(10)


def _wait(endpoint: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(endpoint, timeout=5).close()
            return
        except urllib.error.HTTPError:  # it refuses us, so it is there
            return
        except OSError:
            assert process.poll() is None and time.monotonic() < end, (
                f"the server at {endpoint} did not start:\n{log.read_text()[-2000:]}"
            )
            time.sleep(0.05)


def _moto(port: int) -> None:
    """moto's server with its writes one after the other.

    moto 5.2 looks for the object and stores the new one without a lock between (moto/s3/responses.py, `put_object`), so
    that of conditional creates at the same moment several would succeed; S3's own guarantee is that one does.
    """
    import logging

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import run_simple

    application = DomainDispatcherApplication(create_backend_app)
    lock = threading.Lock()

    def serial(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in ("PUT", "POST"):
            with lock:
                return application(environ, start_response)
        return application(environ, start_response)

    class Handler(MotoRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_request(self, *_: Any) -> None: ...

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    run_simple("127.0.0.1", port, serial, threaded=True, request_handler=Handler)


if __name__ == "__main__":
    _moto(int(sys.argv[1]))
