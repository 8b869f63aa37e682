"""The engine's own last error is in the line that the user gets."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ray_jobs.sampling import process
from ray_jobs.sampling.process import NO_ROOM, EngineProcess, last_error
from tests.conftest import ROOT

PREFIX = "(EngineCore_DP0 pid=4711) ERROR 11-26 12:00:01 [core.py:842] "
TRACEBACK = f"""{PREFIX}EngineCore failed to start.
{PREFIX}Traceback (most recent call last):
{PREFIX}  File "core.py", line 833, in run_engine_core
{PREFIX}ValueError: StableLm has no adapters
(EngineCore_DP0 pid=4711) Process EngineCore_DP0:
RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {{}}
"""


@pytest.mark.parametrize(
    ("log", "error"),
    [
        ("", ""),
        ("INFO 11-26 12:00:01 [core.py:1] all is well\nno Error here\n", ""),
        (TRACEBACK, "ValueError: StableLm has no adapters"),
        (
            f"{TRACEBACK}{PREFIX}torch.OutOfMemoryError: CUDA out of memory.\n",
            "torch.OutOfMemoryError: CUDA out of memory.",
        ),
        ("(Worker pid=3) NotImplementedError: no kernel\n", "NotImplementedError: no kernel"),
        ("KeyError: 'model.score.weight'\n", "KeyError: 'model.score.weight'"),
    ],
)
def test_the_last_error_of_a_log(log: str, error: str) -> None:
    assert last_error(log) == error


def test_only_what_was_logged_since_counts(tmp_path: Path) -> None:
    code = (
        "import os, sys; from ray_jobs.sampling import process as p; os.write(2, b'OldError: before\\n'); "
        "sizes = p._logs(); os.write(2, b'ValueError: ' + b'x' * 9 + b'\\n'); first = p.last_error(p._since(sizes)); "
        "print(first, '|', p.last_error(p._since(p._logs())))"
    )
    with (tmp_path / "log").open("wb") as log:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=log, env=environment, check=True
        )
    assert done.stdout.decode() == "ValueError: xxxxxxxxx | \n"


KV_CACHE = (
    "ValueError: To serve at least one request with the model's max seq len (4096), (2.0 GiB KV cache is needed, which "
    "is larger than the available KV cache memory (1.5 GiB). Based on the available memory, the estimated maximum "
    "model length is 3072. Try increasing `gpu_memory_utilization`"
)
NO_CACHE = "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`"
HELD_BY_OTHERS = "ValueError: Free memory on device cuda:0 (3.1/79.1 GiB) on startup is less than desired"


@pytest.mark.parametrize(
    ("why", "kind", "said"),
    [
        (
            KV_CACHE,
            ValueError,
            r"the engine does not fit: ValueError: To serve .* \(1.5 GiB\): give it more memory in -",
        ),
        (NO_CACHE, ValueError, "for the cache blocks: give it more memory"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried 2.00 GiB.", ValueError, "CUDA out of memory: give it more"),
        ("torch.AcceleratorError: CUDA error: out of memory", ValueError, "error: out of memory: give it more"),
        ("RuntimeError: CUDA driver error: invalid argument", RuntimeError, "argument .RuntimeError: Engine"),
        (HELD_BY_OTHERS, RuntimeError, "less than desired .RuntimeError: Engine core init"),
    ],
)
def test_an_engine_without_room_is_not_started_again(
    why: str, kind: type[Exception], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`retried` raises a ValueError at once. Memory that another process holds may be free at the next start."""

    def fails(_: object) -> None:
        raise RuntimeError("Engine core initialization failed. See root cause above.")

    vllm = SimpleNamespace(AsyncLLM=SimpleNamespace(from_engine_args=fails))
    monkeypatch.setitem(sys.modules, "vllm.v1.engine.async_llm", cast(Any, vllm))
    monkeypatch.setattr(process, "_since", lambda _: f"{PREFIX}{why}\n")
    with pytest.raises(kind, match=said):
        EngineProcess(None)


def test_these_are_vllms_words() -> None:
    spec = importlib.util.find_spec("vllm")
    assert spec and spec.origin
    source = (Path(spec.origin).parent / "v1/core/kv_cache_utils.py").read_text()
    joined = re.sub(r'"\s+f?"', "", source)
    assert len(set(NO_ROOM.findall(joined))) == 2
