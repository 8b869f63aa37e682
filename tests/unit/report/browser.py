"""Headless Chromium by its DevTools: what a page looks like to a reader, what it logs and what it asks for."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.conftest import wait_for

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """One Chromium with one page."""

    def __init__(self, folder: Path) -> None:
        from websockets.sync.client import connect

        assert PROGRAM is not None
        sandbox = ["--no-sandbox"] if os.getuid() == 0 else []
        quiet = ["--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions"]
        arguments = [*quiet, *sandbox, "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"]
        self.process = subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port = folder / "DevToolsActivePort"
        try:
            wait_for(lambda: port.exists() and len(port.read_text().split()) == 2, 60, "Chromium to start")
            with urlopen(f"http://127.0.0.1:{port.read_text().split()[0]}/json") as answer:
                page = next(target for target in json.load(answer) if target["type"] == "page")
            self.socket = connect(page["webSocketDebuggerUrl"], max_size=None, open_timeout=60).__enter__()
        except BaseException:
            self.process.kill()
            raise
        self.events: list[dict[str, Any]] = []
        self.number = 0
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        self.socket.__exit__(None, None, None)
        self.process.kill()
        self.process.wait()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a DevTools method; events that come before it are kept."""
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self.socket.recv(timeout=60))
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def open(self, path: Path, width: int = 1280, **media: str) -> None:
        """Show a file in a window of this width; `media` are CSS media features and their values."""
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=features)
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        wait_for(lambda: self.run("document.readyState") == "complete", 60, "the page to load")

    def run(self, expression: str) -> Any:
        """The value of an expression of JavaScript in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def complaints(self) -> list[str]:
        """Console messages, exceptions and refusals of the policy since the page was opened."""
        names = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [json.dumps(event["params"]) for event in self.events if event["method"] in names]

    def requests(self) -> list[str]:
        """Addresses that were asked for since the page was opened."""
        asked = [event["params"] for event in self.events if event["method"] == "Network.requestWillBeSent"]
        return [one["request"]["url"] for one in asked]
