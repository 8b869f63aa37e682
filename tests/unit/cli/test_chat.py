"""`w2s chat` with a server and with what is none; `w2s chat` and `w2s export` of damaged models: one line each."""

import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ray_jobs.cli.main import main
from ray_jobs.models import answering
from ray_jobs.models.adapters import load_model
from tests.unit.cli.small_run import HOSTILE, commit, small_run, steps_of
from tests.unit.models import tiny_models
from w2s.recipe import Model
from w2s.store.store import Store

PLAIN = '{"peft_type": "LORA", "r": 8}'
BROKEN: dict[str, tuple[dict[str, str], str]] = {
    "weak_sft": ({"adapter_config.json": PLAIN}, "has no adapter_model.safetensors: "),
    "full_weak_ft": ({"adapter_model.safetensors": "x"}, "has no adapter_config.json: "),
    "weak_ft_1": ({"adapter_config.json": "{}"}, "must be that of a LoRA adapter and has peft_type=None, r=None"),
    "icl_ft_1": ({"adapter_config.json": "[]"}, "has peft_type=None, r=None"),
    "hybrid_ft_1": ({"adapter_config.json": "{r: 8"}, "is not JSON in UTF-8 (JSONDecodeError"),
    "dpo": ({"adapter_config.json": '{"peft_type": "IA3"}'}, "has peft_type='IA3', r=None"),
    "orpo": ({"adapter_config.json": '{"peft_type": "LORA", "r": "8"}'}, "has peft_type='LORA', r='8'"),
    "ceiling": ({"adapter_config.json": PLAIN, "adapter_model.safetensors": "cut off"}, "no whole safetensors file"),
}
"""By the training step whose adapter it is: its broken file, or the one that is there alone, and what is said."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A run whose adapters are all broken."""
    store = small_run(tmp_path_factory.mktemp("chat"), without=(*BROKEN, "report"))
    whole = {"adapter_config.json": PLAIN, "adapter_model.safetensors": "\x02" + "\0" * 7 + "{}"}
    for step in steps_of(store):
        if step.name in BROKEN:
            files, _ = BROKEN[step.name]
            lacks = {"weak_sft": "adapter_model.safetensors", "full_weak_ft": "adapter_config.json"}.get(step.name)
            files = {name: text for name, text in (whole | files).items() if name != lacks}
            commit(store, step, {"model": [(name, text.encode()) for name, text in files.items()]})
    return store


@pytest.mark.parametrize(
    ("command", "step"), [*(("chat", step) for step in BROKEN), ("export", "dpo"), ("export --merge", "dpo")]
)
def test_a_broken_adapter_is_one_line(
    command: str, step: str, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    monkeypatch.setenv("W2S_CACHE", str(tmp_path / "cache"))
    name, *more = command.split()
    more += ["--to", str(tmp_path / "to")] if name == "export" else []
    assert main([name, "quickstart", step, "--store", store.objects.url, *more]) == 2
    error = capfd.readouterr().err
    assert f"the adapter of step {step} in " in error and BROKEN[step][1] in error and error.count("\n") == 1, error
    assert "remove the copy" in error and not (tmp_path / "to").exists()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: folder.rename(folder.with_name("other")), "there is no folder"),
        (lambda folder: (folder / "model.safetensors").unlink(), "put the whole model there again"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"cut off"), "put the whole model there again"),
        (lambda folder: (folder / "config.json").unlink(), "put the whole model there again"),
        (lambda folder: (folder / "config.json").write_text("{"), "put the whole model there again"),
    ],
)
def test_a_broken_base_is_refused(damage: Callable[[Path], Any], said: str, tmp_path: Path) -> None:
    folder = tiny_models.llama(tmp_path / "base")
    damage(folder)
    with pytest.raises(ValueError, match=said):
        load_model(Model(name=str(folder), revision="sha256:1"), None)


class Server(BaseHTTPRequestHandler):
    """Answers as an OpenAI-compatible server does."""

    asked: ClassVar[list[dict[str, Any]]] = []
    models: ClassVar[list[str]] = ["served"]

    def do_GET(self) -> None:
        self._say({"data": [{"id": name} for name in self.models]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(body)
        self._say({"choices": [{"text": f" 1 + 1 = 2\n#### 2 {HOSTILE}Question: another?"}]})

    def _say(self, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def served() -> Iterator[str]:
    Server.asked, Server.models = [], ["served"]
    server = HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_chat_with_a_served_model(
    store: Store, served: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("What is 1 + 1?\n"))
    chat = ["chat", "quickstart", "dpo", "--store", store.objects.url, "--url", f"{served}/v1"]
    assert main(chat) == 0
    shown = capsys.readouterr().out
    assert "#### 2 \\x1b[2J" in shown and "another" not in shown and "\x1b" not in shown
    (body,) = Server.asked
    assert body["model"] == "served" and body["temperature"] == 0 and body["stop"] == ["Question", "Answer"]
    assert body["prompt"] and all(isinstance(number, int) for number in body["prompt"]) and body["stop_token_ids"]
    Server.models = ["one", "two"]
    assert main(chat) == 2 and "serves one, two: choose one with --served NAME" in capsys.readouterr().err
    assert main([*chat, "--served", "three"]) == 2 and "--served three" in capsys.readouterr().err


# No server


def silent(connection: socket.socket) -> None:
    """Says nothing until the other side has gone."""
    while connection.recv(1000):
        pass


def endless(connection: socket.socket) -> None:
    """Never ends its answer."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b" ")
        time.sleep(0.05)


def says(answer: bytes) -> Callable[[socket.socket], None]:
    def answered(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(answer)

    return answered


def web(body: str, code: str = "200 OK") -> Callable[[socket.socket], None]:
    return says(f"HTTP/1.1 {code}\r\nContent-Length: {len(body.encode())}\r\n\r\n{body}".encode())


NO_SERVER: list[tuple[Callable[[socket.socket], None], str]] = [
    (silent, "no answer within 0.2 s: start one"),
    (endless, "no answer within 0.2 s: start one"),
    (lambda _: None, "no OpenAI-compatible server answers"),  # it hangs up
    (says(b"SSH-2.0-OpenSSH_9.6\r\n"), "no OpenAI-compatible server answers (BadStatusLine"),
    (says(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), "no OpenAI-compatible server answers"),
    (web("<html>\n"), "no OpenAI-compatible server answers (JSONDecodeError"),
    (web("[]"), "no OpenAI-compatible server answers (TypeError"),
    (web("{}"), "no OpenAI-compatible server answers (KeyError: 'data'"),
    (web('{"data": null}'), "no OpenAI-compatible server answers (TypeError"),
    (web('{"data": [1]}'), "no OpenAI-compatible server answers (TypeError"),
    (web('{"data": []}'), "serves no model: choose one"),
    (web("[" * 100_000), "no OpenAI-compatible server answers (RecursionError"),
    (web(f"<html>\n{HOSTILE}", "404 Not Found"), "the server says 404: <html>\\n\\x1b[2J"),
]


@pytest.mark.parametrize(("behave", "said"), NO_SERVER)
def test_what_is_no_server_is_one_line_in_time(
    behave: Callable[[socket.socket], None],
    said: str,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if behave in (silent, endless):  # the others answer, however late on a busy machine
        monkeypatch.setattr(answering, "FIRST_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):  # the command has hung up
                behave(connection)

        threading.Thread(target=serve, daemon=True).start()
        arguments = ["chat", "quickstart", "dpo", "--store", store.objects.url]
        assert main([*arguments, "--url", f"http://127.0.0.1:{server.getsockname()[1]}"]) == 2
    error = capsys.readouterr().err
    assert said in error and "<urlopen" not in error and error.count("\n") == 1 and error.rstrip("\n").isprintable(), (
        error
    )


@pytest.mark.parametrize("answer", [{}, {"choices": []}, {"choices": [1]}, {"choices": None}, []])
def test_an_answer_without_a_completion_is_one_line(
    answer: Any, store: Store, served: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Server, "do_POST", lambda self: Server._say(self, answer))
    monkeypatch.setattr("sys.stdin", io.StringIO("What is 1 + 1?\n"))
    assert main(["chat", "quickstart", "dpo", "--store", store.objects.url, "--url", served]) == 2
    error = capsys.readouterr().err
    assert "/v1/completions: no OpenAI-compatible server answers (" in error and error.count("\n") == 1
