"""Which nodes a preflight takes, what it says of GPUs, weights and a tiny run; tests/cluster runs it on three hosts."""

import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import fsspec
import pytest

from ray_jobs.cluster.checks import Row
from ray_jobs.driver.preflight import nodes
from ray_jobs.driver.preflight.gpus import Found, ask, judge
from ray_jobs.driver.preflight.nodes import _has, _labels, judge_model
from ray_jobs.models.folders import base_folder
from ray_jobs.models.weights import INDEX, TRIAL_BYTES, Absent, absent_weights
from w2s.recipe import Model


def node(name: str, **labels: str) -> dict[str, Any]:
    return {"NodeManagerHostname": name, "Labels": {f"w2s-{key}": value for key, value in labels.items()}}


LLAMA_70B = Absent(140 * 10**9, 1e8)
NODES = [node("head"), node("s", nodes="sampling"), node("t", nodes="training")]


@pytest.mark.parametrize(
    ("value", "hosts", "says"),
    [
        ("sampling", ["s"], "w2s-nodes=sampling: s"),
        ("training", ["t"], "w2s-nodes=training: t"),
        ("", ["head", "s", "t"], "any label: head, s, t"),
        ("Training", [], "no node has w2s-nodes=Training: start one"),
    ],
)
def test_nodes_are_taken_by_label(value: str, hosts: list[str], says: str) -> None:
    labels = {"w2s-nodes": value} if value else {}
    fitting = [each for each in NODES if _has(each, labels)]
    assert [each["NodeManagerHostname"] for each in fitting] == hosts
    rows = list(_labels({"sample": labels, "finetune": labels}, {"sample": fitting, "finetune": fitting}))
    assert [row.check for row in rows] == ["nodes for sampling", "nodes for training"]
    assert all(row.ok is bool(hosts) and row.text.startswith(says) for row in rows)


FREE = """GPU-aa, 0, NVIDIA H100 80GB HBM3, 1, 81559
GPU-bb, 1, NVIDIA H100 80GB HBM3, 641, 81559
"""
HELD = FREE.replace(" 641,", " 31940,")


@pytest.mark.parametrize(
    ("found", "share", "ok", "says"),
    [
        (Found(FREE), 0.9, True, "2 x NVIDIA H100 80GB HBM3: 0.6 of 79.6 GiB used at most"),
        (Found(FREE), 1.0, True, "0.6 of 79.6"),  # what the driver itself holds
        (Found(HELD), 0.6, True, "31.2 of 79.6"),  # the engine leaves more than that
        (
            Found(HELD, "GPU-bb, 4711, python, train.py, 20000\nGPU-bb, 4712, VLLM::EngineCore, 11000\n"),
            0.9,
            False,
            "GPU 1 has 31.2 of 79.6 GiB used, by process 4711 (python, train.py) and process 4712 (VLLM::EngineCore): "
            "end it, or wait",
        ),
        (Found(HELD), 0.9, False, "by processes that are not shown here, outside of this container"),
        (Found("GPU-aa, 0, NVIDIA GB10, [N/A], [N/A]\n"), 0.9, False, "a GPU without a memory size"),
        (Found(""), 0.9, False, "nvidia-smi shows no GPU: install NVIDIA's driver"),
        (Found(why="nvidia-smi fails (No such file)"), 0.9, False, "No such file): install NVIDIA's driver"),
    ],
)
def test_gpu_memory_must_be_free(found: Found, share: float, ok: bool, says: str) -> None:
    row = judge(partial(Row, "t"), found, share)
    assert (row.host, row.check, row.ok) == ("t", "GPU memory", ok) and says in row.text, row


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("", "No such file or directory: 'nvidia-smi'"),
        ("echo NVIDIA-SMI has failed; exit 9", "exit status 9"),
        ("echo $@", "--query-gpu=uuid,index,name,memory.used,memory.total --format=csv,noheader,nounits"),
    ],
)
def test_nvidia_smi_is_asked(program: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if program:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{program}\n")
        (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = ask()
    assert says in found.why + found.gpus and bool(found.why) is ("query" not in says)


@pytest.mark.parametrize(
    ("facts", "ok", "says"),
    [
        (("ValueError: no access", Absent(0, 0.0), 0), False, "ValueError: no access"),
        (("", Absent(0, 0.0), 10), True, "big: configuration and tokenizer are read, the weights are there"),
        (("", LLAMA_70B, 200 * 10**9), True, "140.0 GB of weights are not there yet: the first step"),
        (("", LLAMA_70B, 200 * 10**9), True, "in about 24 min (a part of them came at 100 MB/s)"),
        (("", Absent(10**9, 8e9), 200 * 10**9), True, "in about 1 min (a part of them came at 8,000 MB/s)"),
        (("", LLAMA_70B, 100 * 10**9), False, "not there yet, and 100.0 GB are free: set HF_HOME or W2S_CACHE"),
    ],
)
def test_weights_are_there_or_fit_the_disk(facts: tuple[str, Absent, int], ok: bool, says: str) -> None:
    found, text = judge_model("big", *facts)
    assert found is ok and says in text


def test_weights_that_are_not_on_this_node_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("W2S_CACHE", str(tmp_path / "cache"))
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    files = {"config.json": b"{}", INDEX: json.dumps(index).encode(), "other.safetensors": b"x" * 50}
    files |= {"model-1.safetensors": b"x" * 700, "model-2.safetensors": b"x" * 300}
    for name, data in files.items():
        fsspec.filesystem("memory").pipe_file(f"/absent/{name}", data)
    model = Model(name="memory://absent", revision="sha256:1")
    assert absent_weights(model).size == 1000 and not list((tmp_path / "cache").rglob("*.safetensors"))
    folder = base_folder(model)
    assert absent_weights(model) == absent_weights(Model(name=str(folder))) == Absent(0, 0.0)
    (folder / "model-2.safetensors").unlink()
    with pytest.raises(ValueError, match=r"1 of 2 files that .* names are missing"):
        absent_weights(Model(name=str(folder)))


def test_the_rate_of_a_trial_is_that_of_its_files_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files of a server that sends for half a second: 8 MiB of 10 have come by then, and no more are asked for."""
    monkeypatch.setenv("W2S_CACHE", str(tmp_path / "cache"))
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    memory = fsspec.filesystem("memory")
    for name, data in {"config.json": b"{}", INDEX: json.dumps(index).encode()}.items():
        memory.pipe_file(f"/slow/{name}", data)
    for name in index["weight_map"].values():
        memory.pipe_file(f"/slow/{name}", b"x" * (5 << 20))
    cat, asked = type(memory).cat_file, list[int]()

    def slowly(self: Any, path: str, start: int | None = None, end: int | None = None) -> bytes:
        time.sleep(0.5)
        data: bytes = cat(self, path, start, end)
        asked.append(len(data))
        return data

    model = Model(name="memory://slow", revision="sha256:1")
    base_folder(model, weights=False)
    monkeypatch.setattr(type(memory), "cat_file", slowly)
    found = absent_weights(model)
    assert asked == [TRIAL_BYTES] * 2 and found.size == 10 << 20
    assert 0.5 < (8 << 20) / found.rate < 0.9  # one after the other they take a second


def test_weights_that_are_listed_and_cannot_be_read_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("W2S_CACHE", str(tmp_path / "cache"))
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/shut/config.json", b"{}")
    memory.pipe_file("/shut/model.safetensors", b"x" * 100)
    model = Model(name="memory://shut", revision="sha256:1")
    base_folder(model, weights=False)

    def refused(*_: Any, **__: Any) -> bytes:
        raise PermissionError("403: the weights are not yours")

    monkeypatch.setattr(type(memory), "cat_file", refused)
    why, *facts = nodes._model(model)
    assert why == "PermissionError: 403: the weights are not yours"
    assert judge_model("shut", why, *facts) == (False, why)
