"""The question what the engine supports: asked in a process beside other checks, and answered from disk afterwards."""

import sys
import time
from pathlib import Path

import psutil
import pytest

from ray_jobs.driver.checks import support
from ray_jobs.driver.checks.support import Question, Support, ask

NAME = "LlamaForCausalLM"


@pytest.fixture
def vllm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script in place of the process that imports vLLM for half a minute; it writes down its calls."""
    monkeypatch.setenv("W2S_CACHE", str(tmp_path / "cache"))
    script = tmp_path / "python"
    monkeypatch.setattr(sys, "executable", str(script))
    return script


def answers(script: Path, *lines: str) -> None:
    script.write_text("\n".join(["#!/bin/sh", f'echo "$@" >> {script}.calls', *lines]) + "\n")
    script.chmod(0o700)


def calls(script: Path) -> int:
    file = Path(f"{script}.calls")
    return len(file.read_text().splitlines()) if file.exists() else 0


def test_an_answer_is_kept_for_the_version_of_vllm(vllm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(vllm, "echo INFO starting", """echo '{"lora": true, "error": ""}'""")
    for _ in range(2):
        with Question(NAME) as asked:
            assert asked.answer() == Support(True, "")
    assert calls(vllm) == 1
    monkeypatch.setattr(support, "versions", lambda: {"vllm": "99"})
    with Question(NAME) as asked:
        assert asked.answer().lora and calls(vllm) == 2


@pytest.mark.parametrize("left", ["", '{"lora": tr'])
def test_a_damaged_answer_is_asked_again(left: str, vllm: Path, tmp_path: Path) -> None:
    answers(vllm, """echo '{"lora": true, "error": ""}'""")
    for number in (1, 2):
        with Question(NAME) as asked:
            assert asked.answer().lora and calls(vllm) == number
        (file,) = (tmp_path / "cache").glob("support-*.json")
        file.write_text(left)


def test_an_error_is_asked_again(vllm: Path) -> None:
    answers(vllm, """echo '{"lora": false, "error": "no torchvision"}'""")
    for _ in range(2):
        with Question(NAME) as asked:
            assert asked.answer() == Support(False, "no torchvision")
    assert calls(vllm) == 2


@pytest.mark.slow
def test_the_process_answers_while_others_check(vllm: Path) -> None:
    answers(vllm, "sleep 0.5", """echo '{"lora": true, "error": ""}'""")
    with Question(NAME) as asked:
        time.sleep(1)
        began = time.monotonic()
        assert asked.answer().lora and time.monotonic() - began < 0.4


def test_a_check_that_fails_ends_the_process(vllm: Path) -> None:
    answers(vllm, "exec sleep 60")
    began, question = time.monotonic(), Question(NAME)
    assert question._process is not None
    process = psutil.Process(question._process.pid)
    with pytest.raises(ValueError, match="another mistake"), question:
        raise ValueError("another mistake")
    assert not process.is_running() and time.monotonic() - began < 10


@pytest.mark.parametrize("lines", [("echo no such file >&2", "exit 1"), ("echo no such file >&2",)])
def test_vllm_that_does_not_start_is_one_line(vllm: Path, lines: tuple[str, ...]) -> None:
    answers(vllm, *lines)
    with Question(NAME) as asked, pytest.raises(ValueError, match=r"vLLM does not start .*\(no such file\): install"):
        asked.answer()


@pytest.mark.parametrize("name", ["", "../x", "a b", "x" * 101, "$(id)"])
def test_what_is_no_name_starts_no_process(vllm: Path, name: str) -> None:
    answers(vllm)
    with Question(name) as asked:
        assert asked.answer() == Support(False, "which is no name of an architecture")
    assert calls(vllm) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "lora", "error", "merged"),
    [
        (
            NAME,
            True,
            "",
            {"qkv_proj", "gate_up_proj"},
        ),  # made of q_proj, k_proj and v_proj, and of gate_proj and up_proj
        ("Phi3ForCausalLM", True, "", set[str]()),  # its own layers are whole ones
        ("Glm4ForCausalLM", True, "", {"qkv_proj", "gate_up_proj"}),
        ("StableLmForCausalLM", False, "", set[str]()),
        ("NoSuchForCausalLM", False, "it has no such architecture", set[str]()),
        ("PersimmonForCausalLM", True, "", set[str]()),
    ],
)
def test_what_vllm_itself_says(architecture: str, lora: bool, error: str, merged: set[str]) -> None:
    assert ask(architecture) == Support(lora, error, sorted(merged))


@pytest.mark.slow
def test_a_package_that_vllm_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.delitem(sys.modules, "vllm.model_executor.models.gemma3_mm", raising=False)
    support = ask("Gemma3ForConditionalGeneration")
    assert not support.lora and "torchvision" in support.error, "which vision models need, and this machine may have"
