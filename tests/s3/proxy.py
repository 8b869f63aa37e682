"""A proxy between an S3 client and its server that injects faults, drawn from a seed and counted.

    python -m tests.s3.proxy --upstream http://127.0.0.1:9000 --port 9001 --seed 7 --rate 0.2

Kinds: `error_500` and `slow_down` (503) without the server hearing of the request; `reset`, likewise, of the
connection; `slow`, an answer after a delay; `cut`, an answer whose body or head ends early; `lost`, a write the server
has done whose answer never comes.
"""

import argparse
import http.client
import json
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

KINDS = ("error_500", "slow_down", "reset", "slow", "cut", "lost")
WRITES = ("PUT", "POST", "DELETE")
SLOW_SECONDS = 0.3
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "te", "upgrade", "expect", "trailer"}


def even(rate: float) -> dict[str, float]:
    """Every kind as likely as the others, `rate` in all."""
    return dict.fromkeys(KINDS, rate / len(KINDS))


class FaultProxy:
    """Listens on a free loopback port while its block runs; `rates` (kind -> probability a request) may be changed at
    any time.

    A request is drawn for once, in the order of arrival. `faults` counts what was injected, `requests` what came, by
    method.
    """

    def __init__(self, upstream: str, seed: int, rates: Mapping[str, float] | None = None, port: int = 0) -> None:
        self.upstream = urlsplit(upstream)
        self.rates: Mapping[str, float] = rates or {}
        self.faults: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self.asked_again: list[float] = []
        """Seconds from each fault that broke a request until the client asked the same again."""
        self._broken: dict[tuple[str, str], float] = {}
        self._random, self._lock = random.Random(seed), threading.Lock()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.proxy = self
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def endpoint(self) -> str:
        """What the client takes for its server."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def draw(self, method: str, path: str) -> str:
        """The fault for the next request, or an empty string; a kind that cannot befall the method counts as none."""
        with self._lock:
            self.requests[method] += 1
            if (broken := self._broken.pop((method, path), None)) is not None:
                self.asked_again.append(round(time.monotonic() - broken, 3))
            point = self._random.random()
            for kind, rate in self.rates.items():
                point -= rate
                if point < 0:
                    if kind == "lost" and method not in WRITES:
                        return ""
                    self.faults[kind] += 1
                    if kind != "slow":
                        self._broken[method, path] = time.monotonic()
                    return kind
        return ""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512
    proxy: FaultProxy

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    upstream: http.client.HTTPConnection | None = None

    def handle_one_request(self) -> None:
        """One request, whatever its method."""
        try:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            self._forward(self.server.proxy)
        except OSError:
            self.close_connection = True

    def _forward(self, proxy: FaultProxy) -> None:
        body = self._body()
        fault = proxy.draw(self.command, self.path)
        if fault == "error_500":
            return self._refuse(500, "InternalError", "We encountered an internal error. Please try again.")
        if fault == "slow_down":
            return self._refuse(503, "SlowDown", "Please reduce your request rate.")
        if fault == "reset":
            return self._reset()
        status, reason, headers, answer = self._ask(proxy, body)
        if fault == "lost":
            return self._reset()
        if fault == "slow":
            time.sleep(SLOW_SECONDS)
        head = "".join(
            f"{name}: {value}\r\n" for name, value in headers if name.lower() not in HOP_BY_HOP | {"content-length"}
        )
        length = (
            next((value for name, value in headers if name.lower() == "content-length"), None)
            if self.command == "HEAD"
            else str(len(answer))
        )
        head += f"Content-Length: {length}\r\n" if length is not None and status not in (204, 304) else ""
        whole = f"HTTP/1.1 {status} {reason}\r\n{head}\r\n".encode() + (b"" if self.command == "HEAD" else answer)
        if fault == "cut":
            self.wfile.write(whole[: max(10, len(whole) - max(1, len(answer) // 2) - (0 if answer else 8))])
            self.wfile.flush()
            return self._reset(hard=False)
        self.wfile.write(whole)

    def _body(self) -> bytes:
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks: list[bytes] = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(chunks)

    def _ask(self, proxy: FaultProxy, body: bytes) -> tuple[int, str, list[tuple[str, str]], bytes]:
        """The server's answer; the Host stays the client's, for it is signed. Once more where a kept connection had
        been closed."""
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        headers["Content-Length"] = str(len(body))
        for fresh in (False, True):
            if self.upstream is None or fresh:
                self.upstream = http.client.HTTPConnection(
                    proxy.upstream.hostname or "", proxy.upstream.port, timeout=120
                )
            try:
                self.upstream.request(self.command, self.path, body or None, headers)
                answer = self.upstream.getresponse()
                return answer.status, answer.reason, answer.getheaders(), answer.read()
            except (http.client.HTTPException, OSError):
                if fresh:
                    raise
        raise AssertionError("unreachable")

    def _refuse(self, status: int, code: str, message: str) -> None:
        error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n{error}'.encode()
        head = f"HTTP/1.1 {status} {code}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + (b"" if self.command == "HEAD" else body))

    def _reset(self, hard: bool = True) -> None:
        """End the connection: with an RST, or as a server that dies in the middle of an answer."""
        if hard:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close() if hard else self.connection.shutdown(socket.SHUT_RDWR)


def main() -> None:
    """Run until the input ends or a signal comes, then print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0.1)
    options = parser.parse_args()
    with FaultProxy(options.upstream, options.seed, even(options.rate), options.port) as proxy:
        print(proxy.endpoint, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print(json.dumps({"seed": options.seed, "faults": proxy.faults, "requests": proxy.requests}))


if __name__ == "__main__":
    main()
