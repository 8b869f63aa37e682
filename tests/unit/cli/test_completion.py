"""`w2s completion`: bash completes what its script says, and the other shells get one."""

import subprocess
from pathlib import Path

import pytest

from ray_jobs.cli import completion
from ray_jobs.cli.main import main


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    pytest.importorskip("shtab", reason="shtab is not installed: pip install 'w2s[completion]'")
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["pl"], ["plan"]),
        (["run", "gsm8k-l"], ["gsm8k-llama2-7b"]),
        (["run", "quickstart", "--res"], ["--resources"]),
        (["plan", "quickstart", "--resources", "one"], ["one-gpu"]),
        (["completion", "z"], ["zsh"]),
    ],
)
def test_bash_completes(
    words: list[str], completed: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "script").write_text(script("bash", capsys))
    code = (
        f"source {tmp_path}/script; COMP_WORDS=(w2s {' '.join(words)}); COMP_CWORD={len(words)}; "
        '"$(complete -p w2s | sed "s/.*-F \\([^ ]*\\).*/\\1/")" w2s; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, timeout=30)
    assert done.stdout.split() == completed, done.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = script(shell, capsys)
    assert ("w2s" in text and "quickstart" in text and "--resources" in text) or "resources" in text


@pytest.mark.parametrize(("shell", "said"), [("powershell", "SHELL powershell: must be bash"), ("", "SHELL : ")])
def test_wrong_shell(shell: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 2
    assert said in capsys.readouterr().err


def test_without_the_library(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completion, "find_spec", lambda name: None)
    assert main(["completion", "bash"]) == 2
    assert "pip install 'w2s[completion]'" in capsys.readouterr().err
