"""A small hub on this machine: what huggingface_hub 2.4 says to create a repository and to commit files to it."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


class Hub:
    """What the server was told."""

    def __init__(self) -> None:
        self.url = ""
        self.refuses = 0  # answer to the creation of a repository, if any
        self.created: list[dict[str, Any]] = []
        self.files: dict[str, dict[str, bytes]] = {}  # by "models/NAME" or "datasets/NAME"
        self.messages: list[str] = []
        self.tokens: set[str] = set()
        self.objects: dict[str, bytes] = {}  # large files by sha256


@contextmanager
def served() -> Iterator[Hub]:
    """A hub, at `.url` while the block runs."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer({"error": "Repository not found"}, 404)

    def do_PUT(self) -> None:
        data = self._body()
        self.hub.objects[hashlib.sha256(data).hexdigest()] = data
        self._answer({})

    def do_POST(self) -> None:
        self.hub.tokens.add(self.headers.get("Authorization", ""))
        data, path = self._body(), urlsplit(self.path).path
        parts = path.strip("/").split("/")
        if path == "/api/repos/create":
            self._create(json.loads(data))
        elif path == "/api/validate-yaml":
            self._answer({"errors": [], "warnings": []})
        elif "preupload" in parts:
            self._answer({"files": [_mode(file["path"]) for file in json.loads(data)["files"]]})
        elif path.endswith("/info/lfs/objects/batch"):
            self._answer({"objects": [self._place(one) for one in json.loads(data)["objects"]]})
        elif "commit" in parts:
            self._commit("/".join(parts[1:4]), [json.loads(line) for line in data.splitlines()])
        else:
            self._answer({"error": f"no {path}"}, 404)

    def _create(self, wanted: dict[str, Any]) -> None:
        if self.hub.refuses:
            self._answer({"error": "You don't have the rights\x1b[2J"}, self.hub.refuses)
            return
        self.hub.created.append(wanted)
        kind = "datasets/" if wanted.get("type") == "dataset" else ""
        self._answer({"url": f"{self.hub.url}/{kind}{wanted['organization'] or 'me'}/{wanted['name']}"})

    def _place(self, one: dict[str, Any]) -> dict[str, Any]:
        return one | {"actions": {"upload": {"href": f"{self.hub.url}/put/{one['oid']}"}}}

    def _commit(self, name: str, lines: list[dict[str, Any]]) -> None:
        files = self.hub.files.setdefault(name, {})
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                self.hub.messages.append(value["summary"])
            elif line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            else:
                files[value["path"]] = self.hub.objects[value["oid"]]
        self._answer({"commitUrl": f"{self.hub.url}/{name}/commit/{'0' * 40}", "commitOid": "0" * 40, "success": True})

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(self, document: dict[str, Any], status: int = 200) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _mode(path: str) -> dict[str, Any]:
    return {"path": path, "uploadMode": "lfs" if path.endswith(".safetensors") else "regular", "shouldIgnore": False}
